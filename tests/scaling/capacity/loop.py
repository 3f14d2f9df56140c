"""How many jobs a second one bot process carries when painting takes no time, and what holds its event loop up."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from bot.core.engine import Taken, Worker
from bot.core.limits import Limits
from bot.core.queue import FairQueue
from engine import gallery, recipe
from engine.recipe import EncoderName
from engine.wire import Done, Event, Paint, Progress, Ready
from tests.harness import ChatDouble, assembled, at_work, message

AT_ONCE = 64  # people who order one after the other
LOOK = 0.002  # seconds


class Carried(msgspec.Struct, frozen=True):
    jobs: int
    workers: int
    per_second: float
    processor: float  # seconds of it for a job
    longest_step: float  # of the event loop, in seconds


class Instant:
    """An engine that paints in no time, once it may."""

    def __init__(self, workers: int, picture: int, progress: int) -> None:
        self.ready: Ready | None = Ready("a double", ("slim",), "0")
        self.encoder: EncoderName = "slim"
        self.workers = tuple(Worker(f"{number}", "idle") for number in range(workers))
        self.may = asyncio.Event()
        self._picture = os.urandom(picture)
        self._painted = 0
        self._progress = progress

    async def introduced(self) -> None: ...

    async def run(self, paint: Paint) -> AsyncGenerator[Taken | Event, None]:
        yield Taken(paint.job)
        await self.may.wait()
        for number in range(1, self._progress + 1):
            yield Progress(paint.job, number / (self._progress + 1), f"step {number}", seconds=number * 0.1)
            await asyncio.sleep(0)
        self._painted += 1
        yield Done(paint.job, self._painted.to_bytes(8, "big") + self._picture, paint.recipe, 512, 384, 0.3)

    async def cancel(self, job: str) -> None: ...

    async def forget(self) -> None: ...


class _Chat(ChatDouble):
    """Shows everything at once and keeps nothing."""

    def __init__(self, jobs: int) -> None:
        super().__init__()
        self.all_answered = asyncio.Event()
        self._left = jobs

    async def show(self, job: object, status: object) -> None: ...

    async def deliver(self, job: object, result: object) -> None:
        self._left -= 1
        if not self._left:
            self.all_answered.set()


async def measure(
    jobs: int,
    workers: int,
    folder: Path | None,
    *,
    photo: int,
    picture: int,
    progress: int = 1,
    waiting: bool = False,
) -> Carried:
    """From orders to answers.

    Args:
        folder: of the journal; None keeps it in memory.
        progress: how often the engine says how far it is with a picture.
        waiting: all are ordered before the first is painted, so that they stand in line, and only what comes
            after counts.
    """
    engine, chat = Instant(workers, picture, progress), _Chat(jobs)
    data, turns = os.urandom(photo), iter(range(jobs))
    free = Limits(open_jobs=10**9, burst=10**9)
    line = recipe.parse("starrynight", gallery.default())
    path = folder / "journal.sqlite3" if folder else None
    async with assembled(engine, path=path, limits=free, queue=FairQueue(capacity=10**9)) as services:
        services.studio.add_chat(chat)
        async with at_work(services):

            async def orders() -> None:
                for turn in turns:
                    who = message(f"ann {turn}", turn.to_bytes(8, "big") + data)
                    await services.studio.accept(who, line)

            looking = asyncio.create_task(_longest_step())
            if not waiting:
                engine.may.set()
                began, spent = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as people:
                for _ in range(AT_ONCE):
                    people.create_task(orders())
            if waiting:
                engine.may.set()
                began, spent = time.perf_counter(), time.process_time()
            async with asyncio.timeout(600):
                await chat.all_answered.wait()
            seconds, spent = time.perf_counter() - began, time.process_time() - spent
            looking.cancel()
            longest = await looking
    return Carried(jobs, workers, jobs / seconds, spent / jobs, longest)


async def _longest_step() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(LOOK)
            longest, last = max(longest, time.perf_counter() - last - LOOK), time.perf_counter()
    except asyncio.CancelledError:
        return longest
