"""Which picture each cell of a sheet is: every style, the ladder of one, variations, or the grid of the paper.

Cells are counted from 1, row by row. A cell's recipe is what somebody would write who wants that picture alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.gallery import BRUSH_BOUNDS, Gallery, Style
from engine.recipe.modes import TABLE, Mode
from engine.recipe.settings import MAX_STYLES, SEEDS, EncoderName, Recipe, RecipeError, Share

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
BROADER = 1.6  # times the brush, of one variation
MIXED = 30  # of 100, the other style's share in a variation
PARTNERS = 8  # styles most like a picture's own, from which its seed chooses those that it is mixed with


def to_depth(depth: int, encoder: EncoderName) -> tuple[str, ...]:
    """The style layers of the first ``depth`` levels."""
    return tuple(name for level in LEVELS[encoder][:depth] for name in level)


def cells(recipe: Recipe, gallery: Gallery, encoder: EncoderName = "slim") -> tuple[tuple[Recipe, ...], ...]:
    """The recipe of every cell; by rows, where rows mean something.

    In the paper's grid the style layers grow deeper from row to row and alpha / beta larger from column to column; in
    the ladder the brush grows from row to row and the strength from column to column.
    """
    alone = msgspec.structs.replace(recipe, mode=None, cell=None)
    match recipe.mode:
        case "variations":
            return (_variations(alone, gallery),)
        case "sheet" if recipe.styles:
            return _ladder(msgspec.structs.replace(alone, size=None))
        case "sheet":
            every = (msgspec.structs.replace(alone, size=None, styles=(Share(style.name),)) for style in gallery)
            return (tuple(every),)
        case _:
            return _grid(msgspec.structs.replace(alone, size=None, steps=None), recipe.encoder or encoder)


def cell(recipe: Recipe, number: int, gallery: Gallery, encoder: EncoderName = "slim") -> Recipe:
    """One cell of a sheet.

    Raises:
        RecipeError: there is no such cell.
    """
    every = [one for row in cells(recipe, gallery, encoder) for one in row]
    if not 1 <= number <= len(every):
        raise RecipeError(
            f"This sheet has the cells 1 to {len(every)}, row by row from the top left; {number} is none."
        )
    return every[number - 1]


def sketch(recipe: Recipe) -> Recipe:
    """What shows a cell in a moment, without a mode: its styles and look, and nothing that only fine mode has."""
    look = {name: getattr(recipe, name) for name in ("strength", "brush", "faces", "seed")}
    colors = "style" if recipe.colors == "matched" else recipe.colors
    return Recipe(styles=recipe.styles, colors=colors, **look)


def _grid(alone: Recipe, encoder: EncoderName) -> tuple[tuple[Recipe, ...], ...]:
    mode: Mode = "fine"
    init = alone.init or TABLE["grid"].defaults["init"]
    return tuple(
        tuple(
            msgspec.structs.replace(
                alone, mode=mode, init=init, layers=to_depth(depth, encoder), ratio=ratio, encoder=encoder
            )
            for ratio in RATIOS
        )
        for depth in range(1, len(LEVELS[encoder]) + 1)
    )


def _ladder(alone: Recipe) -> tuple[tuple[Recipe, ...], ...]:
    return tuple(
        tuple(msgspec.structs.replace(alone, strength=strength, brush=brush) for strength in STRENGTHS)
        for brush in BRUSHES
    )


def _variations(alone: Recipe, gallery: Gallery) -> tuple[Recipe, ...]:
    """Two of other seeds, the second with broader strokes, and two mixed with styles of the same kind."""
    seed, brush = alone.seed or 0, alone.brush or 1.0
    broader = min(BRUSH_BOUNDS[1], round(brush * BROADER, 2))
    partners = _partners(alone, gallery, seed)
    mixes = [msgspec.structs.replace(alone, styles=_mixed(alone.styles, partner.name)) for partner in partners]
    seeds = [msgspec.structs.replace(alone, seed=(seed + step) % SEEDS) for step in range(1, 5)]
    seeds[1] = msgspec.structs.replace(seeds[1], brush=broader)
    return (*seeds[:2], *mixes, *seeds[2:])[:4]


def _partners(alone: Recipe, gallery: Gallery, seed: int) -> Sequence[Style]:
    """Two styles to mix with: of those that share most kinds with the picture's own, which ones is up to the seed."""
    names = {share.name for share in alone.styles}
    own = {tag for name in names if (style := gallery.find(name)) for tag in style.tags}
    others = [style for style in gallery if style.name not in names and style.fast and not style.generator]
    if len(alone.styles) >= MAX_STYLES:
        return []
    near = sorted(others, key=lambda style: -len(own.intersection(style.tags)))[:PARTNERS]
    return [near[(seed + step) % len(near)] for step in range(min(2, len(near)))]


def _mixed(styles: Sequence[Share], partner: str) -> tuple[Share, ...]:
    total = sum(share.weight for share in styles)
    kept = (Share(share.name, max(1, round((100 - MIXED) * share.weight / total))) for share in styles)
    return (*kept, Share(partner, MIXED))
