"""Pictures in rows and columns on one sheet of paper, with what they are called, drawn with Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import ImageDraw, ImageOps
from PIL.Image import new
from PIL.ImageFont import FreeTypeFont
from torch import Tensor

from engine.images.decode import tensor_of
from engine.images.encode import picture_of
from engine.images.lettering import BLACK, EMPTY, GREY, PAPER, fitted, font_of, shortened, wrapped, written
from engine.wire import Cell

SMALLEST = 64  # pixels, long side of a cell; what is smaller shows nothing
SMALLEST_CARD = 96  # pixels, width of a card; below it nobody reads its words
LINES = 3  # of words below a card's name
PREVIEW_QUALITY = 85
NUMBER = 0.72  # font size of a number in a caption, in shares of the name's


class Sheet:
    """A sheet that is filled cell by cell; cells are counted from 0, row by row."""

    def __init__(
        self,
        cell: tuple[int, int],
        columns: int,
        rows: int,
        gap: int,
        *,
        left: int = 0,
        top: int = 0,
        below: int = 0,
        numbers: FreeTypeFont | None = None,
    ) -> None:
        """An empty sheet.

        Args:
            cell: (h, w) of a picture, in pixels.
            gap: pixels between two of them.
            left, top: pixels for what stands beside the rows and above the columns.
            below: pixels below each picture for its caption.
            numbers: the font of the number that each picture then has, counted from 1.
        """
        self.cell, self.gap = cell, gap
        self._columns, self._rows = columns, rows
        self._left, self._top, self._below, self._numbers = left + gap, top + gap, below, numbers
        height, width = cell
        size = (self._left + columns * (width + gap), self._top + rows * (height + below + gap))
        self.image = new("RGB", size, PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def empty(self, count: int) -> None:
        """Show where the first so many pictures are going to be."""
        for index in range(count):
            self.draw.rectangle(self._box(index), fill=EMPTY)

    def put(self, index: int, picture: Tensor) -> None:
        """A picture (3, h, w) in 0..1 into its cell; what does not fit the cell's shape is cut off."""
        x, y, *_ = self._box(index)
        height, width = self.cell
        self.image.paste(ImageOps.fit(picture_of(picture), (width, height)), (x, y))
        if self._numbers:
            font, text = self._numbers, str(index + 1)
            high = round(font.size * 1.25)
            wide = max(high, round(font.getlength(text) + font.size * 0.6))
            self.draw.rectangle((x, y, x + wide - 1, y + high - 1), fill=PAPER)
            self.draw.text((x + wide / 2, y + high / 2), text, BLACK, font, "mm")

    def caption(self, index: int, name: str, size: int, smallest: int, *, numbered: bool = False) -> None:
        """One line below a picture, in a font of at most this size, perhaps after the picture's number."""
        x, _, right, bottom = self._box(index)
        baseline = bottom + 1 + round(size * 1.05)
        if numbered:
            small, number = font_of(round(size * NUMBER)), str(index + 1)
            self.draw.text((x, baseline), number, GREY, small, "ls")
            x += round(small.getlength(number) + size * 0.25)
        text, font = fitted(written(name), size, smallest, right - x)
        self.draw.text((x, baseline), text, BLACK, font, "ls", stroke_width=0.3)

    def cells(self, labels: Sequence[str]) -> tuple[Cell, ...]:
        """Where the pictures of these labels are, captions included."""
        width, height = self.image.size
        found = []
        for index, label in enumerate(labels):
            left, top, right, bottom = self._box(index)
            box = (left / width, top / height, (right + 1 - left) / width, (bottom + 1 + self._below - top) / height)
            found.append(Cell(label, box, (bottom + 1 - top) / height))
        return tuple(found)

    def tensor(self) -> Tensor:
        """The sheet as it is now, (1, 3, H, W) in 0..1."""
        return tensor_of(self.image)[None]

    def jpeg(self) -> bytes:
        """The same as a file."""
        file = io.BytesIO()
        self.image.save(file, "JPEG", quality=PREVIEW_QUALITY)
        return file.getvalue()

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """The left upper corner of a picture, (x, y)."""
        height, width = self.cell
        return self._left + column * (width + self.gap), self._top + row * (height + self._below + self.gap)

    def _box(self, index: int) -> tuple[int, int, int, int]:
        (height, width), (x, y) = self.cell, self.corner(*divmod(index, self._columns))
        return x, y, x + width - 1, y + height - 1


def labelled(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    long_side: int,
    shape: tuple[int, int],
    numbered: bool = False,
) -> Sheet:
    """An empty sheet whose rows and columns have labels.

    Args:
        title: a line above everything.
        rows, columns: what stands beside each row and above each column; may be empty.
        long_side: of the sheet, in pixels; it becomes larger where cells would have less than `SMALLEST`.
        shape: (h, w) of the pictures, or anything of the same proportions.
        numbered: whether each cell shows its number.
    """
    font = font_of(max(11, round(long_side / 56)))
    line, gap = round(font.size * 1.5), max(4, round(font.size / 3))
    left = round(max(map(font.getlength, rows))) + gap if any(rows) else 0
    top = line * (bool(title) + any(columns))
    cell = _cell(
        shape,
        (long_side - gap - top - gap * len(rows)) / len(rows),
        (long_side - gap - left - gap * len(columns)) / len(columns),
    )
    return _with_labels(
        Sheet(cell, len(columns), len(rows), gap, left=left, top=top, numbers=font if numbered else None),
        title,
        rows,
        columns,
        font,
    )


def labelled_cells(
    title: str, rows: Sequence[str], columns: Sequence[str], cell: tuple[int, int], font: FreeTypeFont
) -> Sheet:
    """The same around pictures of this size, with numbers."""
    gap = max(4, round(font.size / 3))
    left = round(max(map(font.getlength, rows))) + gap
    top = round(font.size * 1.5) * 2
    return _with_labels(
        Sheet(cell, len(columns), len(rows), gap, left=left, top=top, numbers=font), title, rows, columns, font
    )


def _with_labels(sheet: Sheet, title: str, rows: Sequence[str], columns: Sequence[str], font: FreeTypeFont) -> Sheet:
    gap, (height, width) = sheet.gap, sheet.cell
    sheet.empty(len(rows) * len(columns))
    sheet.draw.text((gap, gap), shortened(title, font, sheet.image.width - 2 * gap), BLACK, font)
    for row, label in enumerate(rows):
        sheet.draw.text((gap, sheet.corner(row, 0)[1] + height // 2), label, GREY, font, anchor="lm")
    for column, label in enumerate(columns):
        x, y = sheet.corner(0, column)
        baseline = (x + width // 2, y - gap - round(font.size / 5))
        sheet.draw.text(baseline, shortened(label, font, width), GREY, font, anchor="ms")
    return sheet


class Card(NamedTuple):
    picture: Tensor  # (3, h, w) in 0..1; what does not fit the cards' shape is cut off
    name: str
    words: str


def carded(cards: Sequence[Card], columns: int, width: int, shape: tuple[int, int]) -> Sheet:
    """Pictures above their names and a few words, about ``width`` pixels wide in all; ``shape`` is a picture's."""
    gap = max(4, width // 60)
    wide = max(SMALLEST_CARD, (width - gap) // columns - gap)
    name, words = max(10, wide // 13), font_of(max(9, wide // 21))
    below = round(name * 1.4 + words.size * 1.3 * LINES)
    sheet = Sheet(
        (max(1, round(wide * shape[0] / shape[1])), wide), columns, -(-len(cards) // columns), gap, below=below
    )
    for index, card in enumerate(cards):
        sheet.put(index, card.picture)
        sheet.caption(index, card.name, name, name)
        x, y = sheet.corner(*divmod(index, columns))
        text = "\n".join(wrapped(written(card.words), words, wide, LINES))
        top = (x, y + sheet.cell[0] + name * 1.4)
        sheet.draw.multiline_text(top, text, GREY, words, spacing=words.size * 0.15)
    return sheet


def _cell(shape: tuple[int, int], height: float, width: float) -> tuple[int, int]:
    """The largest (h, w) of the shape's proportions within the room there is, but never too small to show anything."""
    factor = max(min(height / shape[0], width / shape[1]), SMALLEST / max(shape))
    return max(1, int(shape[0] * factor)), max(1, int(shape[1] * factor))
