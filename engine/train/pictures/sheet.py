"""Pictures on one sheet of paper, in columns, each with a word below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

LABEL, GAP, FONT = 22, 8, 15  # pixels


class Tile(NamedTuple):
    picture: Image.Image
    word: str


def tile(x: Tensor, word: str, side: int) -> Tile:
    """The picture x (3, H, W) in 0..1, its long side reduced to ``side`` pixels."""
    picture = to_pil_image(x.cpu())
    factor = side / max(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    return Tile(picture.resize(size, Image.Resampling.LANCZOS), word)


def sheet(tiles: Sequence[Tile], columns: int, side: int) -> Image.Image:
    """The tiles row by row; a row is as high as its highest."""
    rows = [tiles[begin : begin + columns] for begin in range(0, len(tiles), columns)]
    heights = [max(tile.picture.height for tile in row) + LABEL + GAP for row in rows]
    paper = Image.new("RGB", (columns * (side + GAP) + GAP, sum(heights) + GAP), "white")
    draw, font, top = ImageDraw.Draw(paper), ImageFont.load_default(FONT), GAP
    for row, height in zip(rows, heights, strict=True):
        for column, (picture, word) in enumerate(row):
            middle = GAP + column * (side + GAP) + side // 2
            paper.paste(picture, (middle - picture.width // 2, top))
            draw.text((middle, top + height - LABEL - GAP + 2), word, "black", font, anchor="ma")
        top += height
    return paper
