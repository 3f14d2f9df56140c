"""Seconds: of whole pictures, of their parts, of single steps.

Machines are shared and noisy, so what is compared takes turns, and medians are taken.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from engine import gallery
from engine.encoders.vgg import Encoder
from engine.fast.network import Network
from engine.fast.paint import paint as paint_fast
from engine.fine.gatys import Run
from engine.fine.scales import Scale
from engine.fine.weights import ratio
from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.painter import TorchPainter
from engine.recipe import MODES, Init, Mode, Recipe, Share, complete, line
from engine.tensors import fit, resized_style
from engine.train.measure.peer import BUILT_IN, Peer
from engine.train.measure.plain import Plain
from engine.wire import Paint

ROUNDS = 3
STEPS_TIMED = 4
STYLE = "starrynight"


def recipe(size: int, steps: int | None = None, mode: Mode = "fine", init: Init | None = None) -> Recipe:
    given = Recipe(styles=(Share(STYLE),), mode=mode, steps=steps, init=init)
    return complete(given, gallery.default(), size=size, seed=1)


def in_turns(sides: Mapping[str, Callable[[], float]]) -> dict[str, float]:
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
        begin = now()
        work()
        return now() - begin

    return run


def now() -> float:
    """Seconds on a clock, once a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


# --- whole pictures --------------------------------------------------------------------------------------------------


def parts(data: bytes, size: int, network: Network) -> dict[str, float]:
    """Seconds of the parts of a fast picture, from the photo's file to the picture's."""
    device = network.pairs.device

    def read() -> Tensor:
        return fit(decode(data, enough=size).pixels, size).to(device)

    p = read()
    x = fast_picture(network, p)[0].cpu()
    write = timed(lambda: encode_png(x, line(recipe(size, mode="fast"))))
    paint = timed(lambda: fast_picture(network, p).cpu())
    return in_turns({"decode and fit": timed(read), "network": paint, "PNG": write})


def by_mode(painter: TorchPainter, data: bytes, size: int, python: Path | None = None) -> dict[str, float]:
    """Seconds of a whole picture in every mode, painted as orders are, from file to file.

    With a ``python`` that has the peer, also those of the peer: of a built-in style, and of a picture as the style.
    """

    def paint(mode: Mode) -> None:
        deque(painter.paint(order(data, size, mode)), maxlen=0)

    sides: dict[str, Callable[[], float]] = {mode: timed(partial(paint, mode)) for mode in MODES}
    return in_turns(sides | (_by_peer(data, size, Peer(python)) if python else {}))


def order(data: bytes, size: int, mode: Mode) -> Paint:
    return Paint("bench", data, recipe(size, mode=mode))


def _by_peer(data: bytes, size: int, peer: Peer) -> dict[str, Callable[[], float]]:
    p = fit(decode(data, enough=size).pixels, size)
    style = decode(gallery.default()[STYLE].swatch.read_bytes()).pixels
    return {
        "peer, built-in style": lambda: peer.paint(p, BUILT_IN[STYLE])[1].whole,
        "peer, any picture": lambda: peer.paint(p, style)[1].whole,
    }


def fast_picture(network: Network, p: Tensor) -> Tensor:
    """x (1, 3, H, W) of a photo (3, H, W)."""
    *_, (_, x) = paint_fast(network, p, network.pair([(STYLE, 1.0)]), recipe(max(p.shape[1:]), mode="fast"))
    return x


# --- steps of the optimisation ---------------------------------------------------------------------------------------


def per_step(photo: Tensor, style: Tensor, encoder: Encoder) -> Callable[[], float]:
    """Seconds of a fine step at the photo's size; photo and style are (3, H, W)."""
    return lambda: _each(_scale(photo, style, encoder, 1 + STEPS_TIMED))


def per_plain_step(plain: Plain) -> Callable[[], float]:
    """The same of the paper's own method."""
    return lambda: _each(plain.run(1 + STEPS_TIMED))


def _each(steps: Iterator[object]) -> float:
    """Seconds of each step but the first, which has to wait for what is done once."""
    next(steps)
    begin = now()
    count = sum(1 for _ in steps)
    return (now() - begin) / count


def step_flop(photo: Tensor, style: Tensor, encoder: Encoder) -> int:
    """The floating-point operations of a fine step at the photo's size."""
    with FlopCounterMode(display=False) as counter:
        *_, before, after = (counter.get_total_flops() for _ in _scale(photo, style, encoder, 3))
    return after - before


def plain_method(photo: Tensor, style: Tensor, encoder: Encoder) -> Plain:
    """The paper's own method with what fine mode is given: the same encoder, style and balance."""
    size = max(photo.shape[1:])
    usual = recipe(size)
    return Plain(photo[None], resized_style(style[None], size, usual.brush or 1), encoder, ratio(usual.strength or 50))


def _scale(photo: Tensor, style: Tensor, encoder: Encoder, steps: int) -> Iterator[object]:
    """Steps of fine mode at one scale, the photo's own."""
    size = (photo.shape[1], photo.shape[2])
    given = recipe(max(size), steps)
    return Run([Scale(size, steps)], encoder, given, [(style[None], 1.0)], photo[None]).scale(photo[None])
