"""Real engine processes that do everything wrong, and a supervisor that can be watched."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from bot.backoff import Backoff
from bot.core.engine import Taken
from bot.core.errors import EngineError
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.supervisor import Supervisor, Timings
from engine import wire
from engine.recipe import Recipe, Share

FAULTY = str(Path(__file__).parent / "faulty_engine.py")
RECIPE = Recipe(styles=(Share("starrynight"),))
ENDLESS = 90.0  # seconds; no test may come near it
TIMINGS = Timings(
    load_seconds=ENDLESS,
    hang_seconds=ENDLESS,
    cancel_seconds=ENDLESS,
    stop_seconds=ENDLESS,
    terminate_seconds=ENDLESS,
    restart=Backoff(first=0.01, longest=0.02),
)


class Watched(Supervisor):
    """A supervisor whose process events can be waited for."""

    def __init__(self, *command: str, **timings: float) -> None:
        self.happened: list[ProcessEvent] = []
        self._news, self._beat = asyncio.Event(), asyncio.Event()
        super().__init__(
            command or (sys.executable, FAULTY),
            timings=Timings(**{**{f: getattr(TIMINGS, f) for f in TIMINGS.__struct_fields__}, **timings}),
            observer=self._note,
        )

    def _note(self, event: ProcessEvent) -> None:
        self.happened.append(event)
        self._news.set()

    def _on_event(self, event: wire.Event) -> None:
        super()._on_event(event)
        self._news.set()
        if isinstance(event, wire.Beat):
            self._beat.set()

    async def run(self, paint: wire.Paint) -> AsyncGenerator[wire.Event, None]:
        """What the engine itself says."""
        async with aclosing(super().run(paint)) as events:
            async for event in events:
                if not isinstance(event, Taken):
                    yield event

    async def until(self, *wanted: ProcessEvent) -> None:
        """Wait until what has happened begins with ``wanted``."""
        while self.happened[: len(wanted)] != list(wanted):
            self._news.clear()
            await self._news.wait()

    async def beats(self, number: int) -> None:
        """Wait for so many beats of an engine that rests."""
        for _ in range(number):
            self._beat.clear()
            await self._beat.wait()

    async def until_turn(self, job: str) -> None:
        """Wait until the engine says that it is at this job."""
        while self._lanes.at != job:
            self._news.clear()
            await self._news.wait()

    async def until_idle(self) -> None:
        while self.busy:
            self._news.clear()
            await self._news.wait()


def order(photo: str, job: str = "job", *, quick: bool = False) -> wire.Paint:
    return wire.Paint(job, photo.encode(), RECIPE, preview_seconds=0.001, quick=quick)


async def events_of(engine: Watched, photo: str, job: str = "job", *, quick: bool = False) -> list[wire.Event]:
    return [event async for event in engine.run(order(photo, job, quick=quick))]


async def broken_by(engine: Watched, photo: str) -> tuple[list[wire.Event], str]:
    """What came before the engine broke, and the sentence."""
    events = []
    try:
        async for event in engine.run(order(photo)):
            events.append(event)
    except EngineError as error:
        return events, str(error)
    pytest.fail(f"not broken: {events}")


async def paints(engine: Watched) -> bool:
    """Whether it still does what it is there for."""
    last = (await events_of(engine, "well", "another job"))[-1]
    return isinstance(last, wire.Done) and last.picture == b"well"


@asynccontextmanager
async def at_work(engine: Watched, photo: str) -> AsyncIterator[asyncio.Task[list[wire.Event]]]:
    """A job that the engine has begun; its events are the task's result."""
    begun = asyncio.Event()

    async def collect() -> list[wire.Event]:
        events = []
        async for event in engine.run(order(photo)):
            events.append(event)
            begun.set()
        return events

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(collect())
        await begun.wait()
        yield task


def pid_of(events: list[wire.Event]) -> int:
    notes = " ".join(event.note for event in events if isinstance(event, wire.Progress))
    found = re.search(r"process (\d+)", notes)
    assert found
    return int(found[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
