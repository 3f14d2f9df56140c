"""One job in the engine, as its consumer and the supervisor see it, and the lane that it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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
