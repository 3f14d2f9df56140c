"""The grid of the paper: many pictures with labels on one sheet.

Gatys, Ecker & Bethge (2015), figure 3: the style layers that are matched grow deeper from row to row, and alpha / beta
larger from column to column.
"""

from __future__ import annotations

import msgspec
from torch import Tensor

from engine.lab.sheet import labelled
from engine.recipe import Recipe, cells, complete
from engine.stages import Stage
from engine.tensors import fit
from engine.work import Stages, Tools, Work, as_part, preview


def paint(tools: Tools, work: Work) -> Stages:
    """Every cell painted as its own recipe says, at its size on the sheet; see `engine.recipe.cells`."""
    yield from tools.encoder(work)  # once, so that a missing one is told of once
    recipes = cells(work.recipe, tools.gallery)
    every = [recipe for row in recipes for recipe in row]
    rows = [_row(depth) for depth in range(1, len(recipes) + 1)]
    columns = [_column(recipe) for recipe in recipes[0]]
    size = work.recipe.size or 0
    names = "+".join(share.name for share in work.recipe.styles)
    title = f"{names}: style layers ever deeper down, alpha / beta across"
    sheet = labelled(title, rows, columns, size, (work.p.shape[1], work.p.shape[2]), numbered=True)
    work.cells = sheet.cells([f"{row}, {column}" for row in rows for column in columns])
    p = fit(work.p, min(max(sheet.cell), max(work.p.shape)))
    for index, recipe in enumerate(every):
        x = yield from _cell(tools, work, p, recipe, index, len(every))
        sheet.put(index, x[0])
        shown = sheet.tensor()
        yield Stage((index + 1) / len(every), f"{index + 1} of {len(every)} painted", "", preview(shown))
    return sheet.tensor().to(work.p)


def _cell(tools: Tools, work: Work, p: Tensor, recipe: Recipe, index: int, count: int) -> Stages:
    """One picture, whose stages are a part of the whole."""
    recipe = msgspec.structs.replace(recipe, steps=work.recipe.steps)
    seed, encoder = work.recipe.seed or 0, work.recipe.encoder or "slim"
    whole = complete(recipe, tools.gallery, size=max(p.shape[1:]), seed=seed, encoder=encoder)
    one = Work(p, whole, work.mine, None, work.notes)

    def part(stage: Stage) -> Stage:
        return Stage((index + stage.done) / count, f"picture {index + 1} of {count}, {stage.text}", stage.note)

    return as_part(tools.repaint(one), part)


def _row(depth: int) -> str:
    return f"to conv{depth}_1"


def _column(recipe: Recipe) -> str:
    return f"{recipe.ratio:.0e}".replace("e-0", "e-")
