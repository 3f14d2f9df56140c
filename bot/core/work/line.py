"""The line: who waits for which place, how long it will be, and telling everybody so.

There are two lanes, for quick pictures and for long ones, and in each as many are painted at once as there are
workers.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import suppress

from bot.core.engine import Engine
from bot.core.estimate import in_words, quote
from bot.core.messages import Status
from bot.core.queue import FairQueue, Ticket
from bot.core.work.open_jobs import OpenJob, OpenJobs

LOOK_SECONDS = 1.0  # between two looks at how many workers there are, while pictures wait for one
LANES = (False, True)  # by whether they are quick


class Line:
    """The jobs that wait, and those that are being painted."""

    def __init__(self, queue: FairQueue, jobs: OpenJobs, engine: Engine) -> None:
        self._queue = queue
        self._jobs = jobs
        self._engine = engine
        self._running: dict[str, OpenJob] = {}
        self._paced: dict[str, asyncio.TimerHandle] = {}  # by job: when it joins
        self._freed = asyncio.Event()
        self._painting = asyncio.Event()  # cleared while the owner wants nothing painted
        self._painting.set()
        self._left = asyncio.Event()  # set whenever somebody's place is free
        self.engine_missing = False  # it could not be started when it was last wanted

    # --- in and out --------------------------------------------------------------------------------------------------

    def join(self, live: OpenJob, *, first: bool = False) -> None:
        self._queue.put(Ticket(live.job.id, live.job.user, live.job.cost, live.quick), first=first)
        self.moved()

    def join_in(self, live: OpenJob, seconds: float) -> None:
        """Join when the person's rate allows it."""
        if seconds <= 0:
            self.join(live)
            return

        def join() -> None:
            del self._paced[live.job.id]
            self.join(live)

        self._paced[live.job.id] = asyncio.get_running_loop().call_later(seconds, join)
        text = f"its turn comes in {in_words(seconds)}, for you have ordered many at once"
        live.announcer.show(live.job, Status(text=text, left=seconds + live.job.cost))

    @property
    def paced(self) -> int:
        """How many pictures are to join."""
        return len(self._paced)

    def close(self) -> None:
        """Nobody joins any more."""
        for timer in self._paced.values():
            timer.cancel()

    def leave(self, live: OpenJob) -> None:
        if timer := self._paced.pop(live.job.id, None):
            timer.cancel()
        self._queue.cancel(live.job.id)
        self._left.set()

    async def next(self, *, quick: bool) -> OpenJob:
        """Whose turn it is in the lane, as soon as somebody waits and a worker is free; it runs until `done`."""
        while self._count(quick) >= self._workers:
            self._freed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # for the number of workers may change
                    await self._freed.wait()
        await self._painting.wait()
        ticket = await self._queue.get(quick=quick)
        while not self._painting.is_set():  # since it was waited for
            self._queue.put(ticket, first=True)
            await self._painting.wait()
            ticket = await self._queue.get(quick=quick)
        live = self._running[ticket.id] = self._jobs[ticket.id]
        self.moved()
        return live

    def pause(self) -> None:
        """Nobody's turn comes until `resume`."""
        self._painting.clear()
        self.moved()

    def resume(self) -> None:
        self._painting.set()
        self.moved()

    def done(self, live: OpenJob) -> None:
        del self._running[live.job.id]
        self._freed.set()
        self._left.set()

    async def until_empty(self) -> None:
        """Return when nobody waits and nothing is being painted."""
        while self.waiting():
            self._left.clear()
            await self._left.wait()

    def is_running(self, live: OpenJob) -> bool:
        return live.job.id in self._running

    def waiting(self) -> int:
        """How many pictures wait, those being painted included."""
        return len(self._queue) + self.paced + sum(1 for _ in self._at_work())

    def _at_work(self, quick: bool | None = None) -> Iterator[OpenJob]:
        """Those that are being painted; one that was cancelled the engine is about to drop."""
        return (it for it in self._running.values() if not it.cancelled and quick in (None, it.quick))

    def _count(self, quick: bool) -> int:
        return sum(it.quick is quick for it in self._running.values())

    @property
    def _workers(self) -> int:
        """Those that paint or are about to. While there is none, one job waits for it, and is told so."""
        return max(1, sum(worker.state != "restarting" for worker in self._engine.workers))

    # --- how long it will be -----------------------------------------------------------------------------------------

    def left(self, live: OpenJob) -> float:
        """Estimated seconds until a picture that is being painted is finished, whatever is painted in between."""
        if live.quick:
            return live.left()
        # A long picture gives at most half of its worker's time to quick ones.
        quick = sum(it.left() for it in self._at_work(True)) + sum(it.cost for it in self._queue.order(quick=True))
        return live.left() + min(live.left(), quick / self._workers)

    def until_next(self) -> float:
        """Estimated seconds until any of the pictures that are being painted is finished."""
        return min((self.left(it) for it in self._at_work()), default=0.0)

    def until_one_of(self, user: str) -> float | None:
        """Estimated seconds until the first of a person's open jobs is finished."""
        running = [self.left(it) for it in self._at_work() if it.job.user == user]
        waiting = [
            start + ticket.cost for quick in LANES for ticket, start in self._starts(quick) if ticket.user == user
        ]
        return min(running + waiting, default=None)

    def until_begun(self, *, quick: bool) -> float:
        """Estimated seconds until one more picture of the lane would be begun."""
        return min(self._free(quick)[1])

    def place(self, job: str) -> int | None:
        """Which in its lane a job is, 1 for the next; None for one that does not wait."""
        lanes = (enumerate(self._queue.order(quick=quick), 1) for quick in LANES)
        return next((place for lane in lanes for place, ticket in lane if ticket.id == job), None)

    def _starts(self, quick: bool) -> list[tuple[Ticket, float]]:
        """Everybody who waits in the lane, in order, with the estimated seconds until it is their turn."""
        return self._free(quick)[0]

    def _free(self, quick: bool) -> tuple[list[tuple[Ticket, float]], list[float]]:
        """The same, and when each worker will be free after all of them."""
        running = [self.left(it) for it in self._at_work(quick)]
        free = sorted(running + [0.0] * (self._workers - len(running)))
        # Between two quick pictures a long one has as much time as the first of them took.
        slower = 2 if quick and sum(1 for _ in self._at_work(False)) >= self._workers else 1
        found = []
        for ticket in self._queue.order(quick=quick):
            start = heapq.heappop(free)
            found.append((ticket, start))
            heapq.heappush(free, start + slower * ticket.cost)
        return found, free

    def moved(self) -> None:
        """Tell everybody who waits where they stand now."""
        for quick in LANES:
            waiting = self._starts(quick)
            room = self._workers - self._count(quick)
            for place, (ticket, start) in enumerate(waiting, 1):
                live = self._jobs[ticket.id]
                where = f"place {place} of {len(waiting)}"
                if not self._painting.is_set():
                    text = f"{where}. Painting is paused by who runs this bot; your picture waits until it goes on"
                elif place <= room and live.job.attempts:
                    text = "The engine failed; trying again."
                elif place <= room:  # of which most people are told no more, it is done so soon
                    text = f"coming up in {in_words(ticket.cost)}"
                elif self.engine_missing:
                    text = f"{where}, as soon as the painting engine is back"
                else:
                    text = ", then ".join(filter(None, (f"{where}, {in_words(start)}", quote(live.job))))
                said = f"{text}. {live.note}" if live.note else text
                live.announcer.show(live.job, Status(text=said, left=start + ticket.cost))
