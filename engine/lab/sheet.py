"""Small pictures in rows and columns on one sheet of paper, with labels and numbers, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import ImageDraw, ImageFont
from PIL.Image import Image, new
from torch import Tensor

from engine.images.decode import tensor_of
from engine.images.encode import picture_of
from engine.tensors import resize

PAPER, BLACK, GREY, EMPTY = (250, 248, 243), (40, 38, 35), (110, 105, 98), (232, 228, 219)
SMALLEST = 64  # pixels, long side of a cell; what is smaller shows nothing


class Sheet:
    """A sheet that is filled cell by cell."""

    def __init__(
        self,
        title: str,
        rows: Sequence[str],
        columns: Sequence[str],
        long_side: int,
        shape: tuple[int, int],
        numbered: bool = False,
    ) -> None:
        """An empty sheet.

        Args:
            title: a line above everything.
            rows, columns: what stands beside each row and above each column; may be empty.
            long_side: of the sheet, in pixels; it becomes larger where cells would have less than `SMALLEST`.
            shape: (h, w) of the pictures, or anything of the same proportions.
            numbered: whether each cell shows its number, counted from 1, row by row.
        """
        self._numbered, self._columns = numbered, len(columns)
        font = ImageFont.load_default(max(11, round(long_side / 56)))
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow's own wheels have it"
        self._font = font
        line = round(font.size * 1.5)
        self._gap = gap = max(4, round(font.size / 3))
        self._left = gap + (round(max(map(font.getlength, rows))) + gap if any(rows) else 0)
        self._top = gap + line * (bool(title) + any(columns))
        self.cell = _cell(
            shape,
            (long_side - self._top - gap * len(rows)) / len(rows),
            (long_side - self._left - gap * len(columns)) / len(columns),
        )
        height, width = self.cell
        size = (self._left + len(columns) * (width + gap), self._top + len(rows) * (height + gap))
        self._image = new("RGB", size, PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._draw.text((gap, gap), _fitting(title, font, size[0] - 2 * gap), BLACK, font)
        for row, label in enumerate(rows):
            self._draw.text((gap, self._corner(row, 0)[1] + height // 2), label, GREY, font, anchor="lm")
        for column, label in enumerate(columns):
            x, y = self._corner(0, column)
            baseline = (x + width // 2, y - gap - round(font.size / 5))
            self._draw.text(baseline, _fitting(label, font, width), GREY, font, anchor="ms")
        for index in range(len(rows) * len(columns)):
            self._draw.rectangle(self._box(index), fill=EMPTY)

    def put(self, index: int, picture: Tensor) -> None:
        """A picture (3, h, w) in 0..1 into a cell, counted from 0, row by row."""
        x, y, *_ = self._box(index)
        self._image.paste(picture_of(resize(picture[None].float(), self.cell)[0]), (x, y))
        if self._numbered:
            text = str(index + 1)
            box = self._draw.textbbox((x, y), f" {text} ", self._font)
            self._draw.rectangle((x, y, box[2], y + round(self._font.size * 1.2)), fill=PAPER)
            self._draw.text((x + (box[2] - x) // 2, y + round(self._font.size * 0.6)), text, BLACK, self._font, "mm")

    def tensor(self) -> Tensor:
        """The sheet as it is now, (1, 3, H, W) in 0..1."""
        return tensor_of(self._image)[None]

    @property
    def image(self) -> Image:
        return self._image

    def _corner(self, row: int, column: int) -> tuple[int, int]:
        height, width = self.cell
        return self._left + column * (width + self._gap), self._top + row * (height + self._gap)

    def _box(self, index: int) -> tuple[int, int, int, int]:
        (height, width), (x, y) = self.cell, self._corner(*divmod(index, self._columns))
        return x, y, x + width - 1, y + height - 1


def _cell(shape: tuple[int, int], height: float, width: float) -> tuple[int, int]:
    """The largest (h, w) of the shape's proportions within the room there is, but never too small to show anything."""
    factor = max(min(height / shape[0], width / shape[1]), SMALLEST / max(shape))
    return max(1, int(shape[0] * factor)), max(1, int(shape[1] * factor))


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, shortened until it is no wider than ``width``."""
    while text and font.getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…" if len(text) > 2 else ""
    return text
