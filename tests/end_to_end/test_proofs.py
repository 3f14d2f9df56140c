"""The programmes that prove what the bot promises, each for a moment: tests.chaos, tests.hostile and tests.soak."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.rounds import Chaos
from tests.hostile.attack import attack
from tests.hostile.files import hostile_files
from tests.soak.jobs import soak
from tests.soak.people import Crowd


async def test_no_order_is_lost_or_answered_twice_while_bot_and_engine_are_killed(tmp_path: Path) -> None:
    report = await Chaos(tmp_path, seed=3).run(3)
    assert len(report.orders) > 3
    assert report.violations == 0, report.first


async def test_every_hostile_file_is_answered_with_a_picture_or_a_clear_sentence(tmp_path: Path) -> None:
    files = list(hostile_files(12, seed=1))
    report = await attack(files, 1, tmp_path)
    assert report.violations == []
    assert {outcome.answer for outcome in report.outcomes} == {"picture", "refusal"}
    assert len(report.outcomes) == len(files)


async def test_the_engine_does_not_grow_with_the_variety_of_its_pictures(tmp_path: Path) -> None:
    report = await soak(12, 1, tmp_path, early=8, threads=1)
    assert report.violations == []


async def test_nobody_waits_for_a_first_picture_while_somebody_gets_a_third(tmp_path: Path) -> None:
    report = await Crowd(9, 1, tmp_path).run()
    assert report.verdicts == {"answered": 27}
    assert report.last_first <= report.first_third
    assert report.rules == []
