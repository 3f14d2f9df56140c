"""Seconds: of whole pictures, of their parts, of single steps, and until a loss is reached.

Machines are shared and noisy, so what is compared takes turns, and medians are taken.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from engine import gallery
from engine.device import choose
from engine.encoders.vgg import Encoder
from engine.fast import network as fast
from engine.fast.network import Network
from engine.fast.paint import paint as paint_fast
from engine.fine.gatys import Run
from engine.fine.paint import paint as paint_fine
from engine.fine.scales import Scale, scales
from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.painter import TorchPainter
from engine.recipe import MODES, Init, Mode, Recipe, Share, complete, line
from engine.tensors import fit
from engine.wire import EngineSettings, Paint

ROUNDS = 3
STYLE = "starrynight"
STEP_COUNTS = [round(8 * 2 ** (i / 2)) for i in range(11)]  # that are tried, 8 to 256


def recipe(size: int, steps: int | None = None, mode: Mode = "fine", init: Init | None = None) -> Recipe:
    given = Recipe(styles=(Share(STYLE),), mode=mode, steps=steps, init=init)
    return complete(given, gallery.default(), size=size, seed=1)


def in_turns(sides: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each side's seconds over ROUNDS rounds, after a first that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for i in range(ROUNDS + 1):
        for name, side in sides.items():
            taken = side()
            if i:
                seconds[name].append(taken)
    return {name: median(taken) for name, taken in seconds.items()}


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """The seconds that ``work`` takes."""

    def run() -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    return run


# --- whole pictures --------------------------------------------------------------------------------------------------


def parts(data: bytes, size: int) -> dict[str, float]:
    """Seconds of the parts of a fast picture, from the photo's file to the picture's."""
    device, _ = choose("auto")
    network = fast.load(device)

    def read() -> Tensor:
        return fit(decode(data, enough=size).pixels, size).to(device)

    def paint() -> Tensor:
        return fast_picture(network, p).cpu()  # a GPU is done when the picture has left it

    p = read()
    x = paint()[0]
    write = timed(lambda: encode_png(x, line(recipe(size, mode="fast"))))
    return in_turns({"decode and fit": timed(read), "network": timed(paint), "PNG": write})


def by_mode(data: bytes, size: int) -> dict[str, float]:
    """Seconds of a whole picture in every mode, painted as orders are."""
    painter = TorchPainter(EngineSettings())

    def order(mode: Mode) -> Callable[[], float]:
        paint = Paint("bench", data, recipe(size, mode=mode))
        return timed(lambda: deque(painter.paint(paint), maxlen=0))

    return in_turns({mode: order(mode) for mode in MODES})


def fast_picture(network: Network, p: Tensor) -> Tensor:
    """x (1, 3, H, W) of a photo (3, H, W)."""
    *_, (_, x) = paint_fast(network, p, [(STYLE, 1.0)], recipe(max(p.shape[1:]), mode="fast"))
    return x


# --- the optimisation ------------------------------------------------------------------------------------------------


class InBfloat16:
    """An encoder under autocast: convolutions and Gram matrices' inputs in bfloat16, the losses in float32."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.style_layers, self.content_layers = encoder.style_layers, encoder.content_layers

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            found = self.encoder.features(x, layers)
        return {name: f.float() for name, f in found.items()}


def per_step(photo: Tensor, style: Tensor, encoder: Encoder, steps: int = 4) -> Callable[[], float]:
    """Seconds a step at one scale, of the photo's size."""

    def run() -> float:
        plan = [Scale((photo.shape[1], photo.shape[2]), steps)]
        begin = time.perf_counter()
        for _ in _run(photo, style, encoder, plan).scale(photo[None]):
            pass
        return (time.perf_counter() - begin) / steps

    return run


def time_to_same_loss(photo: Tensor, style: Tensor, encoder: Encoder, steps: int) -> tuple[float, float, float]:
    """(seconds coarse-to-fine, seconds at a single scale to the same loss, that loss).

    The single scale stops at six times the steps; the seconds are then those until there.
    """
    plan = scales(photo.shape[1], photo.shape[2], steps)
    *_, (coarse, loss) = _trace(photo, style, encoder, plan)
    single = 0.0
    for seconds, total in _trace(photo, style, encoder, [Scale(plan[-1].size, 6 * steps)]):
        single = seconds
        if total <= loss:
            break
    return coarse, single, loss


def _trace(photo: Tensor, style: Tensor, encoder: Encoder, plan: list[Scale]) -> Iterator[tuple[float, float]]:
    """(seconds since the start, loss) for each step of the plan's last scale."""
    x, run = photo[None], _run(photo, style, encoder, plan)
    begin = time.perf_counter()
    while run.plan:
        last = len(run.plan) == 1
        for step, reached in run.scale(x):
            x = reached
            if last:
                yield time.perf_counter() - begin, step.total


def _run(photo: Tensor, style: Tensor, encoder: Encoder, plan: list[Scale]) -> Run:
    return Run(plan, encoder, recipe(max(photo.shape[1:]), 1), [(style[None], 1.0)], photo[None])


class Reached(NamedTuple):
    steps: int  # over all scales
    seconds: float  # including those of the fast picture
    loss: float  # at the full size


@dataclass(frozen=True)
class Fine:
    """Fine pictures of one photo, (3, H, W), from different starts."""

    photo: Tensor
    style: Tensor
    encoder: Encoder
    network: Network

    def run(self, init: Init, steps: int, loss: float = 0.0) -> Reached:
        """At most this number of steps, fewer where this loss is reached before."""
        begin, reached = time.perf_counter(), Reached(0, 0.0, float("inf"))
        start = fast_picture(self.network, self.photo) if init == "fast" else None
        given = recipe(max(self.photo.shape[1:]), steps, init=init)
        for step in paint_fine(self.photo, [(self.style, 1.0)], given, self.encoder, start):
            if step.x.shape[2:] == self.photo.shape[1:]:
                reached = Reached(step.index, time.perf_counter() - begin, step.total)
                if step.total <= loss:
                    break
        return reached

    def shortest(self, init: Init, loss: float) -> Reached:
        """The shortest run that reaches this loss, else the longest: the steps of each scale are planned ahead."""
        for steps in STEP_COUNTS:
            reached = self.run(init, steps, loss)
            if reached.loss <= loss:
                break
        return reached
