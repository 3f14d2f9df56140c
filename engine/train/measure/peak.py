"""How much arithmetic a machine does at best, and what share of it a piece of work makes use of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
import torch
import torch.nn.functional as fn
from torch.utils.flop_counter import FlopCounterMode

from engine.train.measure.speed import in_turns, timed

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Peak(msgspec.Struct, frozen=True):
    """The speed of one type, in FLOP/s."""

    matmul: float  # of large square matrices
    convolution: float  # 3x3, between as many channels as the fast network's and the encoder's middle layers have

    @property
    def best(self) -> float:
        return max(self.matmul, self.convolution)


class Use(msgspec.Struct, frozen=True):
    """What a piece of work makes of the machine."""

    what: str
    flop: int  # of convolutions and matrix products; everything else counts nothing and takes its time
    seconds: float
    shares: dict[str, float]  # type -> of its peak


def peaks(device: torch.device) -> dict[str, Peak]:
    """By type: ``float32`` as torch does it by default, ``bfloat16``."""
    side, grid, channels = (8192, 512, 256) if device.type == "cuda" else (2048, 256, 128)
    works: dict[str, Callable[[], object]] = {}
    for name, dtype in TYPES.items():
        m = torch.randn(side, side, device=device).to(dtype)
        h = torch.randn(1, channels, grid, grid, device=device).to(dtype, memory_format=torch.channels_last)
        w = torch.randn(channels, channels, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
        works[f"{name} matmul"] = partial(torch.matmul, m, m)
        works[f"{name} convolution"] = partial(fn.conv2d, h, w, padding=1)
    with torch.no_grad():
        seconds = in_turns({what: timed(work) for what, work in works.items()})
        speed = {what: flop(work) / seconds[what] for what, work in works.items()}
    return {name: Peak(speed[f"{name} matmul"], speed[f"{name} convolution"]) for name in TYPES}


def flop(work: Callable[[], object]) -> int:
    """The floating-point operations of ``work``, a multiplication and an addition each."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def use(what: str, flop: int, seconds: float, peaks: Mapping[str, Peak]) -> Use:
    return Use(what, flop, seconds, {name: flop / seconds / peak.best for name, peak in peaks.items()})
