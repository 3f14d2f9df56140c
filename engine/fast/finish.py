"""The end of every instant picture: what it keeps of its photo, and the last touches, which fine pictures get, too."""

from __future__ import annotations

from torch import Tensor

from engine.fast.keeping import begun, keeping
from engine.fast.paint import scale_of
from engine.recipe import Recipe
from engine.strokes.drawn import drawn
from engine.style.lightness import by_lightness
from engine.style.look import Look

COLOURS = 0.7  # of the way to the styles' colours, lightness by lightness; all of it leaves green shadows on skin

# How crisp drawn strokes are made, by eye and times the brush: broad strokes are soft. Those of the network have dark
# and bright rims as it paints them, which more would emboss; fine pictures are enlarged by half.
CRISP, CRISP_FINE = 0.1, 0.2


def finish(x: Tensor, photo: Tensor, recipe: Recipe, look: Look | None, subject: Tensor | None) -> Tensor:
    """The picture x of a photo, both (1, 3, H, W) in 0..1, as people see it.

    Args:
        look: the styles'; None for a network that keeps forms by itself, and paints no strokes.
        subject: how much each place of the photo is kept, (1, 1, h, w) in 0..1, if it has a subject.
    """
    x = keeping(x, photo, recipe, None if look is None else look.palette, subject)
    return x if look is None else last_touches(x, recipe, look)


def last_touches(x: Tensor, recipe: Recipe, look: Look) -> Tensor:
    """The picture (1, 3, H, W) in its styles' colours, its strokes drawn out; the more, the more strength it has."""
    if recipe.strength == 0:
        return x
    share = begun(recipe)
    if recipe.colors == "style":
        x = by_lightness(x, look.tones, COLOURS * share)
    # Less in a small picture, where eyes are as small as strokes.
    brush = (recipe.brush or 1.0) * scale_of((x.shape[2], x.shape[3]))
    crisp = CRISP_FINE if recipe.mode == "fine" else CRISP
    return drawn(x, share * look.flow, brush, crisp * brush)
