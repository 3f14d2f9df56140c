"""Whether a picture is what its recipe makes of its photo: the two, pixel by pixel, in a sentence."""

from __future__ import annotations

import io
import math

from PIL import Image
from torch import Tensor

from engine.images.decode import Limits, decode
from engine.images.formats import ImageRefused
from engine.images.metadata import MADE_WITH_KEY, SOFTWARE
from engine.stages import Refused
from engine.tensors import resize

# Decibels, from which on nobody sees a difference: a JPEG of quality 90 has 35 and more of a painted picture.
SAME_TO_THE_EYE = 34.0
LEVELS = 255
OTHER_SHAPE = 0.02  # of the proportions, more than a reduced copy's rounding to whole pixels


def verdict(sent: bytes, x: Tensor, limits: Limits, made_with: str) -> str:
    """A sentence on how the picture that was sent differs from ``x`` (3, H, W) in 0..1, which its recipe makes now.

    Raises:
        Refused: it cannot be read.
    """
    try:
        theirs = decode(sent, limits).pixels
    except ImageRefused as refusal:
        raise Refused(f"The picture to verify cannot be used. {refusal}") from refusal
    ours, (height, width) = x.detach().float().cpu().clamp(0, 1), theirs.shape[1:]
    if abs(width * ours.shape[1] / (height * ours.shape[2]) - 1) > OTHER_SHAPE:
        return "Verified: it differs, because it was cut or is of another photo: its shape is another."
    ours = resize(ours[None], (height, width))[0]  # chats send smaller copies
    difference = (ours.mul(LEVELS).round() - theirs.mul(LEVELS).round()).abs()
    if not difference.any():
        return "Verified: identical, in every pixel."
    decibels = 10 * math.log10(LEVELS**2 / float(difference.square().mean()))
    by = f"{decibels:.0f} dB, at most {int(difference.max())} of {LEVELS} apart"
    if decibels >= SAME_TO_THE_EYE:
        return f"Verified: the same to the eye ({by})."
    return f"Verified: it differs ({by}), {_why(sent, made_with)}"


def _why(sent: bytes, made_with: str) -> str:
    theirs = _made_with(sent)
    if not theirs:
        return "perhaps because another version painted it, which it does not say, or because it was changed since."
    if theirs != made_with:
        return f"because it was painted with other versions: {theirs}; here it is {made_with}."
    return "though the versions are the same: it was painted on another kind of machine, or changed since."


def _made_with(sent: bytes) -> str:
    with Image.open(io.BytesIO(sent)) as image:
        text = image.info.get(MADE_WITH_KEY) or image.getexif().get(SOFTWARE) or ""
    text = str(text)
    return text if text.startswith("impasto ") and text.isprintable() and len(text) < 60 else ""
