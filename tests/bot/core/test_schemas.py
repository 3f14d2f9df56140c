"""A journal of every schema that there has been opens in this version, and one of a later version does not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.core.jobs import UNFINISHED, Job
from bot.core.journal import schema
from bot.core.journal.schema import MIGRATIONS
from bot.core.journal.store import JobMessage, Store
from tests import journals
from tests.journals import FOLDER, GROUP, IN_ROOM, PICTURE, ROOM, STATES, WITH_RESULT, WITH_STYLE, bytes_of, restored

VERSIONS = sorted(int(path.stem.removeprefix("schema-")) for path in FOLDER.glob("*.sql"))


def test_there_is_a_journal_of_every_schema_before_this_one() -> None:
    missing = set(range(1, len(MIGRATIONS))) - set(VERSIONS)
    assert not missing, f"see tests/journals.py: git stash, python -m tests.journals, git stash pop, for {missing}"


@pytest.mark.parametrize("version", VERSIONS)
async def test_its_jobs_are_there_with_their_pictures(version: int, tmp_path: Path) -> None:
    async with Store.open(restored(version, tmp_path / "journal.sqlite3")) as store:
        for number, (id, state) in enumerate(STATES.items(), 1):
            job = await store.job(id)
            assert isinstance(job, Job), id
            assert job.state == state
            assert job.user.endswith(":4711")
            assert job.created == journals.AT + number
            assert [share.name for share in job.recipe.styles] == ["starrynight"]
            assert (job.recipe.strength, job.recipe.seed) == (60, 7)
            assert job.requested == journals.RECIPE
            assert await store.photo(id) == bytes_of("photo", id)
            assert await store.result(id) == (bytes_of("result", id) if id in WITH_RESULT else None)
            assert await store.style(id) == (bytes_of("style", id) if version >= 4 and id in WITH_STYLE else None)
            if version >= 3:
                assert job.idempotency_key
                assert await store.job_by_key(job.idempotency_key) == job
        assert {job.id for job in await store.unfinished()} == {id for id in STATES if STATES[id] in UNFINISHED}
        assert len(await store.durations()) == len(WITH_RESULT)
        assert store.damaged == 0


@pytest.mark.parametrize("version", [version for version in VERSIONS if version >= 2])
async def test_its_rooms_messages_and_settings_are_there(version: int, tmp_path: Path) -> None:
    async with Store.open(restored(version, tmp_path / "journal.sqlite3")) as store:
        assert await store.setting(GROUP, "style") == "greatwave"
        assert [number for number, _ in await store.entries(ROOM)] == [1, 2]
        blob = await store.blob(PICTURE)
        assert blob
        assert (blob.room, blob.data) == (ROOM, IN_ROOM)
        assert await store.job_message("teldvd22") == JobMessage(message=41, answered=version >= 6)
        assert await store.job_message("telpng22") == JobMessage(message=42)
        assert [one.browser for one in await store.sign_ins()] == (["Firefox"] if version >= 9 else [])
        assert await store.append(ROOM, b"{}") > 2


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_can_be_worked_with_and_swept(version: int, tmp_path: Path) -> None:
    path = restored(version, tmp_path / "journal.sqlite3")
    async with Store.open(path) as store:
        assert await store.prune(before=4e9) == 2  # delivered and cancelled
        assert await store.photo("teldvd22") is None
        assert await store.photo("webque22") == bytes_of("photo", "webque22")
    async with Store.open(path) as store:
        assert len(await store.unfinished()) == 4
    kept = {file.read_bytes() for file in path.with_name(f"{path.name}-pictures").iterdir()}
    unfinished = {bytes_of("photo", id) for id in STATES if STATES[id] in UNFINISHED}
    assert unfinished <= kept
    assert bytes_of("photo", "teldvd22") not in kept


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_ends_up_with_the_tables_of_a_new_one(version: int, tmp_path: Path) -> None:
    old, new = restored(version, tmp_path / "old.sqlite3"), tmp_path / "new.sqlite3"
    columns = []
    for path in (old, new):
        async with Store.open(path):
            pass
        with closing(sqlite3.connect(path)) as db:
            sql = 'SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_master m, pragma_table_info(m.name) c'
            columns.append(sorted(db.execute(sql)))
            assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert columns[0] == columns[1]


@pytest.mark.parametrize("behind", [1, 4])
async def test_an_older_program_refuses_it_and_leaves_it_as_it_is(
    behind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = restored(VERSIONS[-1], tmp_path / "journal.sqlite3")
    before = journals.dumped(path)
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[: VERSIONS[-1] - behind])
    with pytest.raises(ConfigError) as refused:
        async with Store.open(path):
            pass
    expected = "store.path: the journal was written by a newer Impasto. Update this one, or move it away."
    assert str(refused.value) == expected
    assert journals.dumped(path) == before


async def test_a_new_dump_opens_like_the_others(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal.sqlite3") as store:
        await journals.fill(store)
    text = journals.dumped(tmp_path / "journal.sqlite3")
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(text)
        assert dict(db.execute("SELECT id, state FROM jobs")) == STATES
