"""A journal that version 0.1.0 wrote opens in this one, with everything that was in it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.core.jobs import UNFINISHED, State
from bot.core.journal.store import JobMessage, Store

WRITTEN = Path(__file__).parents[2] / "data" / "version-0.1.0" / "journal.sqlite3"
RENAMED = {"once": "idempotency_key", "said": "requested"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(WRITTEN, tmp_path / "journal.sqlite3"))


@pytest.fixture
def before(tmp_path: Path) -> sqlite3.Connection:
    """The same file, not upgraded."""
    copy = shutil.copyfile(WRITTEN, tmp_path / "before.sqlite3")
    with closing(sqlite3.connect(copy)) as db:
        yield db


def _rows(db: sqlite3.Connection, query: str) -> list[Any]:
    return db.execute(query).fetchall()


async def test_every_job_is_there_with_its_pictures(journal: Path, before: sqlite3.Connection) -> None:
    async with Store.open(journal) as store:
        for id, text in _rows(before, "SELECT id, job FROM jobs"):
            old, job = json.loads(text), await store.job(id)
            assert job is not None
            state = "notified" if old["state"] == "told" else old["state"]
            assert (job.state, job.user, job.place.chat) == (state, old["user"], old["place"]["chat"])
            assert job.place.address == old["place"]["address"]
            assert job.idempotency_key == old["once"]
            assert job.requested is not None
            assert [share.name for share in job.requested.styles] == [s["name"] for s in old["said"]["styles"]]
            assert [await store.photo(id)] == [
                row[0] for row in _rows(before, f"SELECT data FROM photos WHERE job = '{id}'")
            ]
            if job.idempotency_key:
                assert await store.job_by_key(job.idempotency_key) == job


async def test_what_was_unfinished_is_still_to_be_done(journal: Path) -> None:
    async with Store.open(journal) as store:
        unfinished = await store.unfinished()
    assert {job.state for job in unfinished} == UNFINISHED
    assert len(unfinished) == 14
    assert sorted(job.id for job in unfinished if job.state is State.PAINTING) == ["dscpng22", "tgmpng22", "webpng22"]


async def test_the_message_of_a_job_is_still_known(journal: Path) -> None:
    expected = {
        "tgmdvd23": "album",  # a part of an album
        "tgmdvd22": "",
        "dscdvd22": "follow_up",  # the answer to an interaction
        "dscdvd23": "",
    }
    async with Store.open(journal) as store:
        found = {id: await store.job_message(id) for id in expected}
        assert {id: message.kind for id, message in found.items() if message} == expected
        replaced, gone = await store.job_message("tgmdvd27"), await store.job_message("tgmgne22")
        assert replaced == JobMessage(message=7)
        assert gone is None
        answered = await store.job_message("dscdvd22")
        assert answered == JobMessage(message=1551605589606400023, kind="follow_up", answered=True)


async def test_a_jobs_message_goes_with_its_job_and_not_before(journal: Path) -> None:
    """Kept as entries, the messages of waiting jobs were pruned, and such a job was posted twice."""
    async with Store.open(journal) as store:
        await store.prune(before=4e9)
        for job in await store.unfinished():
            if job.place.chat != "web" and job.state is not State.QUEUED:
                assert await store.job_message(job.id) is not None, job.id
        assert await store.job_message("dscdvd22") is None


async def test_no_invented_room_is_left(journal: Path) -> None:
    async with Store.open(journal):
        pass
    with closing(sqlite3.connect(journal)) as db:
        rooms = {row[0] for row in _rows(db, "SELECT DISTINCT room FROM entries")}
    assert not {room for room in rooms if room.startswith(("telegram message of ", "discord:job:"))}


async def test_settings_rooms_and_durations_are_as_they_were(journal: Path, before: sqlite3.Connection) -> None:
    web = [room for (room,) in _rows(before, "SELECT DISTINCT room FROM entries WHERE length(room) = 32")]
    assert len(web) == 2
    async with Store.open(journal) as store:
        for room, key, value in _rows(before, "SELECT room, key, value FROM settings"):
            assert await store.setting(room, key) == value
        for room in web:
            old = [row[0] for row in _rows(before, f"SELECT seq FROM entries WHERE room = '{room}' ORDER BY seq")]
            assert [number for number, _ in await store.entries(room)] == old
        assert len(await store.durations()) == 25
