"""Words on pictures, in Pillow's own font: fitted, wrapped, and in the letters that it has."""

from __future__ import annotations

import functools
import unicodedata

from PIL import ImageFont

Colour = tuple[int, int, int]
PAPER: Colour = (250, 248, 243)
BLACK: Colour = (40, 38, 35)
GREY: Colour = (110, 105, 98)
EMPTY: Colour = (232, 228, 219)


@functools.cache
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font in this size."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # where Pillow was built without FreeType it has one size only
    return font


def written(text: str) -> str:
    """The text in letters that Pillow's own font has, which are those without accents."""
    return "".join(unicodedata.normalize("NFD", c)[0] if unicodedata.category(c)[0] == "L" else c for c in text)


def fitted(text: str, size: int, smallest: int, width: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """The text on one line of at most ``width`` pixels: smaller where it must be, and in the end shortened."""
    while size > smallest and font_of(size).getlength(text) > width:
        size -= 1
    return shortened(text, font_of(size), width), font_of(size)


def shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = text.removesuffix("…")[:-1].rstrip() + "…"
    return text


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float, most: int) -> list[str]:
    """The text in at most so many lines of at most ``width`` pixels, shortened if it must be."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return [shortened(line, font, width) for line in lines]
