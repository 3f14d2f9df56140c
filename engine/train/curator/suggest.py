"""Whether the styles that /suggest chooses are better than others, over photos that it was not made with.

Every style is painted on every photo in fast mode. Then the four suggested are compared with what four styles drawn by
lot would reach in the mean, and with the four that were suggested for the other photos: the latter shows that the
choice is for this photo, and not merely of styles that are always good.
"""

from __future__ import annotations

import logging
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import msgspec
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.fine.losses import gram
from engine.lab.likeness import library
from engine.lab.suggest import COUNT, suggestions
from engine.painter import set_up_process
from engine.subject.faces import faces
from engine.tensors import fit
from engine.train.data.folder import DATA, evaluation_photos, held_out_photos, picture
from engine.train.data.paintings import artwork
from engine.train.data.teachers import VGGTeacher
from engine.train.measure.distance import CONTENT_LAYER, STYLE_LAYERS
from engine.train.measure.painters import Painters
from engine.wire import EngineSettings

HELP = "measure whether /suggest chooses better than chance"
DRAWS = 2000  # of styles by lot
CAPTION = (
    "Means over the photos, by genuine VGG-19, which nothing here was trained with; less is better. Style: squared"
    " distance of Gram matrices from the painting's, as a share of these. Content: of features from the photo's."
)

log = logging.getLogger(__name__)


class Painted(msgspec.Struct, frozen=True):
    """One picture's distances; a line of the log."""

    photo: str
    name: str  # of the style
    style: float
    content: float


class Verdict(NamedTuple):
    """One distance of the suggested styles, and what to compare it with."""

    suggested: float
    lot: float  # of four styles drawn by lot, in the mean
    others: float  # of the styles that were suggested for the other photos, in the mean
    beaten: float  # share of draws by lot, for all photos at once, that are worse
    photos: int  # on which the suggested ones are better than the mean of all


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--held-out", type=int, metavar="N", help="N held-out photos instead of those for evaluation")
    parser.add_argument(
        "--log", type=Path, help="file of JSON lines, one a picture; what is in it is not painted again"
    )


def run(args: Namespace) -> None:
    set_up_process(EngineSettings())
    paths = held_out_photos(args.data)[: args.held_out] if args.held_out else evaluation_photos(args.data)
    photos = {path.stem: fit(picture(path)[0], args.size) for path in paths}
    names = [style.name for style in gallery.default() if style.fast]
    rows = {(row.photo, row.name): row for row in read(args.log)}
    missing = [(photo, name) for photo in photos for name in names if (photo, name) not in rows]
    for row in measure(photos, missing, args.data):
        rows[row.photo, row.name] = row
        if args.log:
            with args.log.open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")
        log.info("%s %s: style %.3f content %.3f", row.photo, row.name, row.style, row.content)
    chosen = {photo: chosen_for(p) for photo, p in photos.items()}
    for photo, four in chosen.items():
        log.info("%s: %s", photo, ", ".join(four))
    shown = Table("distance", "suggested", "by lot", "for other photos", "lots beaten", "photos", caption=CAPTION)
    for kind in ("style", "content"):
        table = {photo: {name: getattr(rows[photo, name], kind) for name in names} for photo in photos}
        found = verdict(table, chosen)
        means = (f"{value:.3f}" for value in (found.suggested, found.lot, found.others))
        shown.add_row(kind, *means, f"{found.beaten:.1%}", f"{found.photos} of {len(photos)}")
    Console().print(shown)


def read(path: Path | None) -> Iterator[Painted]:
    """What the log holds; a line that was cut off is left out."""
    for line in path.read_bytes().splitlines() if path and path.exists() else ():
        try:
            yield msgspec.json.decode(line, type=Painted)
        except msgspec.DecodeError:
            log.warning("%s: left out %s", path, line.decode(errors="replace"))


@torch.no_grad()
def measure(photos: Mapping[str, Tensor], cases: Sequence[tuple[str, str]], data: Path) -> Iterator[Painted]:
    """Paint every case, a photo and a style, and measure it."""
    if not cases:
        return
    painters, vgg = Painters(data), VGGTeacher(data / "teachers/vgg19-conv1-3.safetensors")

    def features(x: Tensor) -> tuple[list[Tensor], Tensor]:
        found = vgg.features(x.cpu(), STYLE_LAYERS)
        return [gram(found[l]) for l in STYLE_LAYERS], found[CONTENT_LAYER]

    size = max(max(p.shape[1:]) for p in photos.values())
    paintings = {name: features(artwork(data, name, size)[None])[0] for name in {name for _, name in cases}}
    for photo, name in cases:
        G, F = features(painters.fast(photos[photo], name))
        A, (_, P) = paintings[name], features(photos[photo][None])
        style = fmean(float((g - a).square().sum() / a.square().sum()) for g, a in zip(G, A, strict=True))
        yield Painted(photo, name, style, float((F - P).square().mean() / P.square().mean()))


def chosen_for(p: Tensor) -> list[str]:
    """The styles that are suggested for a photo (3, H, W)."""
    known = library.load()
    looks = known.looks(SlimEncoder.load(), p)
    return [found.style for found in suggestions(known, gallery.default(), looks, bool(faces(p)))]


def verdict(table: Mapping[str, Mapping[str, float]], chosen: Mapping[str, Sequence[str]]) -> Verdict:
    """What the choice is worth: ``table`` has a distance by photo and style, ``chosen`` the styles by photo."""

    def mean(photo: str, names: Sequence[str]) -> float:
        return fmean(table[photo][name] for name in names)

    suggested = fmean(mean(photo, names) for photo, names in chosen.items())
    every = {photo: fmean(row.values()) for photo, row in table.items()}
    others = fmean(mean(p, names) for p in chosen for other, names in chosen.items() if other != p)
    draw = random.Random(1)
    lots = [fmean(mean(photo, draw.sample(sorted(table[photo]), COUNT)) for photo in chosen) for _ in range(DRAWS)]
    better = sum(mean(photo, names) < every[photo] for photo, names in chosen.items())
    beaten = fmean(suggested < lot for lot in lots)
    return Verdict(suggested, fmean(every[photo] for photo in chosen), others, beaten, better)
