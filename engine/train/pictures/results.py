"""The sheet that README shows: a few fine pictures, and all styles in fast mode, each on one of several photos."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from engine.gallery import Style
from engine.painter import set_up_process
from engine.tensors import resize
from engine.train.data.folder import DATA
from engine.train.measure.painters import Painters, Way
from engine.train.pictures import sheet as paper
from engine.train.pictures.painted import example_photo
from engine.train.pictures.sheet import GAP, tile
from engine.wire import EngineSettings

HELP = "paint the sheet of all styles that README shows"
# Photos of scikit-image, and the (left, top, side) of the part that is shown.
PHOTOS = {
    "astronaut": (40, 0, 400),
    "chelsea": (90, 10, 280),
    "coffee": (110, 20, 380),
    "rocket": (170, 20, 400),
}
FINE = {"chelsea": "starrynight", "astronaut": "nightcafe", "rocket": "scream"}  # photo -> style
COLUMNS, TILE = 6, 220  # the latter in pixels
PAINTED = 440  # pixels, side of a picture before it is reduced to TILE


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", nargs="?", type=Path, default=Path("docs/results.webp"), help="the file to write")


def run(args: Namespace) -> None:
    set_up_process(EngineSettings())
    painters = Painters(DATA)
    sheet([style for style in painters.gallery if style.fast], painters.ways()).save(args.out, quality=86)


def sheet(styles: Sequence[Style], ways: Mapping[str, Way]) -> Image.Image:
    """Three fine pictures of twice the size above one fast picture of every style."""
    photos = {name: square(name) for name in PHOTOS}
    large = COLUMNS // len(FINE) * (TILE + GAP) - GAP
    top = [tile(ways["fine"](photos[photo], style)[0], f"{style}, fine", large) for photo, style in FINE.items()]
    tiles, in_turn = [], list(photos.values())
    for count, style in enumerate(styles):
        row, column = divmod(count, COLUMNS)
        # Shifted by one in every row, so that no column has only one photo.
        x = ways["fast"](in_turn[(row + column) % len(in_turn)], style.name)
        tiles.append(tile(x[0], style.name, TILE))
    return below(paper.sheet(top, len(FINE), large), paper.sheet(tiles, COLUMNS, TILE))


def below(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Both on one paper, which share the gap between them."""
    whole = Image.new("RGB", (max(upper.width, lower.width), upper.height + lower.height - GAP), "white")
    whole.paste(upper, (0, 0))
    whole.paste(lower, (0, upper.height - GAP))
    return whole


def square(name: str) -> Tensor:
    """The part of the photo that is shown, (3, PAINTED, PAINTED)."""
    left, top, side = PHOTOS[name]
    part = example_photo(name)[:, top : top + side, left : left + side]
    return resize(part[None], (PAINTED, PAINTED))[0]
