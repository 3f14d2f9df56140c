"""Whether a picture or a clip is what its recipe makes of its photo: the two, pixel by pixel, in a sentence."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from engine.images import animation, moving
from engine.images.animation import Clip
from engine.images.decode import Limits, decode
from engine.images.formats import ImageRefused, video_kind
from engine.images.metadata import MADE_WITH_KEY, SOFTWARE, Says
from engine.stages import Refused
from engine.tensors import resize
from engine.wire import DIFFERS, MOST_FRAMES, VERIFIED

# Decibels, from which on nobody sees a difference: a JPEG of quality 90 has 35 and more of a painted picture.
SAME_TO_THE_EYE = 34.0
SAME_IN_MOTION = 28.0  # the same of clips: the palette of a GIF and the compression of a video leave about 30
LEVELS = 255
OTHER_SHAPE = 0.02  # of the proportions, more than a reduced copy's rounding to whole pixels
NOT_USED = "The picture to verify cannot be used."
OTHER_PHOTO = f"{VERIFIED} {DIFFERS}, because it was cut or is of another photo: its shape is another."
IDENTICAL = f"{VERIFIED} identical, in every pixel."


def verdict(sent: bytes, x: Tensor, limits: Limits, made_with: str) -> str:
    """A sentence on how the picture that was sent differs from ``x`` (3, H, W) in 0..1, which its recipe makes now.

    Raises:
        Refused: it cannot be read.
    """
    if animation.kind_of_animation(sent) is not None:
        return f"{VERIFIED} {DIFFERS}, because it moves, and what its recipe makes of that photo does not."
    try:
        theirs = decode(sent, limits).pixels
    except ImageRefused as refusal:
        raise Refused(f"{NOT_USED} {refusal}") from refusal
    return _compared([theirs], [x.detach().float().cpu().clamp(0, 1)], SAME_TO_THE_EYE, _made_with(sent), made_with)


def clip_verdict(sent: bytes, clip: Clip, limits: Limits, says: Says, most_bytes: int = 0) -> str:
    """The same of a clip: both as files of the kind that was sent, where there is an encoder of that.

    Raises:
        Refused: it cannot be read.
    """
    kind = animation.kind_of_animation(sent)
    if kind is None:
        return f"{VERIFIED} {DIFFERS}, because it does not move, and what its recipe makes of that clip does."
    try:
        theirs = _frames(sent, limits)
        if kind in moving.KINDS:
            ours = _frames(moving.encode(clip, (kind.media_type,), most_bytes, says).data, limits)
        else:
            ours = [x.float() / LEVELS for x in clip.frames]
    except ImageRefused as refusal:
        raise Refused(f"{NOT_USED} {refusal}") from refusal
    every = -(-len(ours) // len(theirs))
    if len(ours[::every]) != len(theirs):
        return f"{VERIFIED} {DIFFERS}, because it has {len(theirs)} frames, and its recipe makes {len(ours)}."
    return _compared(theirs, ours[::every], SAME_IN_MOTION, _made_with(sent), says.made_with)


def _frames(data: bytes, limits: Limits) -> list[Tensor]:
    """At their own size, (3, H, W) in 0..1."""
    clip = animation.read(data, lambda height, width: (height, width), lambda _: MOST_FRAMES, limits)
    return [x.float() / LEVELS for x in clip.frames]


def _compared(theirs: Sequence[Tensor], ours: Sequence[Tensor], same: float, made: str, made_with: str) -> str:
    """How far apart their frames (3, H, W) in 0..1 are from ours."""
    (height, width), (our_height, our_width) = theirs[0].shape[1:], ours[0].shape[1:]
    if abs(width * our_height / (height * our_width) - 1) > OTHER_SHAPE:
        return OTHER_PHOTO
    squares, most = 0.0, 0
    for one, other in zip(theirs, ours, strict=True):
        shown = resize(other[None], (height, width))[0]  # chats send smaller copies
        difference = (shown.mul(LEVELS).round() - one.mul(LEVELS).round()).abs()
        squares += float(difference.square().mean()) / len(theirs)
        most = max(most, int(difference.max()))
    if not most and (height, width) == (our_height, our_width):
        return IDENTICAL
    decibels = 10 * math.log10(LEVELS**2 / max(squares, 1e-6))
    by = f"{decibels:.0f} dB, at most {most} of {LEVELS} apart"
    if decibels >= same:
        return f"{VERIFIED} the same to the eye ({by})."
    return f"{VERIFIED} {DIFFERS} ({by}), {_why(made, made_with)}"


def _why(theirs: str, made_with: str) -> str:
    if not theirs:
        return "perhaps because another version painted it, which it does not say, or because it was changed since."
    if theirs != made_with:
        return f"because it was painted with other versions: {theirs}; here it is {made_with}."
    return "though the versions are the same: it was painted on another kind of machine, or changed since."


def _made_with(sent: bytes) -> str:
    if (kind := video_kind(sent)) is not None:
        from engine.images.video import comment  # PyAV is an extra

        text = comment(sent, kind)
    else:
        with Image.open(io.BytesIO(sent)) as image:
            said = image.info.get("comment", b"")
            text = str(image.info.get(MADE_WITH_KEY) or image.getexif().get(SOFTWARE) or said.decode("latin-1"))
    last = text.rpartition("\n")[2]
    return last if last.startswith("impasto ") and last.isprintable() and len(last) < 60 else ""
