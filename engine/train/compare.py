"""Paints styles over evaluation photos in several ways, for looking: one sheet, and single pictures for blind scoring.

The pictures are kept in a folder, and what is there is not painted again. So it may hold pictures that were painted
elsewhere, by another version say: as STYLE-PHOTO-WAY.png, under any WAY.
"""

from __future__ import annotations

import logging
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

import msgspec
from torch import Tensor

from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.painter import set_up_process
from engine.train.data.paintings import artwork
from engine.train.measure import choice
from engine.train.measure.painters import FEW_STYLES, Painters
from engine.train.pictures.sheet import Tile, sheet, tile
from engine.wire import EngineSettings

HELP = "paint styles over photos in several ways, to look at or to score blindly"
PHOTOS = "tubingen,portrait-smile,cat-tabby,beach-dusk-city,petra-temple,group-soccer"
WAYS = "fast,universal,fine"

log = logging.getLogger(__name__)


class Case(NamedTuple):
    name: str  # of the style
    photo: str


class Hidden(msgspec.Struct, frozen=True):
    """What is behind one letter."""

    name: str
    photo: str
    way: str


def add_arguments(parser: ArgumentParser) -> None:
    choice.add_arguments(parser, ", ".join(FEW_STYLES), PHOTOS, WAYS)
    parser.add_argument("--pictures", type=Path, default=Path("runs/compare"), help="folder that keeps the pictures")
    parser.add_argument("--sheet", type=Path, default=Path("runs/compare.png"), help="the sheet to write")
    parser.add_argument("--side", type=int, default=320, help="pixels, long side of a picture on the sheet")
    parser.add_argument(
        "--blind", type=Path, metavar="FOLDER", help="new folder of lettered pictures; FOLDER.json is the key"
    )


def run(args: Namespace) -> None:
    if args.blind and args.blind.exists():
        raise SystemExit(f"{args.blind} is there already. Name a new folder, so that no letter stands for two ways.")
    set_up_process(EngineSettings())
    painters = Painters(args.data, args.peer)
    names = choice.styles(args, painters.gallery, FEW_STYLES)
    ways, photos = choice.ways(args, known_ways(painters, args.pictures)), choice.photos(args)
    cases = [Case(name, photo) for name in names for photo in photos]
    paint(painters, photos, cases, ways, args.pictures)
    paintings = {name: artwork(args.data, name, args.size) for name in names}
    shown = tiles(args.pictures, photos, paintings, cases, ways, args.side)
    args.sheet.parent.mkdir(parents=True, exist_ok=True)
    sheet(shown, 2 + len(ways), args.side).save(args.sheet)
    if args.blind:
        hide(args.pictures, cases, ways, args.blind)
        for name, x in {**photos, **{f"painting-{name}": a for name, a in paintings.items()}}.items():
            (args.blind / f"{name}.png").write_bytes(encode_png(x))


def known_ways(painters: Painters, folder: Path) -> list[str]:
    """Those that can be painted, and those of the pictures that are kept."""
    kept = {path.stem.rsplit("-", 1)[-1] for path in folder.glob("*-*.png")}
    return [*painters.ways(), *sorted(kept - set(painters.ways()))]


def file_of(folder: Path, case: Case, way: str) -> Path:
    return folder / f"{case.name}-{case.photo}-{way}.png"


def paint(
    painters: Painters, photos: Mapping[str, Tensor], cases: Sequence[Case], ways: Sequence[str], folder: Path
) -> None:
    """Paint what the folder does not have yet; way after way, since some take long."""
    folder.mkdir(parents=True, exist_ok=True)
    known = painters.ways()
    for way in ways:
        for case in cases:
            file = file_of(folder, case, way)
            if way in known and not file.exists() and painters.can(way, case.name):
                file.write_bytes(encode_png(known[way](photos[case.photo], case.name)[0]))
                log.info("%s", file)


def tiles(
    folder: Path,
    photos: Mapping[str, Tensor],
    paintings: Mapping[str, Tensor],
    cases: Sequence[Case],
    ways: Sequence[str],
    side: int,
) -> list[Tile]:
    """A row for every case: the photo, the painting, and the picture of every way; white where there is none."""
    found = []
    for case in cases:
        found += [tile(photos[case.photo], case.photo, side), tile(paintings[case.name], case.name, side)]
        for way in ways:
            file = file_of(folder, case, way)
            x = decode(file.read_bytes()).pixels if file.exists() else photos[case.photo].new_ones(3, 8, 8)
            found.append(tile(x, way if file.exists() else "", side))
    return found


def hide(
    folder: Path, cases: Sequence[Case], ways: Sequence[str], blind: Path, rng: random.Random | None = None
) -> dict[str, Hidden]:
    """Write each case's pictures as letters in an order of their own, and the key beside the folder, not in it."""
    rng, key = rng or random.Random(), {}
    blind.mkdir(parents=True)
    for case in cases:
        shuffled = [way for way in ways if file_of(folder, case, way).exists()]
        rng.shuffle(shuffled)
        for letter, way in zip(ascii_uppercase, shuffled, strict=False):
            file = file_of(blind, case, letter)
            # Anew, since a picture's file can hold the recipe that made it.
            file.write_bytes(encode_png(decode(file_of(folder, case, way).read_bytes()).pixels))
            key[file.name] = Hidden(case.name, case.photo, way)
    blind.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(key)))
    return key
