"""How many workers hold a target."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tests.scaling.queue.measures import Report, report
from tests.scaling.queue.scenario import Scenario


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What people are to have."""

    quick_99: float = 5.0  # seconds before 99 of 100 quick pictures are begun
    long_50: float = 60.0  # before every other long one is

    def met(self, found: Report) -> bool:
        return found.quick.wait_99 <= self.quick_99 and found.long.wait_50 <= self.long_50


def fewest(enough: Callable[[int], bool], first: int) -> int:
    """The fewest workers that are enough, where more are never too few; sought from the first guess on."""
    low, high = 0, max(1, first)
    while not enough(high):
        low, high = high, high + max(1, high // 8)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sized(scenario: Scenario, target: Target) -> Report:
    """The scenario with the fewest workers that hold the target."""
    seen: dict[int, Report] = {}

    def enough(workers: int) -> bool:
        seen[workers] = report(msgspec.structs.replace(scenario, workers=workers))
        return target.met(seen[workers])

    return seen[fewest(enough, round(needed(scenario)) + 1)]


def needed(scenario: Scenario) -> float:
    """Workers that would be busy all of the time, if nobody were refused and nothing straggled."""
    kinds = scenario.cards.kinds
    mean = sum(kind.share * kind.seconds for kind in kinds) / sum(kind.share for kind in kinds)
    return scenario.arrivals.rate * mean
