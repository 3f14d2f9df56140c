"""Who is next."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import queue as queues
from bot.core.errors import LimitReached
from bot.core.queue import FairQueue, Ticket


def _filled(*tickets: tuple[str, str, float]) -> FairQueue:
    queue = FairQueue()
    for ticket in tickets:
        queue.put(Ticket(*ticket))
    return queue


def _served(queue: FairQueue, count: int | None = None) -> list[Ticket]:
    async def serve() -> list[Ticket]:
        return [await queue.get() for _ in range(len(queue) if count is None else count)]

    return asyncio.run(serve())


def _place(queue: FairQueue, job: str) -> int | None:
    """1 for the next to be served; None for a job that is not waiting."""
    place = queue.place(job)
    assert place == next((place for place, ticket in enumerate(queue.order(), 1) if ticket.id == job), None)
    return place


def _ahead(queue: FairQueue, job: str) -> float:
    """Estimated engine seconds of the pictures that will be served before this one."""
    return sum(ticket.cost for ticket in queue.order()[: (_place(queue, job) or 1) - 1])


def test_one_persons_ten_pictures_do_not_hold_up_anothers_first() -> None:
    queue = _filled(*((f"ann {number}", "ann", 20.0) for number in range(10)), ("bob 0", "bob", 20.0))
    assert _place(queue, "bob 0") == 2
    assert [ticket.id for ticket in _served(queue)][:3] == ["ann 0", "bob 0", "ann 1"]


def test_small_pictures_are_paid_for_in_seconds_not_in_pictures() -> None:
    queue = _filled(
        *((f"small {number}", "ann", 5.0) for number in range(8)),
        *((f"large {number}", "bob", 20.0) for number in range(2)),
    )
    order = [ticket.id for ticket in _served(queue)]
    assert order.index("small 3") < order.index("large 0") < order.index("small 5")


def test_a_cancelled_job_leaves_the_queue() -> None:
    queue = _filled(("a", "ann", 1.0), ("b", "ann", 1.0), ("c", "bob", 1.0))
    assert queue.cancel("c")
    assert not queue.cancel("c")
    assert "c" not in [ticket.id for ticket in queue.order()]
    assert _place(queue, "c") is None
    assert [ticket.id for ticket in _served(queue)] == ["a", "b"]


def test_a_full_line_says_how_long_to_wait() -> None:
    queue = FairQueue(capacity=2)
    queue.check(lambda: 30.0)
    queue.put(Ticket("a", "ann", 1.0))
    with pytest.raises(LimitReached) as refusal:
        queue.check(lambda: 31.0, coming=1)
    assert str(refusal.value) == "The queue is full: 2 pictures are waiting. Please try again in about 30 s."


def test_what_was_accepted_before_a_restart_joins_even_a_full_line() -> None:
    queue = FairQueue(capacity=1)
    queue.put(Ticket("a", "ann", 1.0))
    queue.put(Ticket("b", "ann", 1.0))
    assert len(queue) == 2


def test_the_wait_is_what_the_pictures_ahead_cost() -> None:
    queue = _filled(("a", "ann", 10.0), ("b", "ann", 10.0), ("c", "bob", 10.0))
    assert [_ahead(queue, job) for job in ("a", "c", "b")] == [0, 10, 20]


async def test_whoever_waits_for_work_gets_it_as_soon_as_it_comes() -> None:
    queue = FairQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(Ticket("a", "ann", 1.0))
    assert (await asyncio.wait_for(waiting, 10)).id == "a"


def test_a_picture_of_hours_is_reached_without_walking_every_second() -> None:
    assert [ticket.id for ticket in _served(_filled(("a", "ann", 1e9), ("b", "bob", 1e12)))] == ["a", "b"]


tickets = st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 300)), max_size=30).map(
    lambda drawn: [(f"{number}", user, cost) for number, (user, cost) in enumerate(drawn)]
)


@settings(deadline=None)
@given(tickets=tickets, served=st.integers(0, 10), late=st.floats(0, 300))
def test_places_are_those_in_which_they_are_served(
    tickets: list[tuple[str, str, float]], served: int, late: float
) -> None:
    queue = _filled(*tickets)
    _served(queue, min(served, len(queue)))
    queue.put(Ticket("late", "e", late))
    foretold = {ticket.id: _place(queue, ticket.id) for ticket in queue.order()}
    assert {ticket.id: place for place, ticket in enumerate(_served(queue), 1)} == foretold
    assert len(queue) == 0


@settings(deadline=None)
@given(tickets=tickets)
def test_everybodys_pictures_are_served_once_and_in_their_own_order(tickets: list[tuple[str, str, float]]) -> None:
    order = _served(_filled(*tickets))
    assert len(order) == len(tickets)
    for person in "abcd":
        mine = [int(ticket.id) for ticket in order if ticket.user == person]
        assert mine == sorted(mine)


@settings(deadline=None)
@given(tickets=tickets, cost=st.floats(0, 300))
def test_nobody_starves(tickets: list[tuple[str, str, float]], cost: float) -> None:
    """Before a newcomer's first picture, everybody else gets at most as many seconds as that picture costs, and the
    one picture more that each had saved up for."""
    queue = _filled(*tickets)
    queue.put(Ticket("mine", "newcomer", cost))
    ahead: dict[str, float] = {}
    largest: dict[str, float] = {}
    for ticket in _served(queue, _place(queue, "mine"))[:-1]:
        ahead[ticket.user] = ahead.get(ticket.user, 0) + ticket.cost
        largest[ticket.user] = max(largest.get(ticket.user, 0), ticket.cost)
    for person, seconds in ahead.items():
        assert seconds <= max(cost, 1.0) + largest[person] + 1.0


@settings(deadline=None)
@given(
    costs=st.lists(st.floats(0, 100), min_size=1, max_size=20),
    rivals=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), min_size=1, max_size=60),
)
def test_nobody_starves_however_many_keep_coming(costs: list[float], rivals: list[tuple[str, float]]) -> None:
    """New pictures join after every one that is served, and the first who came is served all the same."""

    async def serve() -> int:
        queue = FairQueue()
        for number, cost in enumerate(costs):
            queue.put(Ticket(f"a {number}", "a", cost))
        queue.put(Ticket("mine", "newcomer", 50.0))
        rounds, ticket = 0, await queue.get()
        while ticket.id != "mine":
            user, cost = rivals[rounds % len(rivals)]
            queue.put(Ticket(f"rival {rounds}", user, cost))
            rounds += 1
            ticket = await queue.get()
        return rounds

    # Three rivals, each served at most once in each of the 50 rounds that the newcomer's picture takes.
    assert asyncio.run(serve()) <= 3 * 51


class _Walk:
    """Deficit round-robin as Shreedhar and Varghese describe it, visit by visit."""

    def __init__(self) -> None:
        self.people: deque[str] = deque()
        self.tickets: dict[str, deque[Ticket]] = {}
        self.credit: dict[str, float] = {}

    def put(self, ticket: Ticket, first: bool) -> None:
        if ticket.user not in self.people:
            self.people.append(ticket.user)
            self.tickets[ticket.user], self.credit[ticket.user] = deque(), 0.0
        self.tickets[ticket.user].insert(0 if first else 1000, ticket)

    def cancel(self, job: str) -> None:
        for user, tickets in self.tickets.items():
            self.tickets[user] = deque(ticket for ticket in tickets if ticket.id != job)
        self.people = deque(user for user in self.people if self.tickets[user])

    def get(self) -> Ticket:
        while True:
            user = self.people.popleft()
            self.credit[user] += 1
            tickets = self.tickets[user]
            price = max(tickets[0].cost, 1)
            ticket = tickets.popleft() if price <= self.credit[user] else None
            if tickets:
                self.people.append(user)
            if ticket:
                self.credit[user] -= price
                return ticket


# Whole seconds, which both add up without rounding.
happenings = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from([0, 1, 2, 3, 20, 61]), st.booleans()),
        st.integers(0, 30),
        st.none(),
    ),
    max_size=60,
)


@pytest.mark.parametrize("gap", [4, queues.GAP])
@settings(deadline=None)
@given(happenings=happenings)
def test_it_is_as_if_everybody_were_visited_in_turn(
    gap: int, happenings: list[tuple[str, int, bool] | int | None]
) -> None:
    """Whatever joins, is cancelled or is served in between."""

    async def compare() -> None:
        queue, walk = FairQueue(), _Walk()
        for number, what in enumerate(happenings):
            if isinstance(what, tuple):
                user, cost, first = what
                ticket = Ticket(f"{number}", user, cost)
                queue.put(ticket, first=first)
                walk.put(ticket, first)
            elif isinstance(what, int):
                queue.cancel(f"{what}")
                walk.cancel(f"{what}")
            elif len(queue):
                assert await queue.get() == walk.get()
        while len(queue):
            assert await queue.get() == walk.get()
        assert not walk.people
        assert queue.seconds() == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queues, "GAP", gap)
        asyncio.run(compare())
