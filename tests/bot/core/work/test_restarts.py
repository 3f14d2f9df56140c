"""A job accepted is a job answered: the bot stops, the power fails, the disk is full."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import StoreError
from bot.core.jobs import Job, State
from bot.core.journal.store import Store
from bot.core.studio import INTERRUPTIONS
from engine import recipe as recipes
from tests.harness import (
    GALLERY,
    ChatDouble,
    as_the_power_fails,
    bot,
    crashes,
    fails,
    message,
    waits,
)


def _recipe(text: str = "starrynight") -> recipes.Recipe:
    return recipes.parse(text, GALLERY)


async def test_stopping_the_bot_loses_no_picture_and_no_attempt(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        running, waiting = await it.order(photo=b"running"), await it.order(photo=b"waiting")
        await it.engine.started(running.id)
    async with Store.open(tmp_path / "journal") as store:
        assert [(job.state, job.attempts) for job in await store.unfinished()] == [(State.QUEUED, 0)] * 2
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(running.id, waiting.id)
        assert it.engine.painted == ["running", "waiting"]
        assert len(it.chat.delivered) == 2


async def test_a_power_cut_in_mid_painting_costs_only_time(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        running, waiting = await it.order(photo=b"running"), await it.order(photo=b"waiting")
        await it.engine.started(running.id)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
    async with bot(path=copy) as it:
        await it.chat.answered(running.id, waiting.id)
        await it.until_state(running.id, State.DELIVERED)
        assert it.engine.painted == ["running", "waiting"]


async def test_a_picture_in_ones_own_style_is_painted_after_a_restart(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order("/stylize mine", style=b"tiles")
        await it.engine.started(job.id)
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(job.id)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(b"cat", b"tiles")]


async def _goes_down_while_painting(folder: Path, times: int) -> tuple[Path, Job]:
    """A journal and its one job, after so many power cuts in the middle of it."""
    journal = folder / "0"
    async with bot(waits, path=journal) as it:
        job = await it.order()
        await it.engine.started(job.id)
        journal = as_the_power_fails(journal, folder / "1")
    for number in range(2, times + 1):
        async with bot(waits, path=journal) as it:
            await it.engine.started(job.id)
            journal = as_the_power_fails(journal, folder / f"{number}")
    return journal, job


async def test_power_cuts_are_not_the_photos_fault(tmp_path: Path) -> None:
    journal, job = await _goes_down_while_painting(tmp_path, INTERRUPTIONS - 1)
    async with bot(crashes, path=journal) as it:
        await it.until_state(job.id, State.DELIVERED)


async def test_a_photo_that_takes_the_bot_down_again_and_again_is_given_up(tmp_path: Path) -> None:
    journal, poison = await _goes_down_while_painting(tmp_path, INTERRUPTIONS)
    async with bot(path=journal) as it:
        await it.until_state(poison.id, State.NOTIFIED)
        assert it.engine.painted == []
        assert "given up" in it.chat.notified[0][1]


async def test_a_power_cut_between_painted_and_delivered_delivers_once_after_the_restart(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal") as it:
        it.chat.answers_open.clear()
        job = await it.order()
        await it.until_state(job.id, State.PAINTED)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
        assert it.chat.delivered == []
    for _ in range(2):  # the second restart finds nothing left to do
        async with bot(path=copy, chat=it.chat) as later:
            later.chat.answers_open.set()
            await later.until_state(job.id, State.DELIVERED)
            assert later.engine.painted == []
    assert [(id, result.picture) for id, result in it.chat.delivered] == [(job.id, b"picture of cat")]


async def test_a_power_cut_between_failed_and_told_tells_after_the_restart(tmp_path: Path) -> None:
    async with bot(fails("refused", "That is no photo."), path=tmp_path / "journal") as it:
        it.chat.answers_open.clear()
        job = await it.order()
        await it.until_state(job.id, State.FAILED)
    async with bot(path=tmp_path / "journal") as it:
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, "That is no photo.")]


async def test_a_cancelled_picture_stays_cancelled_after_a_restart(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order()
        await it.engine.started(job.id)
        await it.studio.cancel("ann", job.id)
        copy = as_the_power_fails(tmp_path / "journal", tmp_path / "copy")
    async with bot(path=copy) as it:
        after = await it.order(photo=b"after")
        await it.chat.answered(after.id)
        assert it.engine.painted == ["after"]


async def test_answers_for_a_chat_that_is_switched_off_wait_until_it_is_back(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        job = await it.order()
    async with bot(path=tmp_path / "journal", chat=ChatDouble("telegram")) as it:
        assert await it.studio.status(job.id) is not None
        assert [waiting.id for waiting in await it.store.unfinished()] == [job.id]
    async with bot(path=tmp_path / "journal") as it:
        await it.chat.answered(job.id)


async def test_an_asker_whose_connection_goes_away_in_the_middle_leaves_a_whole_order_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bot() as it:
        await it.order()
        add, on_its_way = it.store.add, asyncio.Event()

        async def noticed(*order: Any) -> Job:
            on_its_way.set()
            return await add(*order)

        monkeypatch.setattr(it.store, "add", noticed)
        asking = asyncio.create_task(it.studio.accept(message("bob", b"dog"), _recipe()))
        await on_its_way.wait()
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        await it.chat.until(lambda: b"picture of dog" in [result.picture for _, result in it.chat.delivered])


async def test_a_disk_that_is_full_for_a_while_stops_the_line_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bot() as it:
        finish, refused = it.store.finish, 0

        async def full(*args: object, **said: object) -> Job:
            nonlocal refused
            if refused < 3:
                refused += 1
                raise StoreError("The disk is full.")
            return await finish(*args, **said)  # type: ignore[arg-type]

        monkeypatch.setattr(it.store, "finish", full)
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert refused == 3
        assert len(it.chat.delivered) == 1


async def test_a_delivery_that_could_not_be_noted_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bot() as it:
        move, refused = it.store.move, 0

        async def full(id: str, state: State, **changes: object) -> Job:
            nonlocal refused
            if state is State.DELIVERED and refused < 3:
                refused += 1
                raise StoreError("The disk is full.")
            return await move(id, state, **changes)

        monkeypatch.setattr(it.store, "move", full)
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert (it.chat.tries, refused) == (1, 3)
