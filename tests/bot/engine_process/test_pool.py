"""Several processes as one engine, and the parts of the machine that they have."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from bot.core.engine import Taken
from bot.core.errors import EngineError
from bot.engine_process.pool import Part, Pool, cards, parts
from engine import wire
from engine.recipe import More, Recipe
from tests.bot.engine_process.harness import FAULTY, RECIPE, Watched, order, pid_of


@asynccontextmanager
async def pool(*starts: str) -> AsyncIterator[tuple[Pool, list[Watched]]]:
    members = [Watched(sys.executable, FAULTY, start) for start in starts]
    async with Pool(members) as engine:
        yield engine, members


async def events_of(engine: Pool, photo: str, job: str, *, quick: bool = False) -> list[Taken | wire.Event]:
    return [event async for event in engine.run(order(photo, job, quick=quick))]


async def until_at(*places: tuple[Watched, str]) -> None:
    for member, job in places:
        await member.until_turn(job)


async def test_two_long_jobs_are_painted_at_once_and_the_third_waits_for_the_first_that_is_free() -> None:
    async with pool("well", "well") as (engine, members):
        for member in members:
            await member.until("started", "ready")
        first, second = [asyncio.create_task(events_of(engine, "patient", job)) for job in ("one", "two")]
        await until_at((members[0], "one"), (members[1], "two"))
        assert [worker.state for worker in engine.workers] == ["busy", "busy"]
        third = asyncio.create_task(events_of(engine, "well", "three"))
        await engine.cancel("two")
        assert isinstance((await third)[-1], wire.Done)
        assert (await second)[-1] == wire.Failed("two", "cancelled", "Cancelled.")
        assert not first.done()
        await engine.cancel("one")
        await first


async def test_a_quick_job_goes_to_who_is_idle() -> None:
    async with pool("well", "well") as (engine, members):
        for member in members:
            await member.until("started", "ready")
        long = asyncio.create_task(events_of(engine, "patient", "long"))
        await members[0].until_turn("long")
        quick = asyncio.create_task(events_of(engine, "patient", "quick", quick=True))
        await members[1].until_turn("quick")
        for job in ("long", "quick"):
            await engine.cancel(job)
        await asyncio.gather(long, quick)


async def test_one_worker_that_dies_does_not_touch_the_others_job_and_is_back_for_the_next() -> None:
    async with pool("well", "well") as (engine, members):
        for member in members:
            await member.until("started", "ready")
        long = asyncio.create_task(events_of(engine, "patient", "long"))
        await members[0].until_turn("long")
        with pytest.raises(EngineError, match="in the middle of this picture"):
            await events_of(engine, "crash", "poison")
        assert not long.done()
        assert isinstance((await events_of(engine, "well", "next"))[-1], wire.Done)
        await engine.cancel("long")
        await long


async def test_a_worker_that_cannot_start_is_given_nothing_while_another_can() -> None:
    async with pool("dies", "well") as (engine, members):
        for member in members:
            await member.introduced()
        for number in range(3):
            assert isinstance((await events_of(engine, "well", f"job {number}"))[-1], wire.Done)
        assert [worker.state for worker in engine.workers] == ["restarting", "idle"]


async def test_where_none_can_start_a_job_is_told_so() -> None:
    async with pool("dies", "dies") as (engine, _):
        await engine.introduced()
        with pytest.raises(EngineError, match="does not start"):
            await events_of(engine, "well", "job")


async def test_a_job_that_waits_for_room_ends_with_the_pool() -> None:
    async with pool("well") as (engine, members):
        first = asyncio.create_task(events_of(engine, "patient", "one"))
        await members[0].until_turn("one")
        waiting = asyncio.create_task(events_of(engine, "well", "two"))
        await asyncio.sleep(0)
    for task in (first, waiting):
        with pytest.raises(EngineError, match="shutting down"):
            await task


async def test_what_goes_on_is_given_to_who_painted_what_it_goes_on_from() -> None:
    async def painter_of(recipe: Recipe, job: str) -> int:
        paint = msgspec.structs.replace(order("well", job), recipe=recipe)
        return pid_of([event async for event in engine.run(paint)])

    begun = msgspec.structs.replace(RECIPE, mode="fine", size=768, seed=7)
    more = msgspec.structs.replace(begun, size=640, then=(More(100),))  # the size that it was painted at
    async with pool("well", "well") as (engine, members):
        for member in members:
            await member.until("started", "ready")
        long = asyncio.create_task(events_of(engine, "patient", "long"))
        await members[0].until_turn("long")
        assert await painter_of(begun, "begun") == members[1].pid
        await engine.cancel("long")
        await long
        assert [worker.state for worker in engine.workers] == ["idle", "idle"]
        assert await painter_of(more, "more") == members[1].pid
        assert await painter_of(msgspec.structs.replace(more, seed=8), "another") == members[0].pid
        long = asyncio.create_task(events_of(engine, "patient", "long"))
        await members[0].until_turn("long")
        longer = asyncio.create_task(events_of(engine, "patient", "longer"))
        await members[1].until_turn("longer")
        await engine.cancel("long")
        assert await painter_of(more, "anew") == members[0].pid, "who has it is busy"
        await engine.cancel("longer")
        await asyncio.gather(long, longer)


def test_the_cores_are_shared_out_in_equal_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(7)))
    assert parts(1, "cpu", 0, {}) == [Part("1", 0)]
    assert parts(3, "cpu", 0, {}) == [Part("1", 2), Part("2", 2), Part("3", 2)]
    assert parts(2, "cpu", 5, {}) == [Part("1", 5), Part("2", 5)]


def test_every_worker_has_a_card_and_more_workers_than_cards_share_them() -> None:
    seen = {"CUDA_VISIBLE_DEVICES": "4,GPU-7"}
    assert [part.card for part in parts(3, "auto", 0, seen)] == ["4", "GPU-7", "4"]
    assert {part.card for part in parts(3, "cpu", 1, seen)} == {""}


def test_several_workers_share_a_card_and_each_knows_how_many() -> None:
    seen = {"CUDA_VISIBLE_DEVICES": "4,GPU-7"}
    shared = parts("auto", "auto", 0, seen, per_card=2)
    assert [(part.card, part.share) for part in shared] == [("4", 2), ("GPU-7", 2), ("4", 2), ("GPU-7", 2)]
    assert [(part.card, part.share) for part in parts(3, "auto", 0, seen)] == [("4", 2), ("GPU-7", 1), ("4", 2)]
    assert [part.card for part in parts("auto", "cuda", 0, {"CUDA_VISIBLE_DEVICES": "0"}, per_card=3)] == ["0"] * 3
    assert len(parts("auto", "cpu", 0, seen, per_card=3)) == 1


def test_the_cards_are_those_that_the_system_has_unless_somebody_chose(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert cards({}, tmp_path) == ["0", "1"]
    assert cards({"CUDA_VISIBLE_DEVICES": ""}, tmp_path) == []
    assert cards({}, tmp_path / "nothing") == []
