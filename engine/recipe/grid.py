"""Which picture each cell of a grid is: the paper's figure, or a ladder of strengths and brushes.

Cells are counted from 1, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.recipe.modes import LADDER, TABLE, Mode
from engine.recipe.settings import EncoderName, Recipe, RecipeError

# The style layers, level by level. The slim encoder's branch stands beside its trunk, whose own layers alone leave a
# mesh in the picture.
LEVELS: Mapping[EncoderName, tuple[tuple[str, ...], ...]] = {
    "full": tuple((f"conv{block}_1",) for block in range(1, 6)),
    "slim": (
        ("conv1_1", "conv1"),
        ("conv2_1", "fire2"),
        ("conv3_1", "fire3", "fire4"),
        ("conv4_1", "fire5"),
        ("conv5_1", "fire6"),
    ),
}
RATIOS = (1e-5, 1e-4, 1e-3, 1e-2)
BRUSHES = (0.5, 1.0, 2.0)
STRENGTHS = (20, 40, 60, 80, 100)


def to_depth(depth: int, encoder: EncoderName) -> tuple[str, ...]:
    """The style layers of the first ``depth`` levels."""
    return tuple(name for level in LEVELS[encoder][:depth] for name in level)


def cells(recipe: Recipe, encoder: EncoderName = "slim") -> tuple[tuple[Recipe, ...], ...]:
    """The recipe of every cell, by rows: what somebody would write who wants that picture alone.

    A cell has neither the grid's size nor its steps, so that it is painted in full. In the paper's grid the style
    layers grow deeper from row to row and alpha / beta larger from column to column; in the ladder the brush grows
    from row to row and the strength from column to column.
    """
    if recipe.grid == "ladder":
        kept = {name: getattr(recipe, name) for name in LADDER.settings if name not in ("size", "grid", "cell")}
        return tuple(
            tuple(Recipe(styles=recipe.styles, strength=strength, brush=brush, **kept) for strength in STRENGTHS)
            for brush in BRUSHES
        )
    mode: Mode = "fine"
    init = recipe.init or TABLE["grid"].defaults["init"]
    alone = msgspec.structs.replace(recipe, mode=mode, init=init, grid=None, cell=None, size=None, steps=None)
    encoder = recipe.encoder or encoder
    return tuple(
        tuple(
            msgspec.structs.replace(alone, layers=to_depth(depth, encoder), ratio=ratio, encoder=encoder)
            for ratio in RATIOS
        )
        for depth in range(1, len(LEVELS[encoder]) + 1)
    )


def cell(recipe: Recipe, number: int, encoder: EncoderName = "slim") -> Recipe:
    """One cell of a grid.

    Raises:
        RecipeError: there is no such cell.
    """
    every = [one for row in cells(recipe, encoder) for one in row]
    if not 1 <= number <= len(every):
        raise RecipeError(
            f"This grid has the cells 1 to {len(every)}, row by row from the top left; {number} is none."
        )
    return every[number - 1]
