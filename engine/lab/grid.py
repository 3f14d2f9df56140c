"""Many pictures with labels on one sheet: the grid of the paper, or a ladder of strengths and brushes.

Gatys, Ecker & Bethge (2015), figure 3: the style layers that are matched grow deeper from row to row, and alpha / beta
larger from column to column.
"""

from __future__ import annotations

import msgspec
from torch import Tensor

from engine.lab.sheet import Sheet
from engine.recipe import Recipe, cells, complete
from engine.stages import Stage
from engine.tensors import fit
from engine.work import Stages, Tools, Work, preview

LADDER_SIDE = 1024  # pixels, long side at which a ladder's pictures are painted: brushes are seen at full size only


def paint(tools: Tools, work: Work) -> Stages:
    """Every cell painted as its own recipe says, at its size on the sheet; see `engine.recipe.grid`."""
    yield from tools.encoder(work)  # once, so that a missing one is told of once
    recipes = cells(work.recipe)
    every = [recipe for row in recipes for recipe in row]
    rows = [_row(row[0], depth) for depth, row in enumerate(recipes, 1)]
    columns = [_column(recipe) for recipe in recipes[0]]
    size = work.recipe.size or 0
    sheet = Sheet(_title(work.recipe), rows, columns, size, _shape(work.p), numbered=True)
    side = LADDER_SIDE if work.recipe.grid == "ladder" else max(sheet.cell)
    p = fit(work.p, min(side, max(work.p.shape)))
    for index, recipe in enumerate(every):
        x = yield from _cell(tools, work, p, recipe, index, len(every))
        sheet.put(index, x[0])
        shown = sheet.tensor()
        yield Stage((index + 1) / len(every), f"{index + 1} of {len(every)} painted", "", preview(shown))
    return sheet.tensor().to(work.p)


def _cell(tools: Tools, work: Work, p: Tensor, recipe: Recipe, index: int, count: int) -> Stages:
    """One picture, whose stages are a part of the whole."""
    steps = {} if work.recipe.grid == "ladder" else {"steps": work.recipe.steps}
    recipe = msgspec.structs.replace(recipe, **steps)
    seed, encoder = work.recipe.seed or 0, work.recipe.encoder or "slim"
    whole = complete(recipe, tools.gallery, size=max(p.shape[1:]), seed=seed, encoder=encoder)
    one = Work(p, whole, work.mine, None, work.notes)
    stages = tools.repaint(one)
    while True:
        try:
            stage = next(stages)
        except StopIteration as end:
            x: Tensor = end.value
            return x
        yield Stage((index + stage.done) / count, f"picture {index + 1} of {count}, {stage.text}", stage.note)


def _shape(p: Tensor) -> tuple[int, int]:
    return p.shape[1], p.shape[2]


def _title(recipe: Recipe) -> str:
    names = "+".join(share.name for share in recipe.styles)
    if recipe.grid == "ladder":
        return f"{names}: brush down, strength across"
    return f"{names}: style layers ever deeper down, alpha / beta across"


def _row(recipe: Recipe, depth: int) -> str:
    return f"to conv{depth}_1" if recipe.layers else f"brush {recipe.brush:g}"


def _column(recipe: Recipe) -> str:
    return f"{recipe.ratio:.0e}".replace("e-0", "e-") if recipe.ratio else f"strength {recipe.strength}"
