"""The line: who waits for which place, how long it will be, and telling everybody so.

There are two lanes, for quick pictures and for long ones, and in each as many are painted at once as there are
workers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

from bot.core.engine import ABSENT, Engine
from bot.core.estimate import in_words, quote
from bot.core.messages import Status
from bot.core.queue import FairQueue, Ticket
from bot.core.work.forecast import Forecast, Stretch
from bot.core.work.lately import Lately
from bot.core.work.open_jobs import OpenJob, OpenJobs

LOOK_SECONDS = 1.0  # between two looks at how many workers there are, while pictures wait for one
LANES = (True, False)  # by whether they are quick
TOLD_AT_ONCE = 100  # people, in one step of the event loop: 5 ms. So many may wait unless the operator allows more
TELLING_SHARE = 0.2  # of the event loop's time, at most, goes to those further back


class Line:
    """The jobs that wait, and those that are being painted."""

    def __init__(self, queue: FairQueue, jobs: OpenJobs, engine: Engine) -> None:
        self._queue = queue
        self._jobs = jobs
        self._engine = engine
        self._running: dict[bool, dict[str, OpenJob]] = {quick: {} for quick in LANES}  # by the lane of its worker
        self._paced: dict[str, asyncio.TimerHandle] = {}  # by job: when it joins
        self._stretch = Stretch()
        self._there = Lately(lambda: [1] * self._workers)
        self._quick_left = Lately(lambda: [it.left() for it in self._at_work(True)])
        self._freed = asyncio.Event()
        self._untold = asyncio.Event()  # set while those further back have not heard where they stand
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
        while self._count(quick) >= self._there():
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
        live = self._running[quick][ticket.id] = self._jobs[ticket.id]
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
        for lane in self._running.values():  # not by its own, which may have changed on the way
            lane.pop(live.job.id, None)
        self._freed.set()
        self._left.set()
        if not live.quick and live.started and live.job.seconds is not None:  # it is painted
            self._stretch.learn(time.monotonic() - live.started, live.job.seconds)

    async def until_empty(self) -> None:
        """Return when nobody waits and nothing is being painted."""
        while self.waiting():
            self._left.clear()
            await self._left.wait()

    def is_running(self, live: OpenJob) -> bool:
        return any(live.job.id in lane for lane in self._running.values())

    def waiting(self) -> int:
        """How many pictures wait, those being painted included."""
        return len(self._queue) + self.paced + sum(1 for _ in self._at_work())

    def _at_work(self, *lanes: bool) -> Iterator[OpenJob]:
        """Those that are being painted; one that was cancelled the engine is about to drop."""
        return (it for quick in lanes or LANES for it in self._running[quick].values() if not it.cancelled)

    def _count(self, quick: bool) -> int:
        return len(self._running[quick])

    @property
    def _workers(self) -> int:
        """Those that paint or are about to. While there is none, one job waits for it, and is told so."""
        return max(1, sum(worker.state not in ABSENT for worker in self._engine.workers))

    # --- how long it will be -----------------------------------------------------------------------------------------

    def left(self, live: OpenJob) -> float:
        """Estimated seconds until a picture that is being painted is finished, whatever is painted in between."""
        return live.left() if live.quick else self._beside(live.left(), self._quick_seconds())

    @staticmethod
    def _beside(left: float, quick: float) -> float:
        """How long so much of a long picture takes: it gives at most half of its worker's time to quick ones."""
        return left + min(left, quick)

    def _quick_seconds(self) -> float:
        """What there is to paint of quick pictures, for each worker."""
        return (self._quick_left() + self._queue.seconds(quick=True)) / self._there()

    def _lefts(self, quick: bool) -> list[float]:
        """`left` of all that are being painted in the lane."""
        if quick:
            return [it.left() for it in self._at_work(True)]
        meanwhile = self._quick_seconds()
        return [self._beside(it.left(), meanwhile) for it in self._at_work(False)]

    def until_next(self) -> float:
        """Estimated seconds until any of the pictures that are being painted is finished."""
        return min((seconds for quick in LANES for seconds in self._lefts(quick)), default=0.0)

    def until_one_of(self, user: str) -> float | None:
        """Estimated seconds until the first of a person's open jobs is finished."""
        ends = [self.left(it) for it in self._at_work() if it.job.user == user]
        for quick in LANES:
            for ticket, start in self._starts(quick):
                if ends and start >= min(ends):  # as later ones do, too
                    break
                if ticket.user == user:
                    ends.append(start + ticket.cost)
        return min(ends, default=None)

    def until_begun(self, *, quick: bool) -> float:
        """Estimated seconds until one more picture of the lane would be begun."""
        return self._starts(quick).end()

    def place(self, job: str) -> int | None:
        """Which in its lane a job is, 1 for the next; None for one that does not wait."""
        return self._queue.place(job)

    def _starts(self, quick: bool) -> Forecast:
        """Everybody who waits in the lane, in order, with the estimated seconds until it is their turn."""
        waiting, running, workers = self._queue.order(quick=quick), self._lefts(quick), self._workers
        if not quick:
            return Forecast(waiting, running, workers, stretch=self._stretch.factor)
        # Between two quick pictures a long one has as much time as the first of them took.
        shared = min(workers, sum(1 for _ in self._at_work(False)))
        return Forecast(waiting, running, workers, shared=shared)

    # --- telling -----------------------------------------------------------------------------------------------------

    def moved(self) -> None:
        """Tell everybody who waits where they stand now: those in front at once, in a long line the rest by and by."""
        if any(True for _ in self._telling()):
            self._untold.set()

    async def tell(self) -> None:
        """Tell those further back, whenever the line has moved, until cancelled."""
        while True:
            await self._untold.wait()
            self._untold.clear()
            for seconds in self._telling():
                await asyncio.sleep(seconds * (1 / TELLING_SHARE - 1))

    def _telling(self) -> Iterator[float]:
        """Tell everybody, part by part; gives the seconds that each part took."""
        began = time.perf_counter()
        told = 0
        for quick in LANES:
            waiting = self._starts(quick)
            room = self._workers - self._count(quick)
            for place, (ticket, start) in enumerate(waiting, 1):
                if told == TOLD_AT_ONCE:
                    yield time.perf_counter() - began
                    began, told = time.perf_counter(), 0
                told += 1
                live = self._jobs.get(ticket.id)
                if live and not self.is_running(live):  # since this round of telling began
                    text = self._words(live, f"place {place} of {len(waiting)}", start, soon=place <= room)
                    live.announcer.show(live.job, Status(text=text, left=start + ticket.cost))

    def _words(self, live: OpenJob, where: str, start: float, *, soon: bool) -> str:
        """For one who waits."""
        if not self._painting.is_set():
            text = f"{where}. Painting is paused by who runs this bot; your picture waits until it goes on"
        elif soon and live.job.attempts:
            text = "The engine failed; trying again."
        elif soon:  # of which most people are told no more, it is done so soon
            text = f"coming up in {in_words(live.job.cost)}"
        elif self.engine_missing:
            text = f"{where}, as soon as the painting engine is back"
        else:
            text = ", then ".join(filter(None, (f"{where}, {in_words(start)}", quote(live.job))))
        return f"{text}. {live.note}" if live.note else text
