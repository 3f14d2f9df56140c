"""How long a picture is still said to take, from what the engine says of its way."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from bot.core.announce import Pace
from bot.core.estimate import Steady
from bot.core.jobs import Job, Place
from bot.core.work.open_jobs import OpenJob
from engine.recipe import Recipe, Share
from tests.harness import ChatDouble


class Clock:
    """Moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def begun(cost: float, clock: Clock | None = None) -> OpenJob:
    recipe = Recipe(styles=(Share("starrynight"),), mode="fine", size=512, steps=90, encoder="slim")
    live = OpenJob(
        Job(id="abcdefgh", user="ann", created=0.0, place=Place("web", "r"), recipe=recipe, cost=cost),
        ChatDouble(),
        Pace(),
        clock or Clock(),
    )
    live.begin()
    return live


def test_what_came_before_the_first_step_is_no_part_of_the_rest() -> None:
    live = begun(cost=25)
    live.hear(0.03, 17.0)  # the engine has loaded its networks
    assert live.left() == pytest.approx(25 * 0.97)
    for step in range(1, 18):
        live.hear(0.03 + step * 0.01, 17.0 + step * 0.2)
    assert live.left() == pytest.approx(20 * 0.8, rel=0.01)


def test_a_step_that_was_slow_by_chance_is_outvoted() -> None:
    live = begun(cost=25)
    live.hear(0.1, 2.0)
    for step in range(1, 8):
        live.hear(0.1 + step * 0.05, 2.0 + step * 1.0 + (30.0 if step > 3 else 0.0))
    assert live.left() == pytest.approx(20 * 0.55, rel=0.01)


def test_without_parts_to_compare_all_of_the_time_counts() -> None:
    live = begun(cost=25)
    live.hear(0.5, 10.0)
    assert live.left() == pytest.approx(10.0, rel=0.01)


def test_a_part_that_takes_long_leaves_those_after_it_to_be_painted() -> None:
    clock = Clock()
    live = begun(25, clock)
    for step in range(1, 6):
        clock.now += 2.0
        live.hear(step * 0.1, step * 2.0)
    clock.now += 36.0  # the machine has other things to do
    assert live.left() == pytest.approx(20 * 0.4, rel=0.01)


def told_under_load(seed: int) -> list[tuple[float, float]]:
    """What is told at every step of a picture, and what is true, where each step takes as long as the load allows."""
    rolls = random.Random(seed)
    shares = [1 / 90] * 90
    took, load = [], 1.0
    for _ in shares:
        load = min(4.0, max(1.0, load * rolls.uniform(0.8, 1.25)))
        took.append(0.3 * load * rolls.uniform(0.7, 1.4))
    clock = Clock()
    live = begun(30, clock)
    found, done, seconds = [], 0.0, 0.0
    for index, (share, step) in enumerate(zip(shares, took, strict=True)):
        clock.now += step
        done, seconds = done + share, seconds + step
        live.hear(min(done, 1.0), seconds)
        found.append((live.told(live.left()), sum(took[index + 1 :])))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_goes_down_while_the_load_comes_and_goes(seed: int) -> None:
    told = told_under_load(seed)
    rises = [after - before for (before, _), (after, _) in pairwise(told) if after > before + 0.01]
    assert len(rises) <= 3
    assert all(rise > 4.0 for rise in rises), "which is worth saying"
    assert told[-1][0] < 1.0


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_told_a_moment_and_waits_for_half_a_minute(seed: int) -> None:
    for told, true in told_under_load(seed):
        assert not (told < 2.0 and true > 10.0)


def test_what_is_told_stands_still_rather_than_rise_a_little() -> None:
    steady = Steady()
    assert [steady.tell(left, now) for now, left in enumerate((20.0, 23.0, 25.0, 25.0, 24.0))] == [20, 19, 19, 19, 19]


def test_what_is_far_from_true_is_told_at_once() -> None:
    steady = Steady()
    steady.tell(3.0, 0.0)
    assert steady.tell(40.0, 1.0) == 40.0


def test_what_is_told_follows_downwards_by_half() -> None:
    steady = Steady()
    steady.tell(40.0, 0.0)
    assert steady.tell(20.0, 2.0) == pytest.approx(29.0)
    assert steady.tell(20.0, 2.0) == pytest.approx(24.5)
