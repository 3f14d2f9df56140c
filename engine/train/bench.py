"""What costs how much, each comparison measured within one run: ``python -m engine.bench``.

Machines are shared and noisy, so what is compared takes turns, and medians are shown.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.models import vgg19

from engine import gallery
from engine.encoders.full import FullEncoder, SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fast import network as fast
from engine.fast import paint as onepass
from engine.fine import gatys
from engine.images import decode as images
from engine.painter import TorchPainter, set_up_process
from engine.recipe import MODES, STEPS, Init, Mode, Recipe, Share, complete, line
from engine.wire import Paint
from engine.worker import Settings

ROUNDS = 3
STYLE = "starrynight"
PHONE = 4032  # pixels, long side of a phone's photo
LADDER = [round(8 * 2 ** (i / 2)) for i in range(11)]  # steps that are tried, 8 to 256


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def picture(size: int) -> Tensor:
    """A photo-like picture without a file: smooth noise of several grains over a slope, (3, 3/4 size, size)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(0.2, 0.8, size).expand(3, size * 3 // 4, size).clone()
    for grain in (4, 16, 64):
        noise = torch.randn(1, 3, grain * 3 // 4, grain, generator=generator)
        x += 0.08 * fn.interpolate(noise, x.shape[1:], mode="bicubic")[0]
    return x.clamp(0, 1)


def recipe(size: int, steps: int | None = None, mode: Mode = "fine", init: Init | None = None) -> Recipe:
    said = Recipe(styles=(Share(STYLE),), mode=mode, steps=steps, init=init)
    return complete(said, gallery.default(), size=size, seed=1)


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


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """The seconds that ``work`` takes."""

    def run() -> float:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin

    return run


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


def fast_picture(network: fast.Network, p: Tensor) -> Tensor:
    """x (1, 3, H, W) of a photo (3, H, W)."""
    wanted = recipe(max(p.shape[1:]), mode="fast")
    *_, (_, x) = onepass.paint(network, p, [(STYLE, 1.0)], wanted)
    return x


def parts(data: bytes, size: int) -> dict[str, float]:
    """Seconds of what a fast picture takes, from the photo's file to the picture's."""
    device = default_device()
    network = fast.load(device)

    def read() -> Tensor:
        return images.fit(images.decode(data, enough=size).pixels, size).to(device)

    def paint() -> Tensor:
        return fast_picture(network, p).cpu()  # a GPU is done when the picture has left it

    p = read()
    x = paint()[0]
    write = timed(lambda: images.encode_png(x, line(recipe(size, mode="fast"))))
    return in_turns({"decode and fit": timed(read), "network": timed(paint), "PNG": write})


def by_mode(data: bytes, size: int) -> dict[str, float]:
    """Seconds of a whole picture in every mode, the way orders are painted."""
    painter = TorchPainter(Settings())

    def order(mode: Mode) -> Callable[[], float]:
        paint = Paint("bench", data, recipe(size, mode=mode))
        return timed(lambda: deque(painter.paint(paint), maxlen=0))

    return in_turns({mode: order(mode) for mode in MODES})


class Reached(NamedTuple):
    steps: int  # over all scales
    seconds: float  # those of the fast picture included
    loss: float  # at the full size


@dataclass(frozen=True)
class Fine:
    """Fine pictures of one photo, (3, H, W), from different starts."""

    photo: Tensor
    style: Tensor
    encoder: Encoder
    network: fast.Network

    def run(self, init: Init, steps: int, loss: float = 0.0) -> Reached:
        """So many steps, or fewer where this loss is reached before."""
        begin, reached = time.perf_counter(), Reached(0, 0.0, float("inf"))
        start = fast_picture(self.network, self.photo) if init == "fast" else None
        wanted = recipe(max(self.photo.shape[1:]), steps, init=init)
        for step in gatys.paint(self.photo, [(self.style, 1.0)], wanted, self.encoder, start):
            if step.x.shape[2:] == self.photo.shape[1:]:
                reached = Reached(step.index, time.perf_counter() - begin, step.total)
                if step.total <= loss:
                    break
        return reached

    def shortest(self, init: Init, loss: float) -> Reached:
        """The shortest run that reaches this loss, else the longest one: how far each scale goes is planned ahead."""
        for steps in LADDER:
            reached = self.run(init, steps, loss)
            if reached.loss <= loss:
                break
        return reached


# --- tables ----------------------------------------------------------------------------------------------------------


def seconds(what: str, taken: dict[str, float], size: int) -> Table:
    table = Table(what, "seconds", title=f"{default_device()}, long side {size}")
    for name, median_seconds in taken.items():
        table.add_row(name, f"{median_seconds:.3f}")
    return table


def ratios(photo: Tensor, style: Tensor, slim: Encoder, steps: int) -> Table:
    table = Table("what", "seconds", "against", "seconds", "ratio")

    def row(first: str, a: float, second: str, b: float) -> None:
        table.add_row(first, f"{a:.2f}", second, f"{b:.2f}", f"{b / a:.1f}")

    torch.manual_seed(1)
    full = FullEncoder(vgg19(weights=None).state_dict()).to(photo.device)  # random weights take the same time
    seconds = in_turns({"slim": per_step(photo, style, slim), "full": per_step(photo, style, full)})
    row("slim, a step", seconds["slim"], "full, a step", seconds["full"])
    for name, encoder in (("slim", slim), ("full", full)):
        sides = {"bf16": per_step(photo, style, InBfloat16(encoder)), "fp32": per_step(photo, style, encoder)}
        seconds = in_turns(sides)
        row(f"{name} in bf16, a step", seconds["bf16"], f"{name} in fp32, a step", seconds["fp32"])
    coarse, single, loss = time_to_same_loss(photo, style, slim, steps)
    row(f"coarse to fine, to loss {loss:.3g}", coarse, "single scale", single)
    return table


def two_stages(fine: Fine, steps: int) -> Table:
    """What it takes from each start to get as far as so many steps from the photo."""
    table = Table("from", "steps", "seconds", "loss", title="to the same loss")
    usual = fine.run("photo", steps)
    noise, sketch = fine.shortest("noise", usual.loss), fine.shortest("fast", usual.loss)
    for init, reached in (("photo", usual), ("noise", noise), ("fast", sketch)):
        table.add_row(init, str(reached.steps), f"{reached.seconds:.1f}", f"{reached.loss:.4g}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.bench", description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=STEPS["photo"], help="of the optimisation from the photo")
    parser.add_argument("--photo", type=Path, help="file to paint; one is made up where none is given")
    parser.add_argument("--fast", action="store_true", help="only how the time of a fast picture divides")
    args = parser.parse_args()
    set_up_process(Settings())
    device, console = default_device(), Console()
    data = args.photo.read_bytes() if args.photo else images.encode_jpeg(picture(PHONE))
    console.print(seconds("a fast picture, from file to file", parts(data, args.size), args.size))
    if args.fast:
        return
    console.print(seconds("a picture, from file to file", by_mode(data, args.size), args.size))
    photo = images.fit(images.decode(data, enough=args.size).pixels, args.size).to(device)
    style = images.decode(gallery.default()[STYLE].swatch.read_bytes()).pixels.to(device)
    slim = SlimEncoder.load().to(device)
    console.print(two_stages(Fine(photo, style, slim, fast.load(device)), args.steps))
    console.print(ratios(photo, style, slim, args.steps))


if __name__ == "__main__":
    main()
