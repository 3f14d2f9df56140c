"""How near pictures come to the painting and stay to the photo, in every style and way, as a table.

The ways are those of `engine.train.measure.painters`; ``plain``, the paper's own method by the teachers, takes minutes
a picture. With a log a measurement that was stopped goes on where it was.
"""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine.painter import set_up_process
from engine.train.data.paintings import artwork
from engine.train.measure import choice
from engine.train.measure.distance import DistanceMeter
from engine.train.measure.painters import FEW_STYLES, Painters
from engine.wire import EngineSettings

HELP = "measure how near pictures come to the painting and to the photo"
PHOTOS = "tubingen,portrait-smile,beach-dusk-city"
WAYS = "fast,universal,fine,plain"
CAPTION = (
    "Medians over the photos; 0 is the painting, 1 the photo. Style: VGG-19, which nothing here was trained with. "
    "Large: deep layers of the two teachers that the networks here were trained with, at this size and at half of it."
)

log = logging.getLogger(__name__)


class Case(NamedTuple):
    name: str  # of the style
    way: str
    photo: str


class Measured(msgspec.Struct, frozen=True):
    """One picture's distances; a line of the log."""

    name: str
    way: str
    photo: str
    size: int
    style: float
    large: float
    content: float

    @property
    def case(self) -> Case:
        return Case(self.name, self.way, self.photo)


def add_arguments(parser: ArgumentParser) -> None:
    choice.add_arguments(parser, f"all, and plain for {', '.join(FEW_STYLES)}", PHOTOS, WAYS)
    parser.add_argument(
        "--log",
        type=Path,
        help="file of JSON lines, one a picture; what is in it is not painted again: take a new file for new weights",
    )


def run(args: Namespace) -> None:
    set_up_process(EngineSettings())
    painters = Painters(args.data, args.peer)
    names = choice.styles(args, painters.gallery, [style.name for style in painters.gallery])
    ways, photos = choice.ways(args, list(painters.ways())), choice.photos(args)
    long = names if args.names else FEW_STYLES
    cases = [
        Case(name, way, photo)
        for name in names
        for way in ways
        for photo in photos
        if painters.can(way, name) and (way != "plain" or name in long)
    ]
    known = {row.case: row for row in read(args.log) if row.size == args.size} if args.log else {}
    rows = [known[case] for case in cases if case in known]
    for row in measure(painters, photos, [case for case in cases if case not in known]):
        rows.append(row)
        log.info("%s %s %s: style %.3f large %.3f", row.name, row.way, row.photo, row.style, row.large)
        if args.log:
            append(args.log, row)
    Console().print(table(rows, ways, f"style / large, long side {args.size}"))


def measure(painters: Painters, photos: Mapping[str, Tensor], cases: Sequence[Case]) -> Iterator[Measured]:
    """Paint every case and measure it; ``photos`` are (3, H, W)."""
    if not cases:
        return
    meter, ways = DistanceMeter(painters.data, painters.device), painters.ways()
    for case in cases:
        p = photos[case.photo]
        long = max(p.shape[1:])
        a = artwork(painters.data, case.name, long)
        x = ways[case.way](p, case.name)
        distance = meter(*(picture.to(painters.device) for picture in (x, p[None], a[None])))
        yield Measured(*case, long, *distance)


def table(rows: Iterable[Measured], ways: Sequence[str], title: str) -> Table:
    """A row for every style, with the medians over its photos."""
    found: dict[str, dict[str, list[Measured]]] = {}
    for row in rows:
        found.setdefault(row.name, {}).setdefault(row.way, []).append(row)
    shown = Table("style", *ways, title=title, caption=CAPTION)
    for name, by_way in found.items():
        shown.add_row(name, *(medians(by_way.get(way, [])) for way in ways))
    return shown


def medians(rows: Sequence[Measured]) -> str:
    """``.14 / .20``, or a dash."""
    if not rows:
        return "-"
    return " / ".join(f"{median(values):.2f}" for values in ([r.style for r in rows], [r.large for r in rows]))


# --- the log ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> Iterator[Measured]:
    """What the log holds. A line that is no measurement, such as one that was cut off, is left out."""
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            yield msgspec.json.decode(line, type=Measured)
        except msgspec.DecodeError:
            log.warning("%s: left out %s", path, line.decode(errors="replace"))


def append(path: Path, row: Measured) -> None:
    """Write one more line, on a line of its own even after one that was cut off."""
    with path.open("a+b") as file:
        file.seek(max(0, file.tell() - 1))
        torn = file.read() not in (b"", b"\n")
        file.write((b"\n" if torn else b"") + msgspec.json.encode(row) + b"\n")
