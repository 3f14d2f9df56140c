"""Thousands of pictures of varied sizes and modes through one real engine process, and what it has in memory."""

from __future__ import annotations

import asyncio
import io
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import gallery, recipe, wire
from tests.live.program import memory

EARLY = 200  # jobs, after which the engine has seen a bit of everything
GROWTH = 1.3  # that the end may be of that
SAMPLED_JOBS = 20  # between two looks at least
REST_SECONDS = 2.5  # without a job, after which an engine has given memory back
MODES = {"fast": 60, "universal": 15, "fine": 8, "texture": 5, "suggest": 4, "map": 2, "like": 6}
SHORT, LONG = 48, 320  # pixels of a long side


@dataclass
class Sample:
    """The engine after so many jobs."""

    jobs: int
    seconds: float
    at_work: float  # MB, right after a job
    at_rest: float


@dataclass
class Report:
    """A run."""

    samples: list[Sample] = field(default_factory=list)
    modes: Counter[str] = field(default_factory=Counter)
    peak: float = 0.0  # MB
    trouble: list[str] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """The engine's memory in the end, as a multiple of what it was early."""
        return self.samples[-1].at_rest / self.samples[0].at_rest

    @property
    def violations(self) -> list[str]:
        grown = [f"the engine grew to {self.growth:.2f} times; {GROWTH} is the bound"] if self.growth > GROWTH else []
        return grown + self.trouble


async def soak(
    jobs: int,
    seed: int,
    folder: Path,
    *,
    early: int = EARLY,
    threads: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Paint one after the other. The engine is never replaced for its growth, as it otherwise would be at rest."""
    report, rng, styles, began = Report(), random.Random(seed), gallery.default(), time.monotonic()
    processes: list[str] = []
    command = worker_command(wire.EngineSettings(device="cpu", threads=threads, cache=folder))
    timings = Timings(load_seconds=300, hang_seconds=300, growth=0)
    async with Supervisor(command, timings=timings, observer=processes.append) as engine:
        for number in range(1, jobs + 1):
            order = _order(number, rng, styles)
            report.modes[str(order.recipe.mode)] += 1
            async for event in engine.run(order):
                if isinstance(event, wire.Failed):
                    report.trouble.append(f"job {number}, {recipe.line(order.recipe)}: {event.message}")
            if number in (early, jobs) or number % max(SAMPLED_JOBS, jobs // 10) == 0:
                assert engine.pid is not None
                at_work = memory(engine.pid)
                await asyncio.sleep(REST_SECONDS)
                sample = Sample(number, time.monotonic() - began, at_work, memory(engine.pid))
                report.peak = memory(engine.pid, "VmHWM")
                if number >= early:
                    report.samples.append(sample)
                say(f"{number} jobs, {sample.at_rest:.0f} MB at rest, {sample.at_work:.0f} MB at work")
    if processes.count("started") != 1:
        report.trouble.append(f"the engine was started {processes.count('started')} times")
    return report


def _order(number: int, rng: random.Random, styles: gallery.Gallery) -> wire.Paint:
    """A photo of any shape, and a recipe of any mode."""
    mode = rng.choices(list(MODES), list(MODES.values()))[0]
    names = rng.sample([style.name for style in styles], rng.choice([1, 1, 1, 2]))
    size = rng.randint(SHORT, LONG if mode in ("fast", "universal") else 128)
    line = f"mode={mode} size={max(size, 64)}" + ("" if mode in ("map", "like") else f" seed={number}")
    if mode in ("fast", "universal", "fine", "texture"):
        line = f"{'+'.join(names)} {line}"
    if mode in ("fine", "texture"):
        line += " steps=2"
    order = recipe.complete(recipe.parse(line, styles), styles, size=size, seed=number)
    photo = _photo(rng) if order.rules.photo else None
    return wire.Paint(f"soak{number}", photo, order, enlarge=rng.random() < 0.5)


def _photo(rng: random.Random) -> bytes:
    width, height = rng.randint(40, 500), rng.randint(40, 500)
    image = Image.frombytes("RGB", (8, 8), rng.randbytes(8 * 8 * 3)).resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, rng.choice(["JPEG", "PNG", "WEBP"]))
    return file.getvalue()
