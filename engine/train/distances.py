"""How near pictures come to the painting and stay to the photo, by networks that nothing here learnt from or looks at.

``python -m engine.distances`` paints one photo in every style and mode and prints a table: fast, universal, fine, and
500 steps of plain L-BFGS with the teachers, which is the method of the paper with nothing added.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine import gallery
from engine.encoders import full as encoders
from engine.encoders.vgg import Encoder
from engine.fast import network as fast
from engine.fast import paint as onepass
from engine.fine import gatys
from engine.fine.losses import gram
from engine.images import decode as images
from engine.recipe import Mode, Recipe, Share, complete
from engine.train.data.crops import load
from engine.train.data.teachers import TeacherEncoder, VGGTeacher
from engine.train.trainers import reconstruction as swatches
from engine.universal import paint as universal

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")  # as deep as the genuine weights go
CONTENT_LAYER = "conv3_1"
PLAIN_STEPS = 500
MODES: tuple[Mode, ...] = ("fast", "universal", "fine")


class Distance(NamedTuple):
    """How far a picture is from what it should be."""

    style: float  # 0 has the painting's own Gram matrices, 1 is as far from them as the photo is
    content: float  # squared difference of features over the photo's mean square
    seconds: float


class Judge:
    """Genuine VGG-19 to conv3_1, which only measures: the slim encoder and the gallery learnt from other networks."""

    def __init__(self, data: Path) -> None:
        self.vgg = VGGTeacher(data / "teachers/vgg19-conv1-3.safetensors")

    @torch.no_grad()
    def __call__(self, x: Tensor, p: Tensor, a: Tensor, seconds: float) -> Distance:
        """Distances of x from the photo p and the painting a, all (1, 3, H, W) in 0..1."""
        F, P, A = (self.vgg.features(picture, STYLE_LAYERS) for picture in (x, p, a))
        style = [
            float((gram(F[l]) - gram(A[l])).square().sum() / (gram(P[l]) - gram(A[l])).square().sum())
            for l in STYLE_LAYERS
        ]
        content = (F[CONTENT_LAYER] - P[CONTENT_LAYER]).square().mean() / P[CONTENT_LAYER].square().mean()
        return Distance(sum(style) / len(style), float(content), seconds)


def plain(p: Tensor, artwork: Tensor, recipe: Recipe, encoder: Encoder) -> Iterator[Tensor]:
    """Gatys at one scale from the photo, whatever the size: the pictures after each step."""
    size = (p.shape[1], p.shape[2])
    run = gatys.Run([gatys.Scale(size, PLAIN_STEPS)], encoder, recipe, [(artwork, 1.0)], p[None])
    for step, _ in run.scale(p[None]):
        yield step.x


def last(pictures: Iterator[Tensor]) -> tuple[Tensor, float]:
    """(the last picture, seconds for all)."""
    begin = time.perf_counter()
    for x in pictures:
        found = x
    return found, time.perf_counter() - begin


class Painters:
    """Every way of painting, by name: photo (3, H, W), style, the painting -> pictures."""

    def __init__(self, data: Path, size: int) -> None:
        self.size = size
        self.gallery = gallery.default()
        self.network = fast.load(torch.device("cpu"))
        self.slim = encoders.SlimEncoder.load()
        self.decoders = universal.load(torch.device("cpu"))
        self.teachers = TeacherEncoder(data / "teachers")
        paths = sorted((data / "photos/train").glob("*.jpg"))[: swatches.CALIBRATION_PHOTOS]
        self.teachers.calibrate([load(path, 288)[None].float() / 255 for path in paths])

    def recipe(self, name: str, mode: Mode) -> Recipe:
        return complete(Recipe(styles=(Share(name),), mode=mode), self.gallery, size=self.size, seed=1)

    def fast(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        recipe = self.recipe(name, "fast")
        for _, x in onepass.paint(self.network, p, [(name, 1.0)], recipe):
            yield x

    def universal(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        for _, x in universal.paint(
            p, [(self.swatch(name), 1.0)], self.recipe(name, "universal"), self.slim, self.decoders
        ):
            yield x

    def fine(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        recipe, start = self.recipe(name, "fine"), None
        if recipe.init == "fast" or recipe.init == "universal":
            *_, start = getattr(self, recipe.init)(p, name, artwork)
        for step in gatys.paint(p, [(self.swatch(name), 1.0)], recipe, self.slim, start):
            yield step.x

    def plain(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        return plain(p, artwork, self.recipe(name, "fine"), self.teachers)

    def swatch(self, name: str) -> Tensor:
        return images.decode(self.gallery[name].swatch.read_bytes()).pixels


def measure(
    data: Path, photos: Sequence[Tensor], names: Sequence[str], ways: Sequence[str]
) -> Iterator[tuple[str, str, Distance]]:
    """(style, way, distance) of every style in every way: medians over the photos (3, H, W)."""
    judge, painters = Judge(data), Painters(data, max(photos[0].shape[1:]))
    for name in names:
        artwork = swatches.artwork(data, name)[None]
        for way in ways:
            paint: Callable[[Tensor, str, Tensor], Iterator[Tensor]] = getattr(painters, way)
            if way == "fast" and not painters.gallery[name].fast:
                continue
            found = []
            for p in photos:
                x, seconds = last(paint(p, name, artwork))
                found.append(judge(x, p[None], gatys.resize(artwork, _at(artwork, max(p.shape[1:]))), seconds))
            yield name, way, Distance(*(median(values) for values in zip(*found, strict=True)))


def _at(artwork: Tensor, long: int) -> tuple[int, int]:
    height, width = artwork.shape[-2:]
    factor = min(1.0, long / max(height, width))
    return round(height * factor), round(width * factor)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.distances", description=__doc__)
    parser.add_argument("names", nargs="*", help="gallery names; all without any")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--photos", default="tubingen", help="of the eval photos, with commas between")
    parser.add_argument("--ways", default="fast,universal,fine,plain")
    parser.add_argument("--size", type=int, default=256, help="long side in pixels")
    parser.add_argument("--log", type=Path, help="file that gets each figure as a line of JSON when it is known")
    args = parser.parse_args()
    paths = [args.data / "photos/eval" / f"{name}.jpg" for name in args.photos.split(",")]
    photos = [images.fit(load(path).float() / 255, args.size) for path in paths]
    ways = args.ways.split(",")
    rows: dict[str, dict[str, Distance]] = {}
    for name, way, distance in measure(args.data, photos, args.names or [s.name for s in gallery.default()], ways):
        rows.setdefault(name, {})[way] = distance
        if args.log:
            with args.log.open("ab") as file:
                file.write(msgspec.json.encode({"name": name, "way": way, **distance._asdict()}) + b"\n")
    table = Table("style", *ways, title=f"style / content distance, long side {args.size}")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[w].style:.2f} / {row[w].content:.2f}" if w in row else "-" for w in ways))
    Console().print(table)


if __name__ == "__main__":
    main()
