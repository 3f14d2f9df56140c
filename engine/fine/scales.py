"""How many scales the optimisation goes through, from coarse to fine, and with how many steps each.

Departure from Gatys et al. (2016), who optimise at one size: a coarse scale finds the large forms in few, cheap steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from engine.recipe import More, Recipe, optimisation_alone
from engine.tensors import at_least

COARSEST = 192  # pixels, long side of the first scale; below it conv5_1 sees the whole picture at once
SCALE_RATIO = 1.63  # 192, 314, 512: each scale has 2.7 times the pixels of the one before
# Of a photo, the artwork's: strokes and forms are that much broader than in a painting of the photo's size. By eye; at
# 1 they read as one small mark repeated, at 1.5 faces lose theirs.
BROADER = 1.3
STEPS_RATIO = 0.6  # and this share of its steps: forms are found while they are cheap, strokes refined at the end


class Scale(NamedTuple):
    size: tuple[int, int]  # (h, w) in pixels
    steps: int
    after: int = 0  # which item of the recipe's then= it is, from 1; 0 is none
    strength: int | None = None  # from then= as well; None is the recipe's own


def scales(height: int, width: int, steps: int) -> list[Scale]:
    """Sizes from coarse to the full (height, width), with the steps for each; their sum is ``steps``."""
    long = max(height, width)
    count = max(1, min(steps, 1 + round(math.log(max(long / COARSEST, 1)) / math.log(SCALE_RATIO))))
    shares = [STEPS_RATIO**i for i in range(count)]
    ends = [round(steps * sum(shares[: i + 1]) / sum(shares)) for i in range(count)]
    found = []
    for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        factor = (COARSEST / long) ** (1 - i / (count - 1)) if count > 1 else 1.0
        size = at_least(height * factor, width * factor) if i < count - 1 else (height, width)
        found.append(Scale(size, end - begin))
    return [scale for scale in found if scale.steps]


def style_side(size: tuple[int, int], recipe: Recipe) -> int:
    """Pixels, long side at which artworks are looked at for an x of this size (h, w)."""
    broader = recipe.mode in ("fine", "explain") and not optimisation_alone(recipe)
    return round(max(size) * (BROADER if broader else 1))


def further(size: tuple[int, int], then: Sequence[More]) -> list[Scale]:
    """What follows the last scale: each goes on with the strength of the one before, unless it has another."""
    found: list[Scale] = []
    for after, more in enumerate(then, 1):
        strength = more.strength or (found[-1].strength if found else None)
        found.append(Scale(size, more.steps, after, strength))
    return found


def halved(plan: list[Scale], grid: int = 1) -> list[Scale]:
    """The same steps in all, ending at half the size of the last scale, in whole multiples of ``grid`` pixels."""
    height, width = plan[-1].size
    half = at_least(height // 2 // grid * grid, width // 2 // grid * grid)
    *rising, last = [scale for scale in plan if not scale.after] or [Scale(half, 0)]
    kept = [scale for scale in rising if max(scale.size) <= max(half)]
    left = sum(s.steps for s in (*rising, last)) - sum(s.steps for s in kept)
    later = [scale._replace(size=half) for scale in plan if scale.after]
    return [*kept, *([Scale(half, left)] if left else []), *later]
