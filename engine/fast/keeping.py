"""What an instant picture keeps of its photo: forms everywhere, and the detail of its subject.

Not where the recipe says faces=free. A strength beyond the trained one asks for less of the photo, and gets it.
"""

from __future__ import annotations

from torch import Tensor

from engine.fast.paint import STRONGEST, degree_of
from engine.recipe import Recipe
from engine.style.palette import Palette, in_colours
from engine.subject.forms import SHARE, with_forms
from engine.subject.restraint import restrained
from engine.tensors import grey

# The degree from which on the painting's colours are taken entirely, below that of every style's own strength. Less
# takes less of them, so that next to no strength changes the photo next to nothing.
ENTIRELY = 0.4


def keeping(x: Tensor, photo: Tensor, recipe: Recipe, style: Palette | None, subject: Tensor | None) -> Tensor:
    """The picture x of a photo, both (1, 3, H, W) in 0..1, with what the recipe keeps.

    Args:
        style: the painting's colours; None for a network that keeps forms by itself.
        subject: how much each place of the photo is kept, (1, 1, h, w) in 0..1, if it has a subject.
    """
    if not keeps(recipe):
        return x
    if style is None:
        shown = grey(photo)
    else:
        so_far, left = begun(recipe), (STRONGEST - degree_of(recipe)) / (STRONGEST - 1)
        shown = photo if recipe.colors == "photo" else in_colours(photo, style, so_far)
        x = with_forms(x, shown, so_far, SHARE * min(1.0, left))
    return x if subject is None else restrained(x, shown, subject)


def begun(recipe: Recipe) -> float:
    """How much of what finishes a picture a recipe's strength asks for, from 0 to 1."""
    return min(1.0, degree_of(recipe) / ENTIRELY)


def keeps(recipe: Recipe) -> bool:
    """Whether the recipe keeps anything."""
    return recipe.faces != "free" and recipe.strength != 0
