"""What an opened animation gives, whichever library reads it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from engine import wire

USUAL = Fraction(1, 10)  # seconds of a frame that says nothing of its time, as browsers show it

Size = tuple[int, int]  # height, width


class Frame(NamedTuple):
    """One frame as a decoder gives it."""

    pixels: np.ndarray  # (H, W, 3 or 4) uint8
    seconds: Fraction  # it is shown for


class Reader(NamedTuple):
    """An open animation."""

    kind: wire.PhotoFormat
    size: Size
    loop: int | None
    sound: bool
    frames: Iterator[Frame]  # raises anything where the file is broken
