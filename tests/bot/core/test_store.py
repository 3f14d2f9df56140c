"""The journal: what it has acknowledged, it keeps."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.core.errors import ConfigError, InvalidTransition, StoreError
from bot.core.jobs import FOLLOWS, UNFINISHED, Job, Place, State
from bot.core.journal import schema
from bot.core.journal import store as module
from bot.core.journal.rows import jobs
from bot.core.journal.rows.promises import Promise
from bot.core.journal.store import Store
from engine.recipe import Recipe, Share

RECIPE = Recipe(styles=(Share("starrynight"),), mode="fine", encoder="slim", size=512, steps=100, seed=7)


def _job(id: str = "a", user: str = "ann", created: float = 1.0, **changes: Any) -> Job:
    place = Place("web", f"room of {user}", {"message": 5})
    return Job(id=id, user=user, place=place, recipe=RECIPE, created=created, **changes)


async def _finish(store: Store, id: str, **changes: Any) -> Job:
    said = dict(recipe=RECIPE, width=64, height=48, seconds=3.0) | changes
    return await store.finish(id, b"picture", **said)


async def test_a_job_comes_back_as_it_was_written_with_its_photo(tmp_path: Path) -> None:
    job = _job(requested=Recipe(styles=RECIPE.styles), cost=20.0)
    async with Store.open(tmp_path / "journal") as store:
        await store.add(job, b"photo")
        await store.add(_job("c"), b"photo", b"style")
    async with Store.open(tmp_path / "journal") as store:
        assert await store.job("a") == job
        assert await store.photo("a") == b"photo"
        assert await store.style("a") is None
        assert await store.style("c") == b"style"
        assert await store.result("a") is None
        assert await store.job("b") is None


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, root: Path) -> None:
    """A process adds jobs and says so; it is killed as soon as it has said five."""
    script = """
import asyncio, sys
from pathlib import Path
from bot.core.journal.rows.promises import Promise
from bot.core.journal.store import Store
from tests.bot.core.test_store import _job
async def main():
    async with Store.open(Path(sys.argv[1])) as store:
        for number in range(10_000):
            await store.add(_job(f"{number}", created=number), b"photo" * 1000 + str(number).encode())
            print(number, flush=True)
asyncio.run(main())
"""
    command = [sys.executable, "-c", script, str(tmp_path / "journal")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    with sqlite3.connect(tmp_path / "journal") as db:
        rows = db.execute("SELECT jobs.id, picture FROM jobs JOIN photos ON photos.job = jobs.id").fetchall()
    db.close()
    kept = {id for id, picture in rows if (tmp_path / "journal-pictures" / picture).stat().st_size == 5000 + len(id)}
    assert {line.strip() for line in said} <= kept


@pytest.mark.parametrize("before", State)
async def test_a_job_moves_only_as_the_states_allow(before: State) -> None:
    async with Store.open(None) as store:
        for after in State:
            await store.add(_job(f"to {after}", state=before), b"photo")
            if after in FOLLOWS[before]:
                assert (await store.move(f"to {after}", after)).state is after
            else:
                with pytest.raises(InvalidTransition):
                    await store.move(f"to {after}", after)
                assert (await store.job(f"to {after}")) == _job(f"to {after}", state=before)


async def test_a_move_changes_other_fields_along() -> None:
    async with Store.open(None) as store:
        await store.add(_job(), b"photo")
        assert (await store.move("a", State.PAINTING, attempts=1)).attempts == 1
        assert (await store.move("a", State.FAILED, message="no")) == await store.job("a")


async def test_a_picture_and_its_state_are_written_together() -> None:
    async with Store.open(None) as store:
        await store.add(_job(), b"photo")
        with pytest.raises(InvalidTransition):
            await _finish(store, "a")
        assert await store.result("a") is None
        assert await store.durations() == []
        await store.move("a", State.PAINTING)
        job = await _finish(store, "a", notes=("first frame only",))
        assert (job.state, job.width, job.height, job.notes) == (State.PAINTED, 64, 48, ("first frame only",))
        assert await store.result("a") == b"picture"
        assert [duration.seconds for duration in await store.durations()] == [3.0]


async def test_unfinished_jobs_come_back_in_the_order_in_which_they_were_accepted() -> None:
    async with Store.open(None) as store:
        for number, state in enumerate(State):
            await store.add(_job(f"late {state}", created=100 + number, state=state), b"photo")
            await store.add(_job(f"early {state}", created=number, state=state), b"photo")
        found = await store.unfinished()
        assert {job.state for job in found} == UNFINISHED
        assert [job.created for job in found] == sorted(job.created for job in found)
        assert len(found) == 2 * len(UNFINISHED)


async def test_a_persons_jobs_come_newest_first() -> None:
    async with Store.open(None) as store:
        for number in range(3):
            await store.add(_job(f"{number}", created=number, state=State.PAINTING), b"photo")
            await _finish(store, f"{number}")
        await store.add(_job("bob's", user="bob"), b"photo")
        assert [job.id for job in await store.jobs_of("ann", 2)] == ["2", "1"]


async def test_pruning_takes_what_is_finished_and_leaves_everything_unfinished() -> None:
    async with Store.open(None) as store:
        for state in State:
            await store.add(_job(f"{state}", state=state), b"photo")
        later = time.time() + 1
        assert await store.prune(later) == len(State) - len(UNFINISHED)
        for state in State:
            kept = state in UNFINISHED
            assert (await store.job(state) is not None) is kept
            assert (await store.photo(state) is not None) is kept


async def test_pruning_keeps_what_is_not_old_enough() -> None:
    async with Store.open(None) as store:
        await store.add(_job(state=State.DELIVERED), b"photo")
        await store.append("room", b"hello")
        assert await store.prune(time.time() - 60) == 0
        assert await store.entries("room") != []


async def test_pruning_empties_rooms_unless_a_picture_is_still_to_come_there() -> None:
    async with Store.open(None) as store:
        await store.add(_job(), b"photo")
        blobs = [await store.put_blob(room, "image/png", b"blob") for room in ("room of ann", "quiet")]
        for room in ("room of ann", "quiet"):
            await store.append(room, b"hello")
            await store.set_setting(room, "style", "greatwave")
        await store.prune(time.time() + 1)
        assert [await store.entries(room) for room in ("room of ann", "quiet")] == [[(1, b"hello")], []]
        assert [await store.blob(blob) for blob in blobs] == [module.Blob("room of ann", "image/png", b"blob"), None]
        assert await store.setting("quiet", "style") == "greatwave"
        assert await store.append("quiet", b"again") > 2, "a number that was used must not come back"


async def test_a_message_and_the_picture_that_it_names_are_kept_together_or_not_at_all() -> None:
    async with Store.open(None) as store:
        blob = module.NewBlob("image/png", b"blob")
        await store.append("room", b"look", blob)
        assert await store.blob(blob.id) == module.Blob("room", "image/png", b"blob")
        with pytest.raises(StoreError):
            await store.append("room", b"look again", blob)
        assert await store.entries("room") == [(1, b"look")]


def _on_disk(folder: Path, text: bytes) -> bool:
    return any(text in file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("secret", [b"my face" * 2000, b"my face"])
async def test_a_deleted_photo_is_gone_from_the_disk(tmp_path: Path, secret: bytes) -> None:
    async with Store.open(tmp_path / "journal") as store:
        await store.add(_job("before"), b"stays")
        await store.add(_job(state=State.DELIVERED), secret, secret)
        await store.add(_job("after"), b"stays, and on the same page if there is room")
        assert _on_disk(tmp_path, b"my face")
        await store.prune(time.time() + 1)
        assert not _on_disk(tmp_path, b"my face")


async def test_a_rooms_entries_are_numbered_and_asked_for_from_a_number_on() -> None:
    async with Store.open(None) as store:
        first = await store.append("room", b"one")
        await store.append("other", b"elsewhere")
        second = await store.append("room", b"two")
        assert second > first
        assert await store.entries("room") == [(first, b"one"), (second, b"two")]
        assert await store.entries("room", after=first) == [(second, b"two")]


async def test_entries_are_replaced_by_one_that_says_so_whose_number_is_new() -> None:
    async with Store.open(None) as store:
        blobs = [await store.put_blob(room, "image/png", b"picture") for room in ("room", "other")]
        kept, gone = await store.append("room", b"kept"), await store.append("room", b"gone")
        elsewhere = await store.append("other", b"elsewhere")
        last = await store.append("room", b"gone too")
        number = await store.replace("room", [gone, last, elsewhere], blobs, b"deleted")
        assert number > last, "or a page that has seen the last one would miss it"
        assert await store.entries("room") == [(kept, b"kept"), (number, b"deleted")]
        assert await store.entries("other") == [(elsewhere, b"elsewhere")]
        assert [await store.blob(blob) for blob in blobs] == [None, module.Blob("other", "image/png", b"picture")]


async def test_settings_belong_to_a_room_and_can_be_forgotten() -> None:
    async with Store.open(None) as store:
        await store.set_setting("room", "style", "starrynight")
        await store.set_setting("room", "style", "greatwave")
        assert await store.setting("room", "style") == "greatwave"
        assert await store.setting("other", "style") is None
        await store.set_setting("room", "style", None)
        assert await store.setting("room", "style") is None


async def test_only_so_many_durations_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DURATIONS_KEPT", 3)
    async with Store.open(None) as store:
        for number in range(5):
            await store.add(_job(f"{number}", state=State.PAINTING), b"photo")
            await _finish(store, f"{number}", seconds=float(number))
        assert [duration.seconds for duration in await store.durations()] == [2.0, 3.0, 4.0]


# --- files that cannot be used ---------------------------------------------------------------------------------------


async def _refused(path: Path) -> str:
    with pytest.raises(ConfigError) as refusal:
        async with Store.open(path):
            pass
    return str(refusal.value)


async def test_a_second_bot_on_the_same_file_is_refused(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        assert "another Impasto is running" in await _refused(tmp_path / "journal")
        await store.add(_job(), b"photo")  # the first one carries on
    async with Store.open(tmp_path / "journal") as store:
        assert await store.job("a")


async def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary, " * 1000)
    assert "damaged or not an Impasto journal" in await _refused(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text().startswith("Dear diary")


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xaa" * 40_000)


@pytest.mark.parametrize("damage", [_cut, _scribble])
async def test_a_damaged_journal_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "journal"
    async with Store.open(path) as store:
        for _ in range(20):
            await store.append("room", os.urandom(20_000))
    damage(path)
    assert "damaged" in await _refused(path)


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "journal", tmp_path):
        assert (await _refused(path)).startswith(f"store.path: {path} cannot be written")


async def test_a_newer_versions_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal"):
        pass
    db = sqlite3.connect(tmp_path / "journal")
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert "newer Impasto" in await _refused(tmp_path / "journal")
    db = sqlite3.connect(tmp_path / "journal")
    assert db.execute("PRAGMA user_version").fetchone() == (99,)
    db.close()


def _as_version(version: int, path: Path) -> None:
    """A journal with one job, as it was after so many migrations."""
    job = _job()
    with closing(sqlite3.connect(path)) as db, db:
        for migrate in schema.MIGRATIONS[:version]:
            migrate(db)
        values = (job.id, job.user, job.place.room, job.state, job.created, time.time(), msgspec.json.encode(job))
        columns = "id, user, room, state, created, moved, job"
        db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        db.execute("INSERT INTO photos VALUES ('a', ?)", (b"photo",))
        db.execute(f"PRAGMA user_version = {version}")


async def test_an_older_versions_journal_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_version(1, tmp_path / "journal")
    async with Store.open(tmp_path / "journal") as store:
        assert await store.job("a") == _job()
        await store.append("room", b"hello")


async def test_a_journal_from_before_styles_were_pictures_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_version(3, tmp_path / "journal")
    async with Store.open(tmp_path / "journal") as store:
        assert (await store.photo("a"), await store.style("a")) == (b"photo", None)
        await store.add(_job("b"), b"photo", b"style")
        assert await store.style("b") == b"style"


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def m999_half(db: sqlite3.Connection) -> None:
        db.execute("DROP TABLE jobs")
        raise sqlite3.OperationalError("no room")

    async with Store.open(tmp_path / "journal") as store:
        await store.add(_job(), b"photo")
    with monkeypatch.context() as later:
        later.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, m999_half])
        assert "no room" in await _refused(tmp_path / "journal")
    async with Store.open(tmp_path / "journal") as store:
        assert await store.job("a") == _job()


async def test_the_journal_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "new" / "journal") as store:
        await store.add(_job(), b"photo")
        for file in (tmp_path / "new").rglob("*"):
            assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file.name


async def test_a_full_disk_is_said_and_forgotten_when_there_is_room_again(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        pages = await store._do(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        await store._do(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
        with pytest.raises(StoreError):
            await store.append("room", bytes(100_000))
        assert "full" in store.trouble
        assert await store.entries("room") == []
        await store._do(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
        await store.append("room", bytes(100_000))
        assert store.trouble == ""


# --- promises --------------------------------------------------------------------------------------------------------


def promise(key: str, **more: Any) -> Promise:
    now = time.time()
    return Promise(**{"key": key, "user": "discord:7", "at": now, "until": now + 900, "asked": b"{}"} | more)


async def test_what_was_promised_is_there_after_a_restart_until_it_is_done(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        await store.promise(promise("discord:1", token="secret", order=True))
        await store.promise(promise("discord:2", token="secret"))
        await store.promise(promise("telegram:1"))
        await store.end_promise("discord:2")
    async with Store.open(tmp_path / "journal") as store:
        (left,) = await store.promises("discord")
    assert (left.key, left.token, left.order) == ("discord:1", "secret", True)
    assert "secret" not in repr(left)


async def test_a_token_that_has_expired_is_gone_from_the_file(tmp_path: Path) -> None:
    """And with it a question, which nobody can answer any more; an order is still to be answered."""
    journal = tmp_path / "journal"
    async with Store.open(journal) as store:
        await store.promise(promise("discord:1", token="secret-of-an-order", order=True, until=time.time() - 1))
        await store.promise(promise("discord:2", token="secret-of-a-question", until=time.time() - 1))
        await store.promise(promise("discord:3", token="still-of-use"))
        await store.prune(time.time() - 3600)
        assert [(left.key, left.token) for left in await store.promises("discord")] == [
            ("discord:1", ""),
            ("discord:3", "still-of-use"),
        ]
    assert b"secret-of" not in journal.read_bytes()


async def test_what_was_promised_to_somebody_is_forgotten_with_them() -> None:
    async with Store.open(None) as store:
        await store.promise(promise("discord:1"))
        await store.promise(promise("discord:2", user="discord:8"))
        await store.forget("discord:7", "")
        assert [left.key for left in await store.promises("discord")] == ["discord:2"]
