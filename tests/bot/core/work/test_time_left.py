"""How long a picture is still said to take, from what the engine says of its way."""

from __future__ import annotations

import pytest

from bot.core.announce import Pace
from bot.core.jobs import Job, Place
from bot.core.work.open_jobs import OpenJob
from engine.recipe import Recipe, Share
from tests.harness import ChatDouble


def begun(cost: float) -> OpenJob:
    recipe = Recipe(styles=(Share("starrynight"),), mode="fine", size=512, steps=90, encoder="slim")
    live = OpenJob(
        Job(id="abcdefgh", user="ann", created=0.0, place=Place("web", "r"), recipe=recipe, cost=cost),
        ChatDouble(),
        Pace(),
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
