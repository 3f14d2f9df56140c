"""The sheet of all styles that README shows: each on one of several photos, its name below."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from PIL import Image
from torch import Tensor

from engine import gallery
from engine.device import choose
from engine.fast.network import Network, load
from engine.tensors import resize
from engine.train.pictures import sheet as paper
from engine.train.pictures.painted import example_photo, in_style
from engine.train.pictures.sheet import tile

HELP = "paint the sheet of all styles that README shows"
# Photos of scikit-image, and the (left, top, side) of the part that is shown.
PHOTOS = {
    "astronaut": (40, 0, 400),
    "chelsea": (90, 10, 280),
    "coffee": (110, 20, 380),
    "rocket": (170, 20, 400),
}
COLUMNS, TILE = 6, 220  # the latter in pixels
PAINTED = 440  # pixels, side of a picture before it is reduced to TILE


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", nargs="?", type=Path, default=Path("docs/results.webp"), help="the file to write")


def run(args: Namespace) -> None:
    device, _ = choose("auto")
    sheet(load(device)).save(args.out, quality=86)


def sheet(network: Network) -> Image.Image:
    """Every style that the network knows."""
    photos, tiles = [square(name) for name in PHOTOS], []
    for count, style in enumerate(style for style in gallery.default() if network.knows(style.name)):
        row, column = divmod(count, COLUMNS)
        # Shifted by one in every row, so that no column has only one photo.
        x = in_style(network, photos[(row + column) % len(photos)].to(network.pairs.device), style)
        tiles.append(tile(x[0], style.name, TILE))
    return paper.sheet(tiles, COLUMNS, TILE)


def square(name: str) -> Tensor:
    """The part of the photo that is shown, (3, PAINTED, PAINTED)."""
    left, top, side = PHOTOS[name]
    part = example_photo(name)[:, top : top + side, left : left + side]
    return resize(part[None], (PAINTED, PAINTED))[0]
