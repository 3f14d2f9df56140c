"""Cards on one sheet of paper, in columns: each a picture above its name and a few words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

PAPER, BLACK, GREY = (250, 248, 243), (40, 38, 35), (110, 105, 98)
LINES = 3  # of words below a name
SMALLEST = 96  # pixels, width of a card; below it nobody reads the words


class Card(NamedTuple):
    picture: Tensor  # (3, h, w) in 0..1; what does not fit the cards' shape is cut off
    name: str
    words: str


def sheet(cards: Sequence[Card], columns: int, width: int, shape: tuple[int, int]) -> Tensor:
    """The cards row by row on a sheet about ``width`` pixels wide, (1, 3, H, W) in 0..1; ``shape`` is a picture's."""
    gap = max(4, width // 60)
    wide = max(SMALLEST, (width - gap) // columns - gap)
    high = max(1, round(wide * shape[0] / shape[1]))
    name, words = font_of(max(10, wide // 13)), font_of(max(9, wide // 21))
    label = round(name.size * 1.4 + words.size * 1.3 * LINES)
    rows = -(-len(cards) // columns)
    paper = Image.new("RGB", (gap + columns * (wide + gap), gap + rows * (high + label + gap)), PAPER)
    draw = ImageDraw.Draw(paper)
    for number, card in enumerate(cards):
        x, y = gap + number % columns * (wide + gap), gap + number // columns * (high + label + gap)
        paper.paste(ImageOps.fit(image_of(card.picture), (wide, high)), (x, y))
        draw.text((x, y + high + name.size * 0.1), written(card.name), BLACK, name)
        text = "\n".join(wrapped(written(card.words), words, wide))
        draw.multiline_text((x, y + high + name.size * 1.4), text, GREY, words, spacing=words.size * 0.15)
    return tensor_of(paper)


def font_of(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font in this size."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # where Pillow was built without FreeType it has one size only
    return font


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in at most `LINES` lines of at most ``width`` pixels, shortened if it must be."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"{lines[LINES - 1]} …"]
    return [shortened(line, font, width) for line in lines]


def shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = text.removesuffix("…")[:-1].rstrip() + "…"
    return text


def written(text: str) -> str:
    """The text in letters that Pillow's own font has, which are those without accents."""
    return "".join(unicodedata.normalize("NFD", c)[0] if unicodedata.category(c)[0] == "L" else c for c in text)


def image_of(picture: Tensor) -> Image.Image:
    """A picture (3, h, w) in 0..1 for Pillow."""
    values = picture.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
    return Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())


def tensor_of(image: Image.Image) -> Tensor:
    """Pillow's picture as (1, 3, H, W) in 0..1."""
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)[None].float() / 255
