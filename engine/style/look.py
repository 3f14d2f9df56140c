"""What styles give a picture beside their strokes: their colours, and how far strokes are drawn out in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.style import palette
from engine.style.palette import Palette


class Look(NamedTuple):
    """Of one style, or of a mixture."""

    palette: Palette
    flow: float = 1.0  # how far strokes are drawn out, from 0, not at all; see `engine.strokes.drawn`


def mixed(looks: Sequence[tuple[Look, float]]) -> Look:
    """Several styles' looks, averaged by weight."""
    total = sum(weight for _, weight in looks)
    flow = sum(weight * look.flow for look, weight in looks) / total
    return Look(palette.mixed([(look.palette, weight) for look, weight in looks]), flow)
