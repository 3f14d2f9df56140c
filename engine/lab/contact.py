"""Quick pictures to choose from: every style of the gallery on the photo, the ladder of one style, or variations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.images.lettering import font_of
from engine.lab.sheet import Sheet, labelled_cells
from engine.lab.sketches import Sketches
from engine.recipe import Recipe, cells, complete, sketch
from engine.stages import Stage
from engine.tensors import reduced
from engine.work import Stages, Tools, Work

TALL = 0.6  # width by height of a sheet: about that of a phone's window
VARIATION = 448  # pixels, long side of a variation on its sheet
NAME, SMALLEST_NAME = 0.13, 0.08  # font sizes in shares of a cell's width; names are typed as they stand there
READABLE = 8  # pixels, the smallest font


def paint(tools: Tools, sketches: Sketches, work: Work) -> Stages:
    """Every cell as a small picture; the sheet so far is shown after each few."""
    rows = cells(work.recipe, tools.gallery)
    p = reduced(work.p, VARIATION) if work.recipe.mode == "variations" else work.p
    size, seed = max(p.shape[1:]), work.recipe.seed or 0
    recipes = [complete(sketch(recipe), tools.gallery, size=size, seed=seed) for row in rows for recipe in row]
    names = labels(work.recipe, rows)
    sheet = _sheet(work.recipe, rows, names, (p.shape[1], p.shape[2]))
    work.cells, shown = sheet.cells(names), 0
    kept = Sketches() if work.anew else sketches
    for made in kept.paint(tools, p, recipes, work.mine):
        for index, picture in made.items():
            sheet.put(index, picture.float() / 255)
        shown += len(made)
        so_far = f"{shown} of {len(recipes)} painted"
        yield Stage(shown / len(recipes), so_far, preview=sheet.jpeg, at_once=True, cells=work.cells[:shown])
    return sheet.tensor().to(work.p)


def labels(recipe: Recipe, rows: Sequence[Sequence[Recipe]]) -> list[str]:
    """What each cell is called: by its style, or by what is different about it."""
    if recipe.mode == "variations":
        return [_difference(recipe, one) for one in rows[0]]
    if recipe.styles:
        return [f"{_row(one)}, {_column(one)}" for row in rows for one in row]
    return [one.styles[0].name for one in rows[0]]


def _difference(recipe: Recipe, one: Recipe) -> str:
    known = {share.name for share in recipe.styles}
    if new := [share.name for share in one.styles if share.name not in known]:
        return f"with {new[0]}"
    return "broader strokes" if one.brush != recipe.brush else "other strokes"


def _row(recipe: Recipe) -> str:
    return f"brush {recipe.brush:g}"


def _column(recipe: Recipe) -> str:
    return f"strength {recipe.strength}"


def _sheet(recipe: Recipe, rows: Sequence[Sequence[Recipe]], names: Sequence[str], cell: tuple[int, int]) -> Sheet:
    if recipe.mode == "sheet" and recipe.styles:
        title = " + ".join(share.name for share in recipe.styles)
        font = font_of(max(READABLE, cell[1] // 12))
        heads = [_column(one) for one in rows[0]]
        return labelled_cells(title, [_row(row[0]) for row in rows], heads, cell, font)
    height, width = cell
    largest = max(READABLE, round(width * (NAME if recipe.mode == "sheet" else NAME / 2)))
    gap, below = max(4, width // 20), round(largest * 1.5)
    columns = columns_for(len(names), (height + below + gap, width + gap))
    sheet = Sheet(cell, columns, -(-len(names) // columns), gap, below=below)
    sheet.empty(len(names))
    smallest = max(READABLE, round(largest * SMALLEST_NAME / NAME))
    for index, name in enumerate(names):
        sheet.caption(index, name, largest, smallest, numbered=True)
    return sheet


def columns_for(count: int, tile: tuple[int, int]) -> int:
    """How many columns make the sheet of so many tiles (h, w) most like a phone's window."""
    height, width = tile

    def off(columns: int) -> float:
        return abs(math.log(columns * width / (-(-count // columns) * height) / TALL))

    return min(range(1, count + 1), key=off) if count > 4 else min(2, count)
