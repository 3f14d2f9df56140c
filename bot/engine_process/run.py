"""One job in the engine, as its consumer and the supervisor see it, and the lanes that jobs are in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator

import msgspec

from bot.core.engine import Taken
from bot.core.errors import EngineError
from engine import wire


class Run:
    """One job in the engine, and what its consumer has not seen yet: only the newest of each kind."""

    def __init__(self, job: str, quick: bool, order: wire.Buffer) -> None:
        """Args: order: the `wire.Paint`, encoded; raises WireError where it is too large."""
        self.job = job
        self.quick = quick
        self.frame: tuple[wire.Buffer, ...] = (wire.header(order), order)
        self.sent = False
        self.verdict: wire.Failed | None = None  # ours: how the job ends, unless the engine finishes it first
        self.end: wire.Done | wire.Failed | EngineError | None = None
        self._taken: Taken | None = None
        self._progress: wire.Progress | None = None
        self._preview: wire.Preview | None = None
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: Callable[[Run], None] | None = None

    def take(self) -> None:
        """It is on its way to the engine."""
        self.sent, self._taken = True, Taken(self.job)
        self._news.set()

    def tell(self, event: wire.Progress | wire.Preview) -> None:
        if isinstance(event, wire.Preview):
            self._preview = event
        else:
            # A note is sent once, and must outlive the progress that it came with.
            unread = self._progress.note if self._progress else ""
            self._progress = msgspec.structs.replace(event, note=f"{unread} {event.note}".strip())
        self._news.set()

    def finish(self, end: wire.Done | wire.Failed | EngineError) -> None:
        self.disarm()
        self.end = end
        self._news.set()

    async def news(self) -> list[Taken | wire.Progress | wire.Preview | wire.Done | wire.Failed | EngineError]:
        """What is new since the last call, the end last; waits until something is."""
        await self._news.wait()
        self._news.clear()
        found = [event for event in (self._taken, self._progress, self._preview, self.end) if event]
        self._taken = self._progress = self._preview = None
        return found

    async def events(self) -> AsyncGenerator[Taken | wire.Event, None]:
        """All of them, to the end; raises EngineError where that is one."""
        while True:
            for event in await self.news():
                if isinstance(event, EngineError):
                    raise event
                yield event
                if isinstance(event, wire.Done | wire.Failed):
                    return

    def arm(self, seconds: float, overdue: Callable[[Run], None]) -> None:
        """Call ``overdue`` unless the job ends within ``seconds``; replaces the deadline before."""
        self.disarm()
        self._overdue = overdue
        self._timer = asyncio.get_running_loop().call_later(seconds, overdue, self)

    def extend(self, seconds: float) -> None:
        """Put the deadline off: so long the engine was at another job."""
        if self._timer and self._overdue:
            left = self._timer.when() - asyncio.get_running_loop().time()
            self.arm(max(0.0, left) + seconds, self._overdue)

    def disarm(self) -> None:
        if self._timer:
            self._timer.cancel()


class Lane:
    """Half of what the engine has in hand: the long job or the quick one."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.abandoned: Run | None = None  # given up by its consumer, not yet by the engine

    @property
    def at_work(self) -> Run | None:
        """What the engine has, or will have next."""
        return self.abandoned or self.run

    @property
    def sent(self) -> list[Run]:
        """What the engine has."""
        return [run for run in (self.abandoned, self.run) if run and run.sent and not run.end]

    def drop(self, run: Run) -> None:
        if self.abandoned is run:
            self.abandoned = None
        elif self.run is run:
            self.run = None


class Lanes:
    """All that the engine has in hand, and which of it is being painted."""

    def __init__(self) -> None:
        self._lanes = {quick: Lane() for quick in (False, True)}
        self.at, self._since = "", 0.0  # the job that is being painted, and since when by the loop's clock

    def __getitem__(self, quick: bool) -> Lane:
        return self._lanes[quick]

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    @property
    def runs(self) -> list[Run]:
        """Those that somebody waits for."""
        return [lane.run for lane in self if lane.run]

    @property
    def sent(self) -> list[Run]:
        """The jobs that the engine has."""
        return [run for lane in self for run in lane.sent]

    @property
    def busy(self) -> str | None:
        """The job that the engine works on; if there are two, the one that it is at."""
        jobs = [lane.at_work.job for lane in self if lane.at_work]
        return self.at if self.at in jobs else next(iter(jobs), None)

    def turn(self, job: str) -> None:
        """From now on this job is being painted; none if it is empty. What it kept waiting has that time back."""
        now = asyncio.get_running_loop().time()
        for run in self.sent:
            if run.job != self.at and self.at and not run.verdict:
                run.extend(now - self._since)
        self.at, self._since = job, now
