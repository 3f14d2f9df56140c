"""Ratios, each measured within one run: ``python -m engine.bench``.

Machines are shared and noisy, so the two sides of a ratio take turns and their medians are compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from statistics import median

import torch
import torch.nn.functional as fn
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.models import vgg19

from engine import gallery, gatys, images
from engine.encoders import FullEncoder, SlimEncoder
from engine.recipe import Recipe, Share, complete
from engine.vgg import Encoder

ROUNDS = 3
STYLE = "starrynight"


def picture(size: int) -> Tensor:
    """A photo-like picture without a file: smooth noise of several grains over a slope, (3, 3/4 size, size)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(0.2, 0.8, size).expand(3, size * 3 // 4, size).clone()
    for grain in (4, 16, 64):
        noise = torch.randn(1, 3, grain * 3 // 4, grain, generator=generator)
        x += 0.08 * fn.interpolate(noise, x.shape[1:], mode="bicubic")[0]
    return x.clamp(0, 1)


def recipe(size: int, steps: int) -> Recipe:
    return complete(Recipe(styles=(Share(STYLE),), steps=steps), gallery.default(), size=size, seed=1)


class InBfloat16:
    """An encoder under autocast: convolutions and Gram matrices' inputs in bfloat16, the losses in float32."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.style_layers, self.content_layers = encoder.style_layers, encoder.content_layers

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        with torch.autocast(x.device.type, torch.bfloat16):
            found = self.encoder.features(x, layers)
        return {name: f.float() for name, f in found.items()}


def in_turns(sides: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each side's seconds over ROUNDS rounds, after a first that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for i in range(ROUNDS + 1):
        for name, side in sides.items():
            taken = side()
            if i:
                seconds[name].append(taken)
    return {name: median(taken) for name, taken in seconds.items()}


def per_step(photo: Tensor, style: Tensor, encoder: Encoder, steps: int = 4) -> Callable[[], float]:
    """Seconds a step at one scale, of the photo's size."""

    def run() -> float:
        long = max(photo.shape[1:])
        one = gatys.Scale((photo.shape[1], photo.shape[2]), steps)
        whole = gatys.Run([one], encoder, recipe(long, steps), [(style[None], 1.0)], photo[None])
        begin = time.perf_counter()
        for _ in whole.scale(photo[None]):
            pass
        return (time.perf_counter() - begin) / steps

    return run


def trace(photo: Tensor, style: Tensor, encoder: Encoder, plan: list[gatys.Scale]) -> Iterator[tuple[float, float]]:
    """(seconds, loss at the full size) as the plan's last scale is worked through."""
    x = photo[None]
    whole = gatys.Run(plan, encoder, recipe(max(photo.shape[1:]), 1), [(style[None], 1.0)], photo[None])
    begin = time.perf_counter()
    while whole.plan:
        last = len(whole.plan) == 1
        for step, reached in whole.scale(x):
            x = reached
            if last:
                yield time.perf_counter() - begin, step.total


def time_to_same_loss(photo: Tensor, style: Tensor, encoder: Encoder, steps: int) -> tuple[float, float, float]:
    """(seconds coarse-to-fine, seconds at a single scale to the same loss, that loss).

    The single scale gives up at six times the steps; the seconds are then those it had taken.
    """
    plan = gatys.scales(photo.shape[1], photo.shape[2], steps)
    *_, (coarse, loss) = trace(photo, style, encoder, plan)
    single = 0.0
    for seconds, total in trace(photo, style, encoder, [gatys.Scale(plan[-1].size, 6 * steps)]):
        single = seconds
        if total <= loss:
            break
    return coarse, single, loss


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.bench", description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=125)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photo = picture(args.size).to(device)
    style = images.decode(gallery.default()[STYLE].swatch.read_bytes()).pixels.to(device)
    slim = SlimEncoder.load().to(device)
    torch.manual_seed(1)
    full = FullEncoder(vgg19(weights=None).state_dict()).to(device)  # random weights take the same time
    table = Table("what", "seconds", "against", "seconds", "ratio", title=f"{device}, long side {args.size}")

    def row(first: str, a: float, second: str, b: float) -> None:
        table.add_row(first, f"{a:.2f}", second, f"{b:.2f}", f"{b / a:.1f}")

    steps = in_turns({"slim": per_step(photo, style, slim), "full": per_step(photo, style, full)})
    row("slim, a step", steps["slim"], "full, a step", steps["full"])
    for name, encoder in (("slim", slim), ("full", full)):
        sides = {"bf16": per_step(photo, style, InBfloat16(encoder)), "fp32": per_step(photo, style, encoder)}
        seconds = in_turns(sides)
        row(f"{name} in bf16, a step", seconds["bf16"], f"{name} in fp32, a step", seconds["fp32"])
    coarse, single, loss = time_to_same_loss(photo, style, slim, args.steps)
    row(f"coarse to fine, to loss {loss:.3g}", coarse, "single scale", single)
    Console().print(table)


if __name__ == "__main__":
    main()
