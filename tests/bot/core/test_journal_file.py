"""The journal's file and the pictures beside it: what a crash, a full disk, a stranger or the years do to them."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import ConfigError, LimitReached, StoreError
from bot.core.jobs import Job, Place, State
from bot.core.journal.rows.albums import Mark
from bot.core.journal.store import Blob, Store
from bot.core.journal.sweep import Quota
from bot.core.journal.visit import rows
from engine.recipe import Recipe, Share

RECIPE = Recipe(styles=(Share("starrynight"),), mode="fine", encoder="slim", size=512, steps=100, seed=7)


def _job(id: str = "a", user: str = "ann", **changes: Any) -> Job:
    return Job(id=id, user=user, place=Place("web", f"room of {user}"), recipe=RECIPE, created=1.0, **changes)


def _pictures(folder: Path) -> int:
    return len(list((folder / "journal-pictures").iterdir()))


# --- pictures --------------------------------------------------------------------------------------------------------


async def test_a_picture_is_kept_once_however_many_have_it_and_goes_with_the_last(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        for id in ("a", "b"):
            await store.add(_job(id, state=State.DELIVERED), b"photo", b"photo")
        blob = await store.put_blob("room", "image/png", b"photo")
        assert _pictures(tmp_path) == 1
        assert await store.delete("a")
        assert await store.photo("b") == b"photo"
        assert await store.delete("b")
        assert await store.blob(blob) == Blob("room", "image/png", b"photo")
        await store.replace("room", [], [blob], b"deleted")
        assert _pictures(tmp_path) == 0


async def test_what_a_crash_left_behind_is_gone_with_the_next_start(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        await store.add(_job(), b"photo")
    for name in ("0" * 64, "1" * 64 + ".part", "somebody's notes"):
        (tmp_path / "journal-pictures" / name).write_bytes(b"left behind")
    async with Store.open(tmp_path / "journal") as store:
        assert _pictures(tmp_path) == 2, "the picture, and what is not ours"
        assert await store.photo("a") == b"photo"


def _set_aside(folder: Path) -> Path:
    [aside] = folder.glob("journal-pictures-*")
    return aside


async def test_pictures_of_a_journal_that_was_moved_away_without_them_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Store.open(tmp_path / "journal") as store:
        await store.add(_job(), b"photo")
    (tmp_path / "journal").rename(tmp_path / "moved")
    async with Store.open(tmp_path / "journal") as store:
        assert _pictures(tmp_path) == 0
        await store.add(_job("b"), b"another photo")
    aside = _set_aside(tmp_path)
    assert str(aside) in caplog.text
    aside.rename(tmp_path / "moved-pictures")
    async with Store.open(tmp_path / "moved") as store:
        assert await store.photo("a") == b"photo"


async def test_a_picture_that_is_not_what_it_was_is_none(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        await store.add(_job(), b"photo")
        [file] = (tmp_path / "journal-pictures").iterdir()
        file.write_bytes(b"phot0")
        assert await store.photo("a") is None
        file.unlink()
        assert await store.photo("a") is None
        await store.add(_job("b"), b"photo")
        assert await store.photo("a") == b"photo"


async def test_a_disk_too_full_for_a_picture_takes_neither_the_job_nor_half_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with Store.open(tmp_path / "journal") as store:
        with monkeypatch.context() as disk:
            disk.setattr("bot.core.journal.pictures.os.fsync", full)
            with pytest.raises(StoreError):
                await store.add(_job(), b"photo")
        assert "No space left" in store.trouble
        assert await store.job("a") is None
        assert _pictures(tmp_path) == 0
        await store.add(_job(), b"photo")
        assert await store.photo("a") == b"photo"
        assert store.trouble == ""


async def test_the_file_of_the_journal_becomes_smaller_when_much_is_deleted(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        for _ in range(20):
            await store.append("room", os.urandom(40_000))
        await store.prune(time.time() + 1)
        assert (tmp_path / "journal").stat().st_size < 200_000


# --- room ------------------------------------------------------------------------------------------------------------


async def test_a_persons_oldest_finished_pictures_make_room_for_the_next() -> None:
    async with Store.open(None, Quota(person=100)) as store:
        await store.add(_job("old", state=State.DELIVERED), b"1" * 33)
        await store.add(_job("waits"), b"2" * 33)
        await store.add(_job("new", state=State.DELIVERED), b"3" * 33)
        await store.add(_job("bob's", user="bob"), b"4" * 90)
        await store.add(_job("next"), b"5" * 33)
        kept = {id for id in ("old", "waits", "new", "bob's", "next") if await store.job(id)}
        assert kept == {"waits", "new", "bob's", "next"}


async def test_an_order_is_refused_where_unfinished_pictures_take_all_the_room() -> None:
    async with Store.open(None, Quota(person=100, total=150)) as store:
        await store.add(_job("a"), b"1" * 90)
        with pytest.raises(LimitReached, match="all the room that one person has"):
            await store.add(_job("b"), b"2" * 20)
        with pytest.raises(LimitReached, match="storage is full"):
            await store.add(_job("c", user="bob"), b"3" * 80)
        await store.add(_job("d", user="bob"), b"4" * 50)
        assert [job.id for job in await store.unfinished()] == ["a", "d"]


async def test_in_all_the_oldest_make_room_and_an_answer_always_gets_some() -> None:
    async with Store.open(None, Quota(total=100)) as store:
        await store.add(_job("old", state=State.DELIVERED), b"1" * 40)
        page = await store.put_blob("page", "image/png", b"2" * 40)
        await store.add(_job("new", user="bob"), b"3" * 50)
        assert await store.job("old") is None
        assert await store.blob(page) is not None
        answer = await store.put_blob("room of bob", "image/png", b"4" * 90)
        assert await store.blob(page) is None
        assert await store.blob(answer) is not None
        assert await store.photo("new") is not None


async def test_settings_of_a_room_expire_with_its_last_use() -> None:
    async with Store.open(None) as store:
        for room in ("used", "left"):
            await store.set_setting(room, "style", "greatwave")
        await store._do(lambda db: db.execute("UPDATE settings SET used = used - 90 * 24 * 3600"))
        assert await store.setting("used", "style") == "greatwave"
        await store.prune(time.time() + 100 * 24 * 3600)
        assert await store.setting("used", "style") == "greatwave"
        assert await store.setting("left", "style") is None


# --- what else may happen to it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [b"", b'{"id": "a"}', b"\xff"])
async def test_a_job_that_cannot_be_read_is_put_aside_and_the_others_are_there(tmp_path: Path, garbage: bytes) -> None:
    async with Store.open(tmp_path / "journal") as store:
        for id in ("a", "b"):
            await store.add(_job(id, idempotency_key=id), b"photo")
        await store._do(lambda db: db.execute("UPDATE jobs SET job = ? WHERE id = 'a'", (garbage,)))
    async with Store.open(tmp_path / "journal") as store:
        for _ in range(2):
            assert [job.id for job in await store.unfinished()] == ["b"]
            assert store.damaged == 1
        assert await store.job("a") is None
        await store.prune(time.time() + 1)
        await store.unfinished()
        assert store.damaged == 0


async def test_a_journal_that_was_deleted_or_replaced_takes_no_more_orders(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with Store.open(path) as store:
        await store.add(_job("a"), b"photo")
        path.rename(tmp_path / "moved")
        for _ in range(2):
            assert "deleted or replaced" in store.trouble
            with pytest.raises(StoreError, match="cannot be written at the moment"):
                await store.add(_job("b"), b"photo")
            path.write_bytes(b"another")
        assert await store.photo("a") == b"photo", "what was accepted is still painted"
        (tmp_path / "moved").replace(path)
        assert store.trouble == ""


async def test_jobs_can_be_listed_while_a_bot_works_with_them(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with Store.open(path) as store:
        await store.add(_job("a"), b"photo")
        assert [(row.id, row.state) for row in rows(path)] == [("a", "queued")]
        await store.move("a", State.PAINTING)
        assert [(row.id, row.state) for row in rows(path)] == [("a", "painting")]
    assert [(row.id, row.state) for row in rows(path)] == [("a", "painting")]
    with pytest.raises(ConfigError, match="there is no journal"):
        rows(tmp_path / "nothing")


async def test_of_the_pages_pictures_those_that_are_starred_go_last(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal", Quota(total=250)) as store:
        starred = await store.put_blob("room", "image/png", b"1" * 100)
        await store.mark(starred, Mark(starred=True))
        other = await store.put_blob("room", "image/png", b"2" * 100)
        third = await store.put_blob("room", "image/png", b"3" * 100)
        assert [bool(await store.blob(id)) for id in (starred, other, third)] == [True, False, True]
        await store.put_blob("room", "image/png", b"4" * 240)
        assert await store.blob(starred) is None, "where there is no other room"
