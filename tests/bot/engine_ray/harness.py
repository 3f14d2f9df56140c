"""An engine on a cluster that can be watched, and its processes, which can be found and killed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.backoff import Backoff
from bot.core.engine import Taken
from bot.engine_ray import frames
from bot.engine_ray.engine import RayEngine
from engine import wire
from engine.recipe import Recipe
from tests.bot.engine_process.harness import ENDLESS, RECIPE, order

FAULTY = (sys.executable, str(Path(__file__).parents[1] / "engine_process" / "faulty_engine.py"))


# Looked for and not imported: it reads the environment at its import, which the cluster's fixture sets.
with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'"
)


class Going:
    """A job in the engine, followed by a task."""

    def __init__(self, engine: RayEngine, paint: wire.Paint) -> None:
        self.events: list[Taken | wire.Event] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow(engine, paint))

    async def _follow(self, engine: RayEngine, paint: wire.Paint) -> None:
        try:
            async for event in engine.run(paint):
                self.events.append(event)
                self._news.set()
        finally:
            self._news.set()

    @property
    def done(self) -> bool:
        return self._task.done()

    async def end(self) -> wire.Event:
        """The last event; raises what the engine raises."""
        async with asyncio.timeout(ENDLESS):
            await self._task
        last = self.events[-1]
        assert not isinstance(last, Taken)
        return last

    async def engine_process(self) -> int:
        """The process that paints it, once it has begun."""
        async with asyncio.timeout(ENDLESS):
            while True:
                notes = " ".join(event.note for event in self.events if isinstance(event, wire.Progress))
                if found := re.search(r"process (\d+)", notes):
                    return int(found[1])
                assert not self.done, self.events
                self._news.clear()
                await self._news.wait()

    async def painter(self) -> int:
        """The actor that supervises that process."""
        return parent(await self.engine_process())


class WatchedEngine(RayEngine):
    """Its links follow each other at once, and what becomes of processes is written down."""

    def __init__(self, plan: frames.Plan, **more: Any) -> None:
        self.happened: Counter[str] = Counter()
        super().__init__(plan, observer=self._note, restart=Backoff(first=0.01, longest=0.02), **more)

    def _note(self, event: str) -> None:
        self.happened[event] += 1

    def paint(self, photo: str, job: str, *, quick: bool = False, recipe: Recipe = RECIPE) -> Going:
        return Going(self, msgspec.structs.replace(order(photo, job, quick=quick), recipe=recipe))

    async def until_staffed(self, workers: int) -> None:
        """Wait until so many rest, and nobody else is there."""
        await self.patiently(lambda: [worker.state for worker in self.workers] == ["idle"] * workers)

    async def patiently(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(ENDLESS):
            await self.until(true)

    @property
    def link(self) -> int:
        assert self._process
        return self._process.pid


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def family(pid: int) -> set[int]:
    """The process and all that it has started, and so on."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = parent(int(folder.name))
        except OSError:
            continue  # it has ended meanwhile
    found = {pid}
    while more := {child for child, its in parents.items() if its in found} - found:
        found |= more
    return found


def add_machine(cluster: Any, cpus: int = 1, **more: Any) -> Any:
    """Ray gives its helpers 15 s to start, which on a busy machine can be too little."""
    for attempt in range(3):
        try:
            return cluster.add_node(num_cpus=cpus, object_store_memory=100 * 2**20, **more)
        except Exception:
            if attempt == 2:
                raise
    raise AssertionError


def machine_of(painter: int, cluster: Any) -> Any:
    """Its node of the cluster; Ray's process on a machine starts all others there."""
    raylet = parent(painter)
    return next(node for node in cluster.list_all_nodes() if node.all_processes["raylet"][0].process.pid == raylet)


def drain(cluster: Any, node: Any) -> None:
    """Have it emptied, as an operator or an autoscaler does before it takes a machine away."""
    how = ["--address", cluster.address, "--node-id", node.node_id, "--reason", "DRAIN_NODE_REASON_PREEMPTION"]
    why = ["--reason-message", "a test", "--deadline-remaining-seconds", "600"]
    ray = Path(sys.executable).with_name("ray")
    subprocess.run([ray, "drain-node", *how, *why], check=True, timeout=ENDLESS)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until_ended(pids: set[int]) -> None:
    async with asyncio.timeout(ENDLESS):
        while any(is_running(pid) for pid in pids):  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.05)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
