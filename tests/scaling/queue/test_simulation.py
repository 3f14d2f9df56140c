"""The simulated queue: what must hold of any queue, and of ours, before its figures mean anything."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator
from itertools import islice

import msgspec
import pytest

from bot.core.queue import FairQueue, Ticket
from bot.core.work.forecast import Forecast
from tests.scaling.queue.arrivals import Order, Orders
from tests.scaling.queue.cluster import Job
from tests.scaling.queue.measures import engine_seconds, report
from tests.scaling.queue.scenario import CPU, Arrivals, Kind, Scenario, Trouble
from tests.scaling.queue.simulation import Run, Simulation
from tests.scaling.queue.sizing import Target, fewest, sized

LONG = Kind(name="fine", share=1.0, seconds=10.0, quick=False, spread=0.0)
QUICK = Kind(name="fast", share=1.0, seconds=0.5, quick=True, spread=0.0)
CALM = Trouble(stragglers=0.0)


def _scenario(workers: int, seconds: float = 100.0, **more: object) -> Scenario:
    cards = msgspec.structs.replace(CPU, step=0.0)
    more = {"cards": cards, "trouble": CALM, "limits": False, "warm": 0.0, "per_node": 4} | more
    return Scenario(arrivals=Arrivals(rate=1.0), workers=workers, seconds=seconds, **more)  # type: ignore[arg-type]


def _at_once(number: int, seconds: float, users: int, first_user: int = 0, kind: Kind = LONG) -> list[Order]:
    kind = msgspec.structs.replace(kind, seconds=seconds)
    return [Order(0.0, first_user + index % users, kind, seconds) for index in range(number)]


def _all_answered(run: Run) -> bool:
    return all(job.joined <= job.begun < job.ended and job.tries >= 1 for job in run.jobs)


# --- nothing is lost -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_every_order_is_answered_once_whatever_becomes_of_the_nodes(seed: int) -> None:
    trouble = Trouble(node_hours=0.05, repair_seconds=30.0, restart_every=100.0, restart_seconds=10.0)
    scenario = Scenario(
        cards=CPU, arrivals=Arrivals(rate=4.0), workers=24, per_node=4, trouble=trouble, seconds=400.0, seed=seed
    )
    ordered = list(islice(Orders(scenario.arrivals, CPU, trouble, seed), 5000))
    run = Simulation(scenario).run()
    assert run.lost > 5
    assert len(run.jobs) + run.refused == sum(order.at < scenario.seconds for order in ordered)
    assert _all_answered(run)
    assert sum(job.tries for job in run.jobs) == len(run.jobs) + run.lost


def test_a_node_that_is_restarted_finishes_what_it_paints() -> None:
    trouble = Trouble(restart_every=30.0, restart_seconds=5.0)
    run = Simulation(_scenario(8, 300.0, trouble=trouble), iter(_at_once(200, 10.0, 50))).run()
    assert run.lost == 0
    assert _all_answered(run)
    assert max(job.ended for job in run.jobs) > 200 / 8 * 10  # longer than without restarts


# --- as theory has it ------------------------------------------------------------------------------------------------


def _poisson(rate: float, mean: float, seed: int) -> Iterator[Order]:
    draw, at = random.Random(seed), 0.0
    while True:
        at += draw.expovariate(rate)
        yield Order(at, draw.randrange(1000), LONG, draw.expovariate(1 / mean))


def _erlang_c(load: float, servers: int) -> float:
    """The probability that somebody has to wait."""
    full = load**servers / math.factorial(servers) * servers / (servers - load)
    return full / (sum(load**number / math.factorial(number) for number in range(servers)) + full)


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.5), (4, 0.7), (16, 0.8)])
def test_waits_are_those_of_erlang(servers: int, busy: float) -> None:
    """M/M/n: fair queueing changes who waits, and by costs that are all alike not how long in the mean."""
    rate, mean = servers * busy / 10.0, 10.0
    seconds = 30_000 / rate
    run = Simulation(_scenario(servers, seconds), _poisson(rate, mean, seed=7)).run()
    waits = [job.begun - job.joined for job in run.jobs]
    waiting = _erlang_c(rate * mean, servers)
    assert statistics.fmean(wait > 0 for wait in waits) == pytest.approx(waiting, rel=0.1)
    assert statistics.fmean(waits) == pytest.approx(waiting * mean / (servers * (1 - busy)), rel=0.2)
    assert run.busy / run.there == pytest.approx(busy, rel=0.03)


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_nobody_waits_while_a_worker_has_nothing_to_do(workers: int) -> None:
    run = Simulation(_scenario(workers, 12_000.0 / workers), _poisson(workers / 10.0, 10.0, seed=4)).run()
    waited = [job for job in run.jobs if job.begun > job.joined]
    assert len(waited) > 50
    for job in waited:
        when = (job.joined + job.begun) / 2
        assert sum(other.begun <= when < other.ended for other in run.jobs) == workers


# --- fair ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "people", "seconds"), [(2, 2, 400), (4, 4, 400), (64, 20, 120), (1000, 20, 60)])
def test_who_orders_small_pictures_and_who_orders_large_ones_get_as_many_engine_seconds(
    workers: int, people: int, seconds: int
) -> None:
    work = workers * (seconds + 40) // 2 + 200  # of each half
    small = _at_once(work // 2, 2.0, users=people)
    large = _at_once(work // 20, 20.0, users=people, first_user=people)
    run = Simulation(_scenario(workers), iter(small + large)).run()
    given = engine_seconds(run.jobs, 20.0, 20.0 + seconds)
    halves = [sum(given[user] for user in given if (user < people) is half) for half in (True, False)]
    assert sum(halves) == pytest.approx(workers * seconds, rel=0.1)
    assert halves[0] == pytest.approx(halves[1], rel=0.1)


@pytest.mark.parametrize("workers", [2, 4, 64])
def test_while_nodes_come_and_go_everybody_is_served_alike(workers: int) -> None:
    trouble = Trouble(stragglers=0.0, node_hours=0.02, repair_seconds=20.0)
    scenario = _scenario(workers, trouble=trouble, per_node=2)
    run = Simulation(scenario, iter(_at_once(workers * 60, 5.0, users=workers * 2))).run()
    assert run.lost
    given = engine_seconds(run.jobs, 0.0, 90.0)
    assert len(given) == workers * 2
    assert max(given.values()) - min(given.values()) <= 10.0  # two pictures: one in hand, one that was lost


def test_a_quick_picture_waits_for_no_long_one_and_a_long_one_is_held_up_at_most_twice_as_long() -> None:
    orders = _at_once(1, 10.0, users=1) + _at_once(100, 0.5, users=10, first_user=1, kind=QUICK)
    run = Simulation(_scenario(1), iter(orders)).run()
    [long] = [job for job in run.jobs if not job.quick]
    first = min((job for job in run.jobs if job.quick), key=lambda job: job.begun)
    assert first.begun == 0.0
    assert long.ended == pytest.approx(20.0)
    assert _all_answered(run)


def test_who_orders_too_much_is_refused_and_the_others_are_not() -> None:
    greedy = [Order(float(second), 0, LONG, 10.0) for second in range(50)]
    modest = [Order(float(second) + 0.5, 1 + second, LONG, 10.0) for second in range(50)]
    orders = sorted(greedy + modest, key=lambda order: order.at)
    run = Simulation(_scenario(4, limits=True), iter(orders)).run()
    assert run.refused > 20
    assert sum(job.order.user != 0 for job in run.jobs) == 50


# --- what people are told --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 4, 64, 1000])
def test_what_is_foretold_comes_true_where_nobody_else_comes(workers: int) -> None:
    draw = random.Random(workers)
    costs = [draw.uniform(1.0, 60.0) for _ in range(3 * workers + 40)]
    orders = [order for number, cost in enumerate(costs) for order in _at_once(1, cost, 1, number % 37)]
    run = Simulation(_scenario(workers, 10_000.0), iter(orders)).run()
    begun = {job.id: job.begun for job in run.jobs}
    queue = FairQueue()
    for job in run.jobs:
        if job.begun > 0:
            queue.put(Ticket(job.id, f"{job.order.user}", job.order.seconds))
    # The first were begun as they came, so that their people's turn had passed.
    running = [job.ended for job in run.jobs if job.begun == 0]
    foretold = sorted(start for _, start in Forecast(queue.order(), running, workers))
    assert len(running) == workers
    assert sum(foretold) == pytest.approx(sum(sorted(begun.values())), rel=0.03)


def test_estimates_under_load_are_near_the_truth() -> None:
    scenario = Scenario(cards=CPU, arrivals=Arrivals(rate=10.0), workers=27, seconds=1800.0)
    told = [job for job in Simulation(scenario).run().jobs if not job.quick and job.foretold is not None]
    ratios = [_ratio(job) for job in told if job.foretold and job.foretold - job.joined > 2.0]
    assert len(ratios) > 100
    assert 0.9 < statistics.median(ratios) < 1.3


def _ratio(job: Job) -> float:
    assert job.foretold is not None
    return (job.begun - job.joined) / (job.foretold - job.joined)


# --- the programme ---------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_figures_again_and_another_seed_others() -> None:
    scenario = Scenario(cards=CPU, arrivals=Arrivals(rate=5.0), workers=20, seconds=200.0, warm=20.0)
    assert report(scenario) == report(scenario)
    other = msgspec.structs.replace(scenario, seed=2)
    assert report(scenario).quick != report(other).quick


@pytest.mark.parametrize("rate", [1.0, 30.0])
def test_orders_come_at_the_rate_that_is_asked_for_and_in_bursts(rate: float) -> None:
    def counts(arrivals: Arrivals) -> list[int]:
        seconds = [0] * 4000
        for order in Orders(arrivals, CPU, CALM, seed=5):
            if order.at >= 4000:
                return seconds
            seconds[int(order.at)] += 1
        raise AssertionError("there is no end to orders")

    steady, bursting = counts(Arrivals(rate=rate, burst=1.0, photos=1.0)), counts(Arrivals(rate=rate))
    assert statistics.fmean(steady) == pytest.approx(rate, rel=0.06)
    assert statistics.fmean(bursting) == pytest.approx(rate, rel=0.15)
    assert statistics.variance(steady) == pytest.approx(rate, rel=0.15)  # Poisson's
    assert statistics.variance(bursting) > 1.4 * statistics.fmean(bursting)


def test_a_tenth_of_the_people_order_half_of_the_pictures() -> None:
    users: dict[int, int] = {}
    for order in islice(Orders(Arrivals(rate=2.0), CPU, CALM, seed=6), 100_000):
        users[order.user] = users.get(order.user, 0) + 1
    eager = sorted(users.values(), reverse=True)
    assert 0.4 < sum(eager[:120]) / sum(eager) < 0.6


@pytest.mark.parametrize("wanted", [1, 2, 7, 64, 100])
def test_the_fewest_that_are_enough_are_found_from_any_first_guess(wanted: int) -> None:
    for first in (1, 7, 300):
        assert fewest(lambda workers: workers >= wanted, first) == wanted


def test_so_many_workers_hold_the_target_and_one_less_does_not() -> None:
    scenario = Scenario(cards=CPU, arrivals=Arrivals(rate=2.0), workers=0, seconds=300.0, warm=20.0)
    target = Target(quick_99=2.0, long_50=20.0)
    found = sized(scenario, target)
    assert target.met(found)
    fewer = msgspec.structs.replace(scenario, workers=found.scenario.workers - 1)
    assert not target.met(report(fewer))
    assert found.per_hour == pytest.approx(found.scenario.workers * CPU.price)


def test_the_programme_prints_a_table_or_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.scaling.queue import __main__ as programme

    words = ["queue", "--rate", "2", "--workers", "9", "--seconds", "60", "--cards", "gpu", "--kind", "fine=3:0.2"]
    monkeypatch.setattr("sys.argv", words)
    assert programme.main() == 0
    table = capsys.readouterr().out
    assert "ASSUMED" in table
    assert "| 2" in table
    monkeypatch.setattr("sys.argv", [*words, "--json"])
    assert programme.main() == 0
    [found] = msgspec.json.decode(capsys.readouterr().out)
    assert found["scenario"]["workers"] == 9
    assert found["quick"]["pictures"] + found["long"]["pictures"] > 50
    assert [kind["seconds"] for kind in found["scenario"]["cards"]["kinds"] if kind["name"] == "fine"] == [3]
