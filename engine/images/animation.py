"""Bytes -> frames: read an untrusted animation safely, frame by frame and no further than its limits.

Pillow reads GIF, WebP and APNG, `engine.images.video` what PyAV does. Headers are not believed: frames are counted as
they come, and what breaks off is what there is.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine import wire
from engine.images.decode import DEFAULT_LIMITS, Limits, check_size, refusing
from engine.images.formats import ImageRefused, video_kind
from engine.images.frames import USUAL, Frame, Reader, Size
from engine.tensors import at_least

# Pixels of all frames together that are decoded, whatever comes of them; about ten seconds.
MOST_DECODED = 600_000_000


@dataclass
class Clip:
    """An animation at the size at which it is painted."""

    kind: wire.PhotoFormat
    frames: list[Tensor]  # (3, H, W) uint8, sRGB
    seconds: list[Fraction]  # of each frame
    alphas: list[Tensor] | None  # (1, H, W) uint8; None where nothing shows through
    loop: int | None  # how often it is repeated: 0 for ever, None not at all
    notes: list[str] = field(default_factory=list)  # sentences for the sender about what was left out
    source: bytes = b""  # the file, where it has sound
    cut: bool = False  # it has more frames than these

    @property
    def loops(self) -> bool:
        return self.loop is not None


def kind_of_animation(data: bytes) -> wire.PhotoFormat | None:
    """The kind of animation that it is; None for a still, for what is no picture, and a video without PyAV."""
    if (kind := video_kind(data)) is not None:
        return kind if importlib.util.find_spec("av") else None
    for name, (signature, kind) in _PILLOWS.items():
        if signature.match(data):
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(io.BytesIO(data), formats=[name]) as image:
                    return kind if getattr(image, "is_animated", False) else None
    return None


_PILLOWS = {
    "GIF": (re.compile(rb"GIF8[79]a"), wire.GIF),
    "WEBP": (re.compile(rb"RIFF....WEBP", re.DOTALL), wire.WEBP),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), wire.APNG),
}


def read(
    data: bytes,
    size: Callable[[int, int], Size],
    most: Callable[[Size], int],
    limits: Limits = DEFAULT_LIMITS,
    keep_alpha: bool = False,
) -> Clip:
    """An animation's frames.

    Args:
        size: (height, width) at which it is painted, by its own.
        most: how many frames of that size are painted.
        keep_alpha: transparent parts come as alphas; else they are put on white.

    Raises:
        ImageRefused: and nothing else, whatever the bytes are.
    """
    if len(data) > limits.max_bytes:
        found, limit = len(data) / 2**20, limits.max_bytes / 2**20
        raise ImageRefused(f"The file has {found:.1f} MiB; the limit is {limit:g} MiB. Send a shorter clip.")
    kind = kind_of_animation(data)
    assert kind, "the caller has asked"
    with refusing(kind.name, data), contextlib.ExitStack() as closing:
        if kind in wire.VIDEOS:
            from engine.images.video import opened  # PyAV is an extra

            reader = closing.enter_context(opened(data, kind))
        else:
            reader = closing.enter_context(_opened(data, kind))
        check_size((reader.size[1], reader.size[0]), limits)
        clip = _clip(reader, size(*reader.size), most, keep_alpha)
        clip.source = data if reader.sound else b""
        return clip


def _clip(reader: Reader, size: Size, most: Callable[[Size], int], keep_alpha: bool) -> Clip:
    clip = Clip(reader.kind, [], [], None, reader.loop)
    alphas: list[Tensor] = []
    allowed = max(1, min(most(size), MOST_DECODED // (reader.size[0] * reader.size[1])))
    try:
        for frame in reader.frames:
            if len(clip.frames) == allowed:
                clip.cut = True
                break
            pixels, alpha = _fitted(frame.pixels, size, keep_alpha)
            clip.frames.append(pixels)
            clip.seconds.append(frame.seconds)
            alphas.append(alpha)
    except MemoryError:
        raise
    except Exception:
        if not clip.frames:
            raise
        clip.notes.append(f"The file breaks off or is damaged; I took the {len(clip.frames)} frames that are whole.")
    if not clip.frames:
        raise ImageRefused("There is no picture in this file. Send it again, or send another.")
    shows = any(bool((alpha < 255).any()) for alpha in alphas)
    if shows and keep_alpha:
        clip.alphas = alphas
    elif shows:
        clip.notes.append("The clip's transparent parts were put on white; alpha=keep keeps them.")
    return clip


def _fitted(pixels: np.ndarray, size: Size, keep_alpha: bool) -> tuple[Tensor, Tensor]:
    """A frame at its size, and its alpha."""
    image = Image.fromarray(pixels)
    if image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BICUBIC)
    alpha = image.getchannel("A") if image.mode == "RGBA" else Image.new("L", image.size, 255)
    if image.mode == "RGBA":
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image.convert("RGB"), mask=alpha.point(lambda a: 255 if a else 0) if keep_alpha else alpha)
        image = paper
    return _tensor(image), _tensor(alpha)


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).view(image.height, image.width, -1).permute(2, 0, 1).contiguous()


def fitting(long_side: int, enlarge: bool) -> Callable[[int, int], Size]:
    """The size of a result whose long side is ``long_side`` pixels, or the clip's own where that is smaller."""

    def size(height: int, width: int) -> Size:
        long = max(height, width)
        scale = (long_side if enlarge else min(long_side, long)) / long
        return at_least(height * scale, width * scale)

    return size


@contextlib.contextmanager
def _opened(data: bytes, kind: wire.PhotoFormat) -> Iterator[Reader]:
    name = next(name for name, (_, known) in _PILLOWS.items() if known is kind)
    with Image.open(io.BytesIO(data), formats=[name]) as image:
        loop = image.info.get("loop")
        yield Reader(kind, (image.height, image.width), loop, False, _frames(image))


def _frames(image: Image.Image) -> Iterator[Frame]:
    hidden = bool(image.info.get("default_image"))  # an APNG's still for those who cannot show it move
    for index in range(int(hidden), getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        mode = "RGBA" if image.has_transparency_data or image.mode in ("RGBA", "LA") else "RGB"
        milliseconds = image.info.get("duration")
        # Some say that a frame lasts no time at all; browsers show it like one that says nothing.
        seconds = Fraction(milliseconds).limit_denominator(10_000) / 1000 if milliseconds else USUAL
        yield Frame(np.asarray(image.convert(mode)), seconds)
