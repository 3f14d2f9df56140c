"""When each who waits in a lane will be begun, by whichever worker is free first; worked out as far as it is asked."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence

from bot.core.queue import Ticket

LATEST = 40  # long pictures


class Stretch:
    """How much longer long pictures take than they would alone, for quick ones are painted in between: 1 to 2."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, float]] = deque(maxlen=LATEST)

    def learn(self, took: float, alone: float) -> None:
        """What the latest one took in all, and how much of that the engine gave to it."""
        self._past.append((took, alone))

    @property
    def factor(self) -> float:
        alone = sum(alone for _, alone in self._past)
        return min(2.0, max(1.0, sum(took for took, _ in self._past) / alone)) if alone > 0 else 1.0


class Forecast:
    """Everybody who waits, in order, with the estimated seconds until it is their turn.

    Args:
        waiting: in the order in which they are served.
        running: seconds until each that runs is finished.
        workers: how many may run at once. Where more run, since workers have gone, so many have to finish first.
        shared: workers that take twice as long, since they do something else in between; they are given jobs last.
        stretch: how much longer than they cost all of the waiting take.
    """

    def __init__(
        self,
        waiting: Sequence[Ticket],
        running: Sequence[float],
        workers: int,
        *,
        shared: int = 0,
        stretch: float = 1.0,
    ) -> None:
        self._waiting = waiting
        busy = sorted(running)[-workers:]
        paces = [stretch] * (workers - shared) + [2.0 * stretch] * shared
        self._free = list(zip([*busy, *[0.0] * (workers - len(busy))], paces, strict=True))
        heapq.heapify(self._free)

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[tuple[Ticket, float]]:
        return self._walk(self._free.copy())

    def end(self) -> float:
        """Seconds until one more would be begun."""
        free = self._free.copy()
        for _ in self._walk(free):
            pass
        return free[0][0]

    def _walk(self, free: list[tuple[float, float]]) -> Iterator[tuple[Ticket, float]]:
        for ticket in self._waiting:
            start, pace = free[0]
            heapq.heapreplace(free, (start + pace * ticket.cost, pace))
            yield ticket, start
