"""What Ray costs and brings, beside the same engine as child processes: ``python -m tests.scaling.throughput``.

Both are open at once and take turns round by round, for what else the machine does falls upon both. Every worker has
one thread. *Overhead* is the time of a job that paints nothing (`faulty_engine.py`), from the order to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bot.core.engine import Engine
from bot.engine_process.command import worker_command
from bot.engine_process.pool import Pool
from bot.engine_process.supervisor import Supervisor
from bot.engine_ray import frames
from bot.engine_ray.engine import RayEngine
from engine import gallery, wire
from engine.recipe import Recipe, Share, complete

FAULTY = (sys.executable, str(Path(__file__).parents[1] / "bot" / "engine_process" / "faulty_engine.py"))
SETTINGS = wire.EngineSettings(device="cpu", threads=1)
PROCESSES, ACTORS = (1, 2), (1, 2, 4)
WARM_UP = 2
START_SECONDS = 300.0


@asynccontextmanager
async def both(command: Sequence[str]) -> AsyncIterator[dict[str, Engine]]:
    """The engine as child processes and as actors, every worker of them ready."""
    plan = frames.Plan(workers=max(ACTORS), engine=wire.encode_settings(SETTINGS), command=tuple(command))
    members = [Supervisor(command or worker_command(SETTINGS), name=str(number)) for number in range(max(PROCESSES))]
    async with Pool(members) as processes, RayEngine(plan) as actors:
        for member in members:
            await member.introduced()
        async with asyncio.timeout(START_SECONDS):
            await actors.until(lambda: sum(worker.state == "idle" for worker in actors.workers) == plan.workers)
        yield {"process": processes, "actor": actors}


async def seconds_of(engine: Engine, paint: wire.Paint) -> float:
    """How long one job takes."""
    began = time.perf_counter()
    async for event in engine.run(paint):
        if isinstance(event, wire.Failed):
            sys.exit(event.message)
    return time.perf_counter() - began


async def together(engine: Engine, orders: Sequence[wire.Paint], at_once: int) -> float:
    """How long all take, so many at once."""
    waiting = iter(orders)

    async def work() -> None:
        for paint in waiting:
            await seconds_of(engine, paint)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    return time.perf_counter() - began


async def overhead(sizes: Sequence[int], rounds: int) -> Table:
    """Milliseconds of a job with a photo and a picture of so many bytes."""
    table = Table("photo and picture", "process, ms", "actor, ms", "more, ms", title="Overhead, medians")
    async with both(FAULTY) as engines:
        for size in sizes:
            took: dict[str, list[float]] = defaultdict(list)
            for number in range(rounds + WARM_UP):
                for name, engine in engines.items():
                    paint = wire.Paint(f"{name} {number}", b"well " + b"x" * size, Recipe(), preview_seconds=0)
                    took[name].append(await seconds_of(engine, paint) * 1000)
            process, actor = (median(took[name][WARM_UP:]) for name in ("process", "actor"))
            table.add_row(f"{size / 1000:g} KB", f"{process:.1f}", f"{actor:.1f}", f"{actor - process:.1f}")
    return table


async def throughput(photo: bytes, size: int, jobs: int, rounds: int) -> Table:
    """Pictures in a second, and how many of one process's that is."""
    recipe = complete(Recipe(styles=(Share("starrynight"),), mode="fast"), gallery.default(), size=size, seed=7)

    def orders(name: str, count: int = jobs) -> list[wire.Paint]:
        return [wire.Paint(f"{name} {number}", photo, recipe, preview_seconds=0) for number in range(count)]

    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    async with both(()) as engines:
        turns = [("process", count) for count in PROCESSES] + [("actor", count) for count in ACTORS]
        for name, engine in engines.items():
            await together(engine, orders(name, 3 * max(ACTORS)), max(ACTORS if name == "actor" else PROCESSES))
        for _ in range(rounds):
            for name, count in turns:
                took[name, count].append(await together(engines[name], orders(name), count))
    title = f"Throughput: fast, size={size}, medians of {rounds} rounds of {jobs}"
    table = Table("workers", "pictures a second", "of one process", "of as many processes", title=title)
    base = took["process", 1]
    for turn in turns:
        name, count = turn
        beside = [a / b for a, b in zip(took["process", count], took[turn], strict=True)] if count in PROCESSES else []
        table.add_row(
            f"{count} {name}{'s' if count > 1 else ''}".replace("processs", "processes"),
            f"{jobs / median(took[turn]):.2f}",
            f"{median(a / b for a, b in zip(base, took[turn], strict=True)):.2f}",
            f"{median(beside):.3f}" if beside else "",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, help="file to paint")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--jobs", type=int, default=12, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    show = Console(width=110).print
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")  # noqa: T201 (a command)
    show(asyncio.run(overhead((10_000, 500_000, 3_000_000), 20 * chosen.rounds)))
    show(asyncio.run(throughput(chosen.photo.read_bytes(), chosen.size, chosen.jobs, chosen.rounds)))


if __name__ == "__main__":
    main()
