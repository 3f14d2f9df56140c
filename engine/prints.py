"""Prints of pictures for chats: a smaller file of one, or a contact sheet of several. Pillow, and no torch.

python -m engine.prints jpeg BYTES < picture > print.jpg    # at most so many bytes; exit code 1 if none is
python -m engine.prints sheet < tiles.json > sheet.jpg      # [[title, path of the picture], ...]
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

Tile = tuple[str, str]  # title, path

QUALITIES = (95, 90, 80, 70, 50, 30)
TILE, MARGIN, LABEL = 240, 12, 40  # pixels
PAPER, INK = (250, 248, 243), (40, 38, 35)
TITLE_LENGTH = 26  # characters that fit under a tile


def jpeg(picture: bytes, most: int) -> bytes | None:
    """The best JPEG of a finished picture with at most ``most`` bytes; None where even the worst is larger."""
    with Image.open(io.BytesIO(picture)) as image:
        flat = _flat(image)
    for quality in QUALITIES:
        data = _encoded(flat, quality)
        if len(data) <= most:
            return data
    return None


def sheet(tiles: Sequence[Tile]) -> bytes:
    """Pictures in rows with their titles below, JPEG; one whose file is missing is an empty tile."""
    columns = next((count for count in (1, 2, 3, 4) if count**2 >= len(tiles)), 5)
    rows = -(-len(tiles) // columns)
    size = (columns * (TILE + MARGIN) + MARGIN, rows * (TILE + LABEL + MARGIN) + MARGIN)
    paper = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(15)
    for index, (title, path) in enumerate(tiles):
        x = MARGIN + index % columns * (TILE + MARGIN)
        y = MARGIN + index // columns * (TILE + LABEL + MARGIN)
        if Path(path).is_file():
            with Image.open(path) as swatch:
                paper.paste(ImageOps.fit(swatch.convert("RGB"), (TILE, TILE)), (x, y))
        else:
            draw.rectangle((x, y, x + TILE - 1, y + TILE - 1), outline=INK)
        short = title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"
        draw.text((x + TILE / 2, y + TILE + LABEL / 2), short, INK, font, anchor="mm")
    return _encoded(paper, 88)


def _flat(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands():
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def _encoded(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def main(argv: list[str]) -> int:
    given = sys.stdin.buffer.read()
    match argv:
        case ["jpeg", most]:
            made = jpeg(given, int(most))
        case ["sheet"]:
            made = sheet(json.loads(given))
        case _:
            made = None
    sys.stdout.buffer.write(made or b"")
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
