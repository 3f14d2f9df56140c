"""One photo from style to style and back: the mix and the strength, moving over a loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

FRAME = Fraction(1, 12)  # seconds
EASE = 0.35  # of the strength, less between two styles, where the photo shows


def path(styles: Sequence[str], frames: int, strength: int) -> list[tuple[list[tuple[str, float]], int]]:
    """Of every frame the styles with their weights, and the strength. The first frame follows the last."""
    found = []
    for frame in range(frames):
        at = frame * len(styles) / frames
        here, share = int(at), at - int(at)
        mix = (1 - math.cos(math.pi * share)) / 2
        there = styles[(here + 1) % len(styles)]
        eased = strength * (1 - EASE * math.sin(math.pi * share) ** 2)
        shares = [(styles[here], 1 - mix), (there, mix)]
        found.append(([(name, weight) for name, weight in shares if weight > 0], max(1, round(eased))))
    return found
