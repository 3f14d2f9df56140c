"""When each who waits will be begun, where there are several workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.queue import Ticket
from bot.core.work.forecast import LATEST, Forecast, Stretch


def _starts(costs: list[float], running: list[float], workers: int, shared: int = 0) -> list[float]:
    tickets = [Ticket(f"{number}", "ann", cost) for number, cost in enumerate(costs)]
    forecast = Forecast(tickets, running, workers, shared=shared)
    assert len(forecast) == len(costs)
    assert [ticket for ticket, _ in forecast] == tickets
    *_, (_, after) = Forecast([*tickets, Ticket("one more", "bob", 1.0)], running, workers, shared=shared)
    assert forecast.end() == after
    return [start for _, start in forecast]


def test_one_worker_paints_one_after_the_other() -> None:
    assert _starts([10.0, 20.0, 5.0], [7.0], 1) == [7, 17, 37]


def test_of_several_workers_whoever_is_free_first_has_the_next() -> None:
    assert _starts([10.0, 20.0, 5.0, 1.0], [7.0, 3.0], 3) == [0, 3, 7, 10]


def test_where_workers_have_gone_theirs_are_waited_for_and_no_place_is_promised_twice() -> None:
    """Three run, and one worker is left: who is next begins when all three are done."""
    assert _starts([10.0, 10.0], [1.0, 9.0, 2.0], 1) == [9, 19]
    assert _starts([10.0, 10.0], [1.0, 9.0, 2.0], 2) == [2, 9]


def test_workers_that_do_something_else_in_between_come_last_and_take_twice_as_long() -> None:
    assert _starts([10.0, 10.0, 10.0, 10.0], [], 2, shared=1) == [0, 0, 10, 20]
    assert _starts([10.0, 10.0], [5.0], 1, shared=1) == [5, 25]


@given(
    costs=st.lists(st.floats(0.5, 300), min_size=1, max_size=40),
    running=st.lists(st.floats(0, 300), max_size=12),
    workers=st.integers(1, 10),
)
def test_nobody_runs_beside_more_than_there_are_workers_nor_waits_beside_a_free_one(
    costs: list[float], running: list[float], workers: int
) -> None:
    starts = _starts(costs, running, workers)
    spans = [(0.0, end) for end in running if end > 0]
    for start, cost in zip(starts, costs, strict=True):
        beside = sum(begun <= start < end for begun, end in spans)
        assert beside < workers
        if start > 0:  # until then there was no room
            just_before = max((end for _, end in spans if end <= start), default=0.0)
            assert just_before == start
        spans.append((start, start + cost))
    assert starts == sorted(starts)


def test_where_quick_ones_are_painted_in_between_long_ones_are_said_to_take_as_much_longer_as_they_did() -> None:
    stretch = Stretch()
    assert stretch.factor == 1
    stretch.learn(took=15.0, alone=10.0)
    stretch.learn(took=35.0, alone=30.0)
    assert stretch.factor == 1.25
    tickets = [Ticket("a", "ann", 10.0), Ticket("b", "bob", 10.0)]
    assert [start for _, start in Forecast(tickets, [3.0], 1, stretch=stretch.factor)] == [3, 15.5]
    for _ in range(LATEST):
        stretch.learn(took=10.0, alone=10.0)
    assert stretch.factor == 1


def test_nothing_is_said_to_take_more_than_twice_as_long_whatever_came_in_between() -> None:
    stretch = Stretch()
    stretch.learn(took=3600.0, alone=10.0)
    assert stretch.factor == 2
