"""How near pictures come to the painting and stay to the photo, in every style and mode, as a table.

Beside fast, universal and fine it measures ``plain``: 500 steps of L-BFGS with the teachers, the method of the paper
with nothing added.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine import gallery
from engine.tensors import fit, resize
from engine.train.data.folder import DATA, picture
from engine.train.data.paintings import artwork
from engine.train.measure.distance import Distance, DistanceMeter
from engine.train.measure.painters import Painters

HELP = "measure how near pictures come to the painting and to the photo"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="gallery names; without any, all")
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--photos", default="tubingen", help="names of evaluation photos, separated by commas")
    parser.add_argument("--ways", default="fast,universal,fine,plain", help="methods, separated by commas")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--log", type=Path, help="file that gets each figure as a line of JSON as soon as it is known")


def run(args: Namespace) -> None:
    paths = [args.data / "photos/eval" / f"{name}.jpg" for name in args.photos.split(",")]
    photos = [fit(picture(path)[0], args.size) for path in paths]
    names, ways = args.names or [style.name for style in gallery.default()], args.ways.split(",")
    rows: dict[str, dict[str, Distance]] = {}
    for name, way, distance in measure(args.data, photos, names, ways):
        rows.setdefault(name, {})[way] = distance
        if args.log:
            with args.log.open("ab") as file:
                file.write(msgspec.json.encode({"name": name, "way": way, **distance._asdict()}) + b"\n")
    table = Table("style", *ways, title=f"style / content distance, long side {args.size}")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[w].style:.2f} / {row[w].content:.2f}" if w in row else "-" for w in ways))
    Console().print(table)


def measure(
    data: Path, photos: Sequence[Tensor], names: Sequence[str], ways: Sequence[str]
) -> Iterator[tuple[str, str, Distance]]:
    """(style, way, distance) of every style in every way: medians over the photos (3, H, W)."""
    meter, painters = DistanceMeter(data), Painters(data, max(photos[0].shape[1:]))
    for name in names:
        painting = artwork(data, name)[None]
        for way in ways:
            paint: Callable[[Tensor, str, Tensor], Iterator[Tensor]] = getattr(painters, way)
            if way == "fast" and not painters.gallery[name].fast:
                continue
            found = []
            for p in photos:
                x, seconds = last(paint(p, name, painting))
                found.append(meter(x, p[None], reduced(painting, max(p.shape[1:])), seconds))
            yield name, way, Distance(*(median(values) for values in zip(*found, strict=True)))


def last(pictures: Iterator[Tensor]) -> tuple[Tensor, float]:
    """(the last picture, seconds for all)."""
    begin = time.perf_counter()
    for x in pictures:
        found = x
    return found, time.perf_counter() - begin


def reduced(painting: Tensor, long: int) -> Tensor:
    """The painting (1, 3, H, W) with its long side at most ``long`` pixels."""
    height, width = painting.shape[-2:]
    factor = min(1.0, long / max(height, width))
    return resize(painting, (round(height * factor), round(width * factor)))
