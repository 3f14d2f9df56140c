"""What styles give a picture beside their strokes: their colours, and how far strokes are drawn out in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from engine.style import palette
from engine.style.lightness import Tones, mixed_tones, tones_of
from engine.style.palette import Palette, palette_of


class Look(NamedTuple):
    """Of one style, or of a mixture."""

    palette: Palette
    tones: Tones
    flow: float = 1.0  # how far strokes are drawn out, from 0, not at all; see `engine.strokes.drawn`


def look_of(picture: Tensor, flow: float = 1.0) -> Look:
    """The look of a style's picture (1, 3, h, w)."""
    return Look(palette_of(picture), tones_of(picture), flow)


def mixed(looks: Sequence[tuple[Look, float]]) -> Look:
    """Several styles' looks, averaged by weight."""
    flow = sum(weight * look.flow for look, weight in looks) / sum(weight for _, weight in looks)
    palettes = [(look.palette, weight) for look, weight in looks]
    return Look(palette.mixed(palettes), mixed_tones([(look.tones, weight) for look, weight in looks]), flow)
