"""How much a moving picture flickers, painted frame by frame and painted as one."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from engine import gallery
from engine.images.animation import Clip, fitting, read
from engine.images.decode import decode
from engine.images.moving import encode
from engine.motion.flicker import Flicker
from engine.motion.flow import Motion, motion
from engine.painter import TorchPainter
from engine.recipe import Recipe, complete, parse
from engine.stages import Picture
from engine.tensors import fit
from engine.wire import APNG, EngineSettings, Paint

HELP = "measure how much moving pictures flicker, without and with what keeps frames together"
STEP = 4  # pixels a frame, of a pan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pictures", type=Path, nargs="+", help="animations, or photos over which a camera pans")
    parser.add_argument("--line", default="starrynight", help="the recipe line")
    parser.add_argument("--size", type=int, default=320, help="pixels, long side")
    parser.add_argument("--frames", type=int, default=24, help="of a pan")


def run(args: argparse.Namespace) -> None:
    styles = gallery.default()
    recipe = complete(parse(args.line, styles), styles, size=args.size, seed=1)
    painter = TorchPainter(EngineSettings())
    print("clip".ljust(28), "its own", "frame by frame", "as one", "seconds", sep="\t")
    for path in args.pictures:
        own, alone, together, seconds = measured(painter, path, recipe, args.frames)
        print(path.name.ljust(28), f"{own:.3f}\t{alone:.3f}\t\t{together:.3f}\t{seconds:.1f}", sep="\t", flush=True)


def measured(painter: TorchPainter, path: Path, recipe: Recipe, frames: int) -> tuple[float, float, float, float]:
    """The flicker of a clip, of its frames painted one by one, and painted together; the seconds of the latter."""
    clip = clip_of(path, recipe.size or 0, frames)
    motions = list(_motions(clip))
    alone = [_painted(painter, Clip(APNG, [x], [Fraction(1)], None, 0), recipe)[0] for x in clip.frames]
    began = time.perf_counter()
    together = _painted(painter, clip, recipe)
    seconds = time.perf_counter() - began
    own, one, other = (_flicker(results, motions) for results in (clip.frames, alone, together))
    return own, one, other, seconds


def clip_of(path: Path, size: int, frames: int) -> Clip:
    """An animation's frames, or those of a camera that pans over a photo by `STEP` pixels a frame."""
    data = path.read_bytes()
    try:
        photo = decode(data).pixels if path.suffix.lower() in (".jpg", ".jpeg", ".png") else None
    except ValueError:
        photo = None
    if photo is None:
        return read(data, fitting(size, enlarge=False), lambda _: frames)
    wide = fit(photo, round((size + frames * STEP) * max(1, photo.shape[1] / photo.shape[2])))
    height = min(wide.shape[1], size * 3 // 4)
    top = (wide.shape[1] - height) // 2
    part = wide[:, top : top + height].mul(255).round().to(torch.uint8)
    return Clip(
        APNG, [part[..., i * STEP : i * STEP + size] for i in range(frames)], [Fraction(1, 12)] * frames, None, 0
    )


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


def _flicker(frames: list[Tensor], motions: list[Motion | None]) -> float:
    found = Flicker()
    for x, moved in zip(frames, motions, strict=True):
        found.add(x[None].float() / 255, moved)
    return found.value or 0.0
