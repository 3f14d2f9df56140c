"""How much one person may ask for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.admission import Admission, Demand, Rules
from bot.core.errors import LimitReached
from bot.core.limits import Limits
from bot.core.queue import FairQueue
from bot.core.rooms import RoomSettings
from engine.gallery import default


def test_a_person_at_the_cap_is_told_how_many_wait_and_for_how_long() -> None:
    with pytest.raises(LimitReached) as refusal:
        Limits(open_jobs=3).check("ann", 3, now=0, wait_hint=lambda: 41.0)
    assert str(refusal.value) == "3 of your pictures are waiting; the limit is 3. Cancel one or wait about 40 s."


def test_a_cap_of_one_speaks_of_one_picture() -> None:
    with pytest.raises(LimitReached, match=r"^1 of your pictures is waiting; the limit is 1\. Cancel one or wait"):
        Limits(open_jobs=1).check("ann", 1, now=0)


def test_a_burst_is_allowed_and_the_next_orders_wait_their_turn_and_are_not_refused() -> None:
    limits = Limits(burst=2, per_minute=2)
    waits = []
    for _ in range(4):
        limits.check("ann", 0, now=100)
        waits.append(limits.spend("ann", now=100))
    assert waits == [0, 0, 30, 60]
    assert limits.spend("ann", now=220) == 0


def test_who_orders_and_cancels_again_and_again_does_not_wait_for_ever() -> None:
    limits = Limits(burst=2, open_jobs=3, per_minute=60)
    assert max(limits.spend("ann", now=0) for _ in range(1000)) == 6


def test_who_sits_at_the_machine_has_no_limits() -> None:
    limits = Limits(open_jobs=1, burst=1, per_minute=1, engine_minutes=1, free=("web:",))
    for _ in range(20):
        limits.check("web:me", 7, now=0, seconds=10_000)
        assert limits.spend("web:me", now=0, seconds=10_000) == 0
    with pytest.raises(LimitReached):
        limits.check("telegram:1", 1, now=0)


def test_one_person_spends_nothing_of_another() -> None:
    limits = Limits(burst=1)
    limits.spend("ann", now=0)
    assert limits.spend("bob", now=0) == 0


def test_an_order_that_came_to_nothing_is_given_back() -> None:
    limits = Limits(burst=1)
    limits.spend("ann", now=0)
    limits.give_back("ann", now=0)
    assert limits.spend("ann", now=0) == 0


def test_a_clock_set_back_costs_nobody_an_order() -> None:
    limits = Limits(burst=2)
    limits.spend("ann", now=1000)
    assert limits.spend("ann", now=0) == 0


def test_people_who_have_rested_are_forgotten() -> None:
    limits = Limits(burst=1, per_minute=60)
    for number in range(5000):
        limits.spend(f"user {number}", now=number)
    assert len(limits._orders) <= 256


def test_who_has_rested_is_not_looked_for_with_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(burst=1, per_minute=0.001)
    looks = []
    forget = limits._orders._forget
    monkeypatch.setattr(limits._orders, "_forget", lambda now: (looks.append(now), forget(now)))
    for number in range(5000):
        limits.spend(f"user {number}", now=number / 1000)
    assert len(limits._orders) == 5000  # nobody has rested
    assert len(looks) < 8


def test_a_person_has_so_many_minutes_of_the_engine_in_an_hour() -> None:
    limits = Limits(engine_minutes=30, burst=99)
    limits.check("ann", 0, now=0, seconds=1500)
    limits.spend("ann", now=0, seconds=1500)
    limits.check("ann", 0, now=0, seconds=300)
    with pytest.raises(LimitReached) as refusal:
        limits.check("ann", 0, now=0, seconds=600)
    assert str(refusal.value) == (
        "This picture would keep the engine busy for about 10 min; the limit for one person is about 30 min in an"
        " hour. Please wait about 10 min, or try a smaller size=."
    )
    limits.check("bob", 0, now=0, seconds=600)
    limits.check("ann", 0, now=600, seconds=600)


def test_a_picture_that_takes_more_than_all_of_it_is_never_painted() -> None:
    with pytest.raises(LimitReached, match=r"Try a smaller size=, or fewer steps=\.$"):
        Limits(engine_minutes=30).check("ann", 0, now=0, seconds=3600)


def test_what_a_picture_took_is_what_it_costs() -> None:
    limits = Limits(engine_minutes=30, burst=99)
    limits.spend("ann", now=0, seconds=1500)
    limits.give_seconds_back("ann", 0, 1500 - 60)
    limits.check("ann", 0, now=0, seconds=1700)
    limits.give_seconds_back("ann", 0, -600)
    with pytest.raises(LimitReached):
        limits.check("ann", 0, now=0, seconds=1700)


@settings(deadline=None)
@given(
    burst=st.integers(1, 10),
    per_minute=st.floats(0.5, 120),
    pauses=st.lists(st.floats(0, 120), max_size=60),
)
def test_nobody_has_more_begun_than_the_burst_and_the_rate(burst: int, per_minute: float, pauses: list[float]) -> None:
    limits, now, begun = Limits(burst=burst, per_minute=per_minute, open_jobs=100), 0.0, []
    for pause in pauses:
        now += pause
        limits.check("ann", 0, now)
        begun.append(now + limits.spend("ann", now))
    for number, at in enumerate(sorted(begun), 1):
        assert number <= burst + at * per_minute / 60 + 1e-6


def test_a_look_has_a_rate_of_its_own() -> None:
    limits = Limits(burst=2, per_minute=2)
    assert [limits.spend("ann", now=0, look=True) for _ in range(7)] == [0] * 6 + [10]
    assert [limits.spend("ann", now=0) for _ in range(3)] == [0, 0, 30], "which leaves the pictures' alone"
    limits.give_back("bob", now=0, look=True)
    assert limits.wait("bob", now=0, look=True) == 0


@pytest.mark.parametrize(("taken", "next_wait"), [(0.2, 0), (2.0, 20)])
def test_a_look_at_what_was_painted_before_is_free(taken: float, next_wait: float) -> None:
    limits = Limits(burst=1, per_minute=1)
    admission = Admission(Rules(), limits, FairQueue(), default())
    waits = []
    for _ in range(4):
        demand = Demand(of_user=0, of_room=0, until_one_of_user=None, until_next=0.0)
        waits.append(admission.reserve("ann", "room", RoomSettings(), demand, 1.0, look=True))
        with admission.reserved("ann", "room"):
            admission.settle("ann", 1.0, taken, look=True)
    assert waits == [0, 0, 0, pytest.approx(next_wait, abs=1)]
