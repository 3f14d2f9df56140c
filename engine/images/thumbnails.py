"""Pictures for chats: a smaller file of one, or a contact sheet of several. A process of its own, without torch.

python -m engine.images.thumbnails jpeg BYTES < picture > small.jpg   # at most BYTES, else exit code 1
python -m engine.images.thumbnails sheet < tiles.json > sheet.jpg     # [[name, title, path of the picture], ...]
python -m engine.images.thumbnails small SIDE < picture > small.jpg     # of a clip its first frame
python -m engine.images.thumbnails parts < boxes.json+sheet > part.jpg  # [[left, top, width, height], ...] in one line
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from engine.images.lettering import BLACK, GREY, PAPER, Colour, fitted, written
from engine.images.metadata import carried

Tile = tuple[str, str, str]  # name, title, path of the picture

QUALITIES = (95, 90, 80, 70)  # below, blocks show more than a loss of pixels does
SMALLER = 0.7  # of each side, about half the pixels
SMALLEST = 64  # pixels, long side
COLUMNS = 3
TILE = (400, 300)  # pixels
MARGIN, LABEL = 20, 84
NAME, TITLE = 42, 25  # font sizes; a phone shows a sheet at a quarter of its width


def jpeg(picture: bytes, most: int) -> bytes | None:
    """The best JPEG of a finished picture with at most ``most`` bytes, of fewer pixels where it must be.

    None where even a stamp is larger.
    """
    with Image.open(io.BytesIO(picture)) as image:
        flat, exif = on_white(image), carried(image)
    while True:
        for quality in QUALITIES:
            data = _encoded(flat, quality, exif)
            if len(data) <= most:
                return data
        if max(flat.size) <= SMALLEST:
            return None
        width, height = (max(1, round(side * SMALLER)) for side in flat.size)
        flat = flat.resize((width, height), Image.Resampling.LANCZOS)


def small(picture: bytes, side: int) -> bytes:
    """A JPEG whose long side has at most so many pixels."""
    with Image.open(io.BytesIO(picture)) as image:
        image.draft("RGB", (side, side))
        flat = on_white(image)
    flat.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _encoded(flat, 82)


def sheet(tiles: Sequence[Tile]) -> bytes:
    """Pictures in rows, each above its name and title, as JPEG; a missing file leaves an empty tile."""
    width, height = TILE
    columns, rows = min(COLUMNS, len(tiles)), -(-len(tiles) // COLUMNS)
    paper = Image.new(
        "RGB", (columns * (width + MARGIN) + MARGIN, rows * (height + LABEL + MARGIN) + MARGIN // 2), PAPER
    )
    draw = ImageDraw.Draw(paper)
    for index, (name, title, path) in enumerate(tiles):
        x = MARGIN + index % COLUMNS * (width + MARGIN)
        y = MARGIN + index // COLUMNS * (height + LABEL + MARGIN)
        if Path(path).is_file():
            with Image.open(path) as picture:
                paper.paste(ImageOps.fit(on_white(picture), TILE), (x, y))
        else:
            draw.rectangle((x, y, x + width - 1, y + height - 1), outline=GREY)
        _write(draw, x, y + height + 6, name, NAME, BLACK, 1)
        _write(draw, x, y + height + 54, title, TITLE, GREY, 0)
    return _encoded(paper, 88)


def parts(picture: bytes, boxes: Sequence[Sequence[float]]) -> bytes:
    """These parts of a sheet, each by its box in shares of it, in rows as a sheet of their own, as JPEG."""
    with Image.open(io.BytesIO(picture)) as image:
        whole = on_white(image)
    cut = [
        whole.crop((round(x * whole.width), round(y * whole.height), *_corner(whole, x + width, y + height)))
        for x, y, width, height in boxes
    ]
    wide, high = max(part.width for part in cut), max(part.height for part in cut)
    columns, gap = min(COLUMNS, len(cut)), MARGIN // 2
    size = (columns * (wide + gap) + gap, -(-len(cut) // columns) * (high + gap) + gap)
    paper = Image.new("RGB", size, PAPER)
    for index, part in enumerate(cut):
        paper.paste(part, (gap + index % columns * (wide + gap), gap + index // columns * (high + gap)))
    return _encoded(paper, 88)


def _corner(whole: Image.Image, x: float, y: float) -> tuple[int, int]:
    return min(whole.width, round(x * whole.width)), min(whole.height, round(y * whole.height))


def _write(draw: ImageDraw.ImageDraw, x: int, y: int, text: str, size: int, colour: Colour, bold: int) -> None:
    """One line at the left of a tile, in a smaller font, or shortened in the end, so that it fits."""
    text, font = fitted(written(text), size, min(size, TITLE), TILE[0] - 2)
    draw.text((x, y), text, colour, font, stroke_width=bold)


def on_white(image: Image.Image) -> Image.Image:
    """Without transparency."""
    if "A" not in image.getbands():
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def _encoded(image: Image.Image, quality: int, exif: Image.Exif | None = None) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, exif=exif or b"")
    return file.getvalue()


def main(argv: list[str]) -> int:
    data = sys.stdin.buffer.read()
    match argv:
        case ["jpeg", most]:
            made = jpeg(data, int(most))
        case ["small", side]:
            made = small(data, int(side))
        case ["sheet"]:
            made = sheet(json.loads(data))
        case ["parts"]:
            boxes, _, picture = data.partition(b"\n")
            made = parts(picture, json.loads(boxes))
        case _:
            made = None
    sys.stdout.buffer.write(made or b"")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
