"""One job in the engine, as its consumer and the supervisor see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from bot.core.engine import Taken
from bot.core.errors import EngineError
from engine import wire


class Run:
    """One job in the engine, and what its consumer has not seen yet: only the newest of each kind."""

    def __init__(self, paint: wire.Paint) -> None:
        self.job = paint.job
        self.frame = wire.encode(paint)
        self.sent = False
        self.verdict: wire.Failed | None = None  # ours: how the job ends, unless the engine finishes it first
        self.end: wire.Done | wire.Failed | EngineError | None = None
        self._taken: Taken | None = None
        self._progress: wire.Progress | None = None
        self._preview: wire.Preview | None = None
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

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
        self._timer = asyncio.get_running_loop().call_later(seconds, overdue, self)

    def disarm(self) -> None:
        if self._timer:
            self._timer.cancel()
