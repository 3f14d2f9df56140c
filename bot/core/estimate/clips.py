"""How much a moving picture is, by what its file says of itself: for estimates only, since headers may lie."""

from __future__ import annotations

import struct
from typing import NamedTuple

from engine.recipe import MODES, Recipe
from engine.wire import MOST_FRAMES, clip_seconds, most_frames

USUAL_RATE = 25  # frames a second of a video
USUAL_FRAMES = 60  # where the file does not say


class Moving(NamedTuple):
    """What an animation's file says of it."""

    frames: int
    width: int = 0  # pixels; 0 is not known
    height: int = 0


def moving(data: bytes) -> Moving | None:
    """None for a still, and for what is no picture."""
    try:
        if data.startswith(b"GIF8"):
            return _if_several(data.count(b"\x21\xf9\x04"), *struct.unpack_from("<HH", data, 6))
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            at = data.find(b"acTL", 0, 4096)
            frames = struct.unpack_from(">I", data, at + 4)[0] if at > 0 else 0
            return _if_several(frames, *struct.unpack_from(">II", data, 16))
        if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
            width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return _if_several(data.count(b"ANMF"), width, height)
    except struct.error:
        return None
    if data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"heic", b"heix", b"mif1", b"msf1"):
        return Moving(_of_mp4(data))
    return Moving(USUAL_FRAMES) if data.startswith(b"\x1a\x45\xdf\xa3") else None


def _if_several(frames: int, width: int, height: int) -> Moving | None:
    return Moving(frames, width, height) if frames > 1 else None


def _of_mp4(data: bytes) -> int:
    """The frames of an MP4 that plays at the usual rate."""
    at = data.find(b"mvhd")
    if at < 0 or data[at + 4 : at + 5] != b"\0" or len(data) < at + 24:
        return USUAL_FRAMES
    scale, lasts = struct.unpack_from(">II", data, at + 16)
    return max(1, round(USUAL_RATE * lasts / scale)) if scale else USUAL_FRAMES


class ClipOrder(NamedTuple):
    """What is to be painted of a clip."""

    frames: int
    of: int
    height: int
    width: int

    @property
    def megapixels(self) -> float:
        return self.frames * self.height * self.width / 1e6

    @property
    def note(self) -> str:
        """What to say of it in advance."""
        if self.frames < self.of:
            return f"Of the clip's {self.of} frames or so I paint the first {self.frames}; frames=1 gives a still."
        return ""

    def seconds(self, mode: str) -> float:
        """A first guess."""
        return clip_seconds(self.frames, self.height, self.width, mode)


def clip_order(recipe: Recipe, photo: bytes | None, enlarge: bool) -> ClipOrder | None:
    """What a complete recipe makes of a clip, where the platform plays some; None for a still."""
    size = recipe.size or 0
    if recipe.mode == "morph":
        frames = recipe.frames or 1
        return ClipOrder(frames, frames, round(size * 0.75), size)
    if photo is None or recipe.mode not in MODES or recipe.frames == 1 or recipe.clip == "yes":
        return None
    found = moving(photo)
    if found is None:
        return None
    width, height = (found.width, found.height) if found.width and found.height else (size, round(size * 0.75))
    scale = size / max(width, height)
    if not enlarge:
        scale = min(1.0, scale)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    most = min(recipe.frames or MOST_FRAMES, most_frames(recipe.mode, height, width))
    return ClipOrder(min(found.frames, most), found.frames if recipe.frames is None else most, height, width)
