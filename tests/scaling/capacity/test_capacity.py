"""What measures capacity answers every job, and says what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scaling.capacity import __main__ as programme
from tests.scaling.capacity import journal, loop


async def test_every_job_goes_through_the_journal_once(tmp_path: Path) -> None:
    found = await journal.measure(7, 3, tmp_path, photo=1000, picture=2000)
    assert (found.jobs, found.at_once) == (7, 3)
    assert found.per_second > 0
    assert found.megabytes == pytest.approx(found.per_second * 3000 / 1e6)
    assert len(list((tmp_path / "journal.sqlite3-pictures").rglob("*"))) >= 14


@pytest.mark.parametrize("waiting", [False, True])
async def test_every_order_of_a_crowd_is_answered_by_one_bot_with_many_workers(waiting: bool) -> None:
    found = await loop.measure(100, 8, None, photo=100, picture=100, waiting=waiting)
    assert found.jobs == 100
    assert found.per_second > 0
    assert found.longest_step > 0


def test_the_programme_prints_what_was_seen_and_the_load(capsys: pytest.CaptureFixture[str]) -> None:
    assert programme.main(["journal", "--jobs", "4", "--photo-kb", "1", "--picture-kb", "1", "--at-once", "2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Load ")
    assert "per second" in said
