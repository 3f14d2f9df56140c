"""Who orders what, and when: bursts, messages of several photos, and people of whom few order much."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate

import msgspec

from tests.scaling.queue.scenario import Arrivals, Cards, Kind, Trouble


class Order(msgspec.Struct, frozen=True):
    at: float
    user: int
    kind: Kind
    seconds: float  # that it will take, which nobody knows yet


class Orders:
    """Endless. What is drawn of one order does not depend on the number of workers, so runs can be compared."""

    def __init__(self, arrivals: Arrivals, cards: Cards, trouble: Trouble, seed: int) -> None:
        self._arrivals = arrivals
        self._kinds = cards.kinds
        self._trouble = trouble
        self._random = random.Random(seed)
        people = max(1, round(arrivals.rate * arrivals.people_per_rate))
        self._eager = list(accumulate(self._random.lognormvariate(0, arrivals.skew) for _ in range(people)))
        self._shares = list(accumulate(kind.share for kind in cards.kinds))

    def __iter__(self) -> Iterator[Order]:
        draw = self._random
        for at in self._messages():
            user = bisect(self._eager, draw.random() * self._eager[-1])
            kind = self._kinds[bisect(self._shares, draw.random() * self._shares[-1])]
            yield Order(at, user, kind, self._seconds(kind))
            while draw.random() >= 1 / self._arrivals.photos:
                yield Order(at, user, kind, self._seconds(kind))

    def _messages(self) -> Iterator[float]:
        """When one comes."""
        how, draw = self._arrivals, self._random
        share = how.burst_seconds / (how.burst_seconds + how.quiet_seconds)
        quiet = how.rate / how.photos / (1 - share + share * how.burst)
        at, changes, bursting = 0.0, draw.expovariate(1 / how.quiet_seconds), False
        while True:
            coming = at + draw.expovariate(quiet * (how.burst if bursting else 1.0))
            if coming < changes:
                at = coming
                yield at
            else:  # the exponential distribution does not remember when it began to wait
                at, bursting = changes, not bursting
                changes += draw.expovariate(1 / (how.burst_seconds if bursting else how.quiet_seconds))

    def _seconds(self, kind: Kind) -> float:
        seconds = kind.seconds * self._random.lognormvariate(0, kind.spread)
        return seconds * (self._trouble.straggle if self._random.random() < self._trouble.stragglers else 1.0)
