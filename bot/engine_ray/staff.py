"""How many painters there are: as many as configured, or as many as are needed and find a place."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

from bot.engine_process.crew import Crew
from bot.engine_ray import frames
from bot.engine_ray.cluster import Cluster
from bot.engine_ray.seat import Seat

LOOK_SECONDS = 1.0
# Painters that may wait for a place at once. Each is a request to Ray's autoscaler, which takes a minute or more for a
# machine: with as many again as there are, it doubles them.
FIRST_WAITING = 2


class Staff:
    """Grows and shrinks the crew; open while `run` runs."""

    def __init__(
        self,
        crew: Crew[frames.Paint, memoryview],
        cluster: Cluster,
        plan: frames.Plan,
        tell: Callable[[frames.News], None],
        changed: Callable[[], None],
    ) -> None:
        self._crew, self._cluster, self._plan = crew, cluster, plan
        self._tell, self._announce = tell, changed
        self._names = itertools.count(1)
        self._seats: dict[Seat, asyncio.Task[None]] = {}
        self._stirred = asyncio.Event()
        self._wanted = 0  # pictures that wait in the bot

    def want(self, pictures: int) -> None:
        self._wanted = pictures
        self._stirred.set()

    def changed(self) -> None:
        """Somebody came, went, began or ended something."""
        self._crew.look()
        self._announce()
        self._stirred.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._plan.workers or 1):
                self._open(tasks)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):  # for those who have rested long enough
                        await self._stirred.wait()
                self._stirred.clear()
                for seat in self._seats:
                    if seat.node in self._cluster.draining:
                        seat.move()
                if not self._plan.workers:
                    self._adapt(tasks)

    def _adapt(self, tasks: asyncio.TaskGroup) -> None:
        now = asyncio.get_running_loop().time()
        placed = [seat for seat in self._seats if seat.node]
        waiting = [seat for seat in self._seats if not seat.node]
        idle = [seat for seat in placed if not seat.busy]
        missing = self._wanted - len(idle) - len(waiting)
        for _ in range(min(missing, max(FIRST_WAITING, len(placed)) - len(waiting))):
            self._open(tasks)
        if self._wanted:
            return
        rested = [seat for seat in idle if now - seat.idle_since > self._plan.idle_seconds]
        for seat in [*waiting, *rested][: len(self._seats) - 1]:
            self._close(seat)

    def _open(self, tasks: asyncio.TaskGroup) -> None:
        seat = Seat(str(next(self._names)), self._cluster, self._plan, self._tell, self.changed)
        self._seats[seat] = tasks.create_task(seat.keep(), name=f"worker {seat.name}")
        self._crew.join(seat)

    def _close(self, seat: Seat) -> None:
        self._crew.leave(seat)
        self._seats.pop(seat).cancel()
