"""Pictures that show what the gallery's network does: samples while it is trained, previews, README's sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine import gallery
from engine.fast import network as fast
from engine.fast import paint as onepass
from engine.fine.gatys import resize
from engine.gallery import Style
from engine.images.decode import fit
from engine.recipe import Recipe, Share
from engine.train.trainers.reconstruction import webp

PREVIEW_SIDE = 384  # pixels, long side
PREVIEW_BYTES = 40_000
# scikit-image's, which only the test extra brings: its photo, and the (left, top, side) of what is shown of it.
PHOTOS = {
    "astronaut": (40, 0, 400),
    "chelsea": (90, 10, 280),
    "coffee": (110, 20, 380),
    "rocket": (170, 20, 400),
}
COLUMNS, TILE, LABEL, GAP = 6, 220, 22, 8  # of the sheet; all but the first in pixels
PAINTED = 440  # pixels, side of a sheet's picture before it is brought to TILE


def samples(network: fast.Network, photos: Sequence[Tensor], side: int = 160) -> Image.Image:
    """A sheet: a row for every style, the photos (1, 3, H, W) painted in it beside each other."""
    recipe = Recipe(styles=(Share("any"),), seed=1)
    sheet = Image.new("RGB", (side * len(photos), side * (len(network.names) - 1)))
    for row, name in enumerate(network.names[1:]):
        for column, photo in enumerate(photos):
            *_, (_, x) = onepass.paint(network, photo[0], [(name, 1.0)], recipe)
            sheet.paste(to_pil_image(x[0].cpu()).resize((side, side)), (column * side, row * side))
    return sheet


def painted(network: fast.Network, photo: Tensor, style: Style) -> Tensor:
    """The photo (3, H, W) in a style at its own strength and brush, (1, 3, H, W)."""
    recipe = Recipe(styles=(Share(style.name),), strength=style.strength, brush=style.brush, seed=1)
    *_, (_, x) = onepass.paint(network, photo, [(style.name, 1.0)], recipe)
    return x


def write_previews(network: fast.Network, name: str, folder: Path) -> Iterator[str]:
    """One photo of scikit-image in every style; yields each style when its file is there."""
    photo = fit(_photo(name), PREVIEW_SIDE).to(network.pairs.device)
    folder.mkdir(exist_ok=True)
    for style in gallery.default():
        if network.knows(style.name):
            (folder / f"{style.name}.webp").write_bytes(webp(painted(network, photo, style), PREVIEW_BYTES))
            yield style.name


def sheet(network: fast.Network) -> Image.Image:
    """Every style on one of the photos in turn, its name below: README's picture."""
    styles = [style for style in gallery.default() if network.knows(style.name)]
    rows = -(-len(styles) // COLUMNS)
    paper = Image.new("RGB", (COLUMNS * (TILE + GAP) + GAP, rows * (TILE + LABEL + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(15)
    photos = [_cut(name) for name in PHOTOS]
    for count, style in enumerate(styles):
        row, column = divmod(count, COLUMNS)
        left, top = GAP + column * (TILE + GAP), GAP + row * (TILE + LABEL + GAP)
        # One step further in every row, so that no photo has a column to itself.
        x = painted(network, photos[(row + column) % len(photos)].to(network.pairs.device), style)
        tile = to_pil_image(x[0].cpu()).resize((TILE, TILE), Image.Resampling.LANCZOS)
        paper.paste(tile, (left, top))
        draw.text((left + TILE / 2, top + TILE + 2), style.name, "black", font, anchor="ma")
    return paper


def _photo(name: str) -> Tensor:
    from skimage import data

    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1).float() / 255


def _cut(name: str) -> Tensor:
    left, top, side = PHOTOS[name]
    photo = _photo(name)[:, top : top + side, left : left + side]
    return resize(photo[None], (PAINTED, PAINTED))[0]
