"""How long pictures take, by mode, start and encoder; each comparison is measured within one run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch
import torch.nn.functional as fn
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.models import vgg19

from engine import gallery
from engine.device import choose
from engine.encoders.full import FullEncoder
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fast import network
from engine.images.decode import decode
from engine.images.encode import encode_jpeg
from engine.painter import set_up_process
from engine.recipe import STEPS
from engine.tensors import fit
from engine.train.measure.speed import STYLE, Fine, InBfloat16, by_mode, in_turns, parts, per_step, time_to_same_loss
from engine.wire import EngineSettings

HELP = "measure how long pictures take"
PHONE_SIDE = 4032  # pixels, long side of a phone's photo


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=512, help="long side in pixels")
    parser.add_argument("--steps", type=int, default=STEPS["photo"], help="of the optimisation from the photo")
    parser.add_argument("--photo", type=Path, help="file to paint; without it, a synthetic picture")
    parser.add_argument("--fast", action="store_true", help="only the parts of a fast picture")


def run(args: Namespace) -> None:
    set_up_process(EngineSettings())
    device, _ = choose("auto")
    console = Console()
    data = args.photo.read_bytes() if args.photo else encode_jpeg(synthetic_photo(PHONE_SIDE))
    title = f"{device}, long side {args.size}"
    console.print(seconds("a fast picture, from file to file", parts(data, args.size), title))
    if args.fast:
        return
    console.print(seconds("a picture, from file to file", by_mode(data, args.size), title))
    photo = fit(decode(data, enough=args.size).pixels, args.size).to(device)
    style = decode(gallery.default()[STYLE].swatch.read_bytes()).pixels.to(device)
    slim = SlimEncoder.load().to(device)
    console.print(by_start(Fine(photo, style, slim, network.load(device)), args.steps))
    console.print(ratios(photo, style, slim, args.steps))


def synthetic_photo(size: int) -> Tensor:
    """A photo-like picture without a file: smooth noise of several resolutions on a slope, (3, 3/4 size, size)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(0.2, 0.8, size).expand(3, size * 3 // 4, size).clone()
    for cells in (4, 16, 64):
        noise = torch.randn(1, 3, cells * 3 // 4, cells, generator=generator)
        x += 0.08 * fn.interpolate(noise, x.shape[1:], mode="bicubic")[0]
    return x.clamp(0, 1)


# --- tables ----------------------------------------------------------------------------------------------------------


def seconds(what: str, taken: dict[str, float], title: str) -> Table:
    table = Table(what, "seconds", title=title)
    for name, median_seconds in taken.items():
        table.add_row(name, f"{median_seconds:.3f}")
    return table


def by_start(fine: Fine, steps: int) -> Table:
    """The cost from each start of the loss that this number of steps from the photo reaches."""
    table = Table("from", "steps", "seconds", "loss", title="to the same loss")
    usual = fine.run("photo", steps)
    noise, sketch = fine.shortest("noise", usual.loss), fine.shortest("fast", usual.loss)
    for init, reached in (("photo", usual), ("noise", noise), ("fast", sketch)):
        table.add_row(init, str(reached.steps), f"{reached.seconds:.1f}", f"{reached.loss:.4g}")
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
