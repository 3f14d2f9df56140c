"""What a run says: waits, utilisation, fairness, whether what people were told came true, and what it costs."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from tests.scaling.queue.cluster import Job
from tests.scaling.queue.scenario import Scenario
from tests.scaling.queue.simulation import Run, Simulation


class Waits(msgspec.Struct, frozen=True):
    """Of one lane, in seconds."""

    pictures: int
    wait_50: float  # from joining the line to the beginning
    wait_99: float
    picture_50: float  # from joining the line to the picture
    picture_99: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario, and what came of it."""

    scenario: Scenario
    orders: int
    refused: int
    quick: Waits
    long: Waits
    utilisation: float
    lost_in_hand: int
    longest_line: int
    eager: float  # wait in the mean of the tenth of all pictures that the most eager people ordered, over the others'
    told_right: float  # share of the estimates of over 2 s that were within a half of the truth
    told_ratio: float  # the truth over the estimate, of these, the median
    per_hour: float  # in the money of `Cards.price`
    per_1000: float  # for a thousand pictures


def report(scenario: Scenario) -> Report:
    return measured(scenario, Simulation(scenario).run())


def measured(scenario: Scenario, run: Run) -> Report:
    jobs = [job for job in run.jobs if job.joined >= scenario.warm]
    per_hour = scenario.workers * scenario.cards.price
    pictures = len(jobs) / (scenario.seconds - scenario.warm)
    right, ratio = _told(jobs)
    return Report(
        scenario=scenario,
        orders=len(run.jobs) + run.refused,
        refused=run.refused,
        quick=waits([job for job in jobs if job.quick]),
        long=waits([job for job in jobs if not job.quick]),
        utilisation=run.busy / run.there if run.there else 0.0,
        lost_in_hand=run.lost,
        longest_line=run.longest_line,
        eager=_eager(jobs),
        told_right=right,
        told_ratio=ratio,
        per_hour=per_hour,
        per_1000=per_hour / (pictures * 3.6) if pictures else 0.0,
    )


def waits(jobs: Sequence[Job]) -> Waits:
    begun = sorted(job.begun - job.joined for job in jobs)
    ended = sorted(job.ended - job.joined for job in jobs)
    return Waits(len(jobs), at(begun, 0.5), at(begun, 0.99), at(ended, 0.5), at(ended, 0.99))


def at(ordered: Sequence[float], share: float) -> float:
    """The least that so large a share is not above."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def engine_seconds(jobs: Sequence[Job], first: float, last: float) -> dict[int, float]:
    """What each person was given between two times."""
    given: defaultdict[int, float] = defaultdict(float)
    for job in jobs:
        if first <= job.ended < last:
            given[job.order.user] += job.order.seconds
    return dict(given)


def _eager(jobs: Sequence[Job]) -> float:
    """Quick and long pictures wait for different reasons, so each is held against its own lane."""
    mean = {
        quick: statistics.fmean([job.begun - job.joined for job in jobs if job.quick is quick] or [0.0])
        for quick in (False, True)
    }
    relative = {job.id: (job.begun - job.joined) / mean[job.quick] for job in jobs if mean[job.quick] > 0}
    eager: set[int] = set()
    counted = 0
    for user, number in Counter(job.order.user for job in jobs).most_common():
        if counted >= len(jobs) / 10:
            break
        eager.add(user)
        counted += number
    theirs = [relative[job.id] for job in jobs if job.id in relative and job.order.user in eager]
    others = [relative[job.id] for job in jobs if job.id in relative and job.order.user not in eager]
    return statistics.fmean(theirs) / statistics.fmean(others) if theirs and others and any(others) else 1.0


def _told(jobs: Sequence[Job]) -> tuple[float, float]:
    told = [(job.foretold - job.joined, job.begun - job.joined) for job in jobs if job.foretold is not None]
    ratios = [truth / said for said, truth in told if said > 2.0]
    if not ratios:
        return 1.0, 1.0
    return statistics.fmean(0.5 <= ratio <= 1.5 for ratio in ratios), statistics.median(ratios)
