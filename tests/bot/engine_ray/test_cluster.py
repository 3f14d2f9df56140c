"""A real Ray cluster: two painters on two machines, and everything that can be killed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.core.engine import Taken
from bot.core.errors import EngineError, Interrupted
from bot.core.jobs import State
from bot.engine_ray import frames
from bot.engine_ray.report import by_node
from engine import wire
from engine.recipe import More
from tests.bot.engine_process.harness import RECIPE
from tests.bot.engine_ray.conftest import TIMINGS
from tests.bot.engine_ray.harness import (
    FAULTY,
    Going,
    WatchedEngine,
    add_machine,
    drain,
    kill,
    machine_of,
    parent,
    until_ended,
    with_ray,
)
from tests.harness import Bot, ChatDouble, assembled, at_work
from tests.waiting import eventually

pytestmark = [with_ray, pytest.mark.asyncio(loop_scope="module")]


async def two_at_work(engine: WatchedEngine, rest: Path) -> tuple[Going, Going]:
    """Both painters have a long job, which ends when the file is there."""
    await engine.until_staffed(2)
    going = engine.paint(f"between {rest}", "one"), engine.paint(f"between {rest}", "two")
    for job in going:
        await job.painter()
    return going


async def test_what_a_painter_says_arrives_and_a_picture_of_megabytes_is_whole(engine: WatchedEngine) -> None:
    photo = "well " + "x" * 3_000_000
    job = engine.paint(photo, "large")
    done = await job.end()
    assert isinstance(done, wire.Done)
    assert done.picture == photo.encode()
    assert isinstance(job.events[0], Taken)
    assert [type(event) for event in job.events].count(wire.Done) == 1


@pytest.mark.parametrize("size", [1_000, 60_000, 300_000])
async def test_however_a_picture_travels_its_news_arrive_in_order(engine: WatchedEngine, size: int) -> None:
    """With the call, beside other news, or through the store that machines share."""
    photo = "well " + "x" * size
    job = engine.paint(photo, f"{size} bytes")
    done = await job.end()
    assert isinstance(done, wire.Done)
    assert done.picture == photo.encode()
    assert await job.engine_process(), "what was said before the end has come before it"


async def test_two_machines_have_one_worker_each_and_say_so(engine: WatchedEngine) -> None:
    await engine.until_staffed(2)
    assert engine.ready
    assert engine.encoder == engine.ready.encoder == "full"
    assert len({worker.name for worker in engine.workers}) == 2
    assert all(worker.node for worker in engine.workers)
    assert "2 idle" in " ".join(by_node(engine.workers))  # two machines of a test have one address


async def test_a_quick_picture_is_painted_between_the_steps_of_long_ones(
    engine: WatchedEngine, tmp_path: Path
) -> None:
    going = await two_at_work(engine, tmp_path / "rest")
    quick = engine.paint("well", "quick", quick=True)
    assert isinstance(await quick.end(), wire.Done)
    assert await quick.painter() in {await job.painter() for job in going}
    assert not any(job.done for job in going)
    (tmp_path / "rest").touch()
    for job in going:
        assert isinstance(await job.end(), wire.Done)


async def test_what_goes_on_is_given_to_who_painted_what_it_goes_on_from(
    engine: WatchedEngine, tmp_path: Path
) -> None:
    begun = msgspec.structs.replace(RECIPE, mode="fine", size=768, seed=7)
    more = msgspec.structs.replace(begun, size=640, then=(More(100),))  # the size that it was painted at
    await engine.until_staffed(2)
    beside = engine.paint(f"between {tmp_path / 'rest'}", "beside")
    first = await beside.painter()
    original = engine.paint("well", "begun", recipe=begun)
    await original.end()
    assert (second := await original.painter()) != first
    (tmp_path / "rest").touch()
    await beside.end()
    for number in range(3):
        await engine.until_staffed(2)
        further = engine.paint("well", f"more {number}", recipe=more)
        await further.end()
        assert await further.painter() == second
    await engine.until_staffed(2)
    other = engine.paint("well", "another", recipe=msgspec.structs.replace(more, seed=8))
    await other.end()
    assert await other.painter() == first, "nobody has that one"


async def test_a_picture_is_given_up_between_two_steps(engine: WatchedEngine) -> None:
    job = engine.paint("patient", "unwanted")
    process = await job.engine_process()
    await engine.cancel("unwanted")
    assert await job.end() == wire.Failed("unwanted", "cancelled", "Cancelled.")
    after = [engine.paint("well", f"after {number}") for number in range(2)]
    for again in after:
        await again.end()
    assert process in [await again.engine_process() for again in after], "nothing had to be killed"


async def test_an_engine_that_crashes_costs_nobody_elses_picture(engine: WatchedEngine, tmp_path: Path) -> None:
    await engine.until_staffed(2)
    long = engine.paint(f"between {tmp_path / 'rest'}", "long")
    await long.painter()
    with pytest.raises(EngineError, match="in the middle of this picture") as caught:
        await engine.paint("crash", "poison").end()
    assert not isinstance(caught.value, Interrupted)
    assert not long.done
    (tmp_path / "rest").touch()
    assert isinstance(await long.end(), wire.Done)
    assert engine.happened["crashed"] >= 1


async def test_a_painter_that_is_killed_is_replaced_and_only_the_picture_that_it_was_at_is_suspect(
    engine: WatchedEngine, tmp_path: Path
) -> None:
    one, two = await two_at_work(engine, tmp_path / "rest")
    quick = engine.paint("patient", "quick", quick=True)
    victim = await quick.painter()
    beside, apart = (one, two) if await one.painter() == victim else (two, one)
    kill(victim)
    with pytest.raises(Interrupted):
        await beside.end()
    with pytest.raises(EngineError) as caught:
        await quick.end()
    assert not isinstance(caught.value, Interrupted)
    assert not apart.done
    (tmp_path / "rest").touch()
    assert isinstance(await apart.end(), wire.Done)
    await engine.until_staffed(2)


async def test_a_job_whose_painter_is_killed_is_answered_once(engine: WatchedEngine, tmp_path: Path) -> None:
    await engine.until_staffed(2)
    chat = ChatDouble()
    async with assembled(engine, path=tmp_path / "journal.sqlite3") as services:
        services.studio.add_chat(chat)
        async with at_work(services):
            bot = Bot(services, engine, chat)  # type: ignore[arg-type]
            job = await bot.order(photo=f"between {tmp_path / 'rest'}".encode())
            await bot.until_state(job.id, State.PAINTING)
            await chat.until(lambda: "process" in " ".join(chat.texts(job.id)))
            process = re.search(r"process (\d+)", " ".join(chat.texts(job.id)))
            assert process
            kill(parent(int(process[1])))
            await eventually(lambda: tried(bot, job.id))
            (tmp_path / "rest").touch()
            await chat.answered(job.id)
            found = await services.store.job(job.id)
    assert [answered for answered, _ in chat.delivered] == [job.id]
    assert not chat.notified
    assert found
    assert found.attempts == 1


async def tried(bot: Bot, job: str) -> bool:
    found = await bot.store.job(job)
    return found is not None and found.attempts == 1


async def test_a_photo_that_kills_two_painters_is_given_up(engine: WatchedEngine, tmp_path: Path) -> None:
    chat = ChatDouble()
    async with assembled(engine, path=tmp_path / "journal.sqlite3") as services:
        services.studio.add_chat(chat)
        async with at_work(services):
            bot = Bot(services, engine, chat)  # type: ignore[arg-type]
            job = await bot.order(photo=b"segfault")
            await chat.answered(job.id)
    assert not chat.delivered
    assert "It was tried twice." in chat.notified[0][1]


async def test_another_bot_shares_the_cluster_and_its_end_is_nobody_elses(
    engine: WatchedEngine, cluster: Any, tmp_path: Path
) -> None:
    """It has as many painters as it needs, and finds room for."""
    node = add_machine(cluster, cpus=2)
    waiting = 0
    plan = frames.Plan(address=cluster.address, workers=0, timings=TIMINGS, command=FAULTY, idle_seconds=0.5)
    async with WatchedEngine(plan, waiting=lambda: waiting) as other:
        await other.until_staffed(1)
        mine = engine.paint(f"between {tmp_path / 'rest'}", "mine")
        theirs = other.paint(f"between {tmp_path / 'rest'}", "theirs")
        assert await mine.painter() != await theirs.painter()
        waiting = 1
        await other.patiently(lambda: sum(worker.state == "idle" for worker in other.workers) == 1)
        waiting = 0
        await other.patiently(lambda: len(other.workers) == 1)
        assert not theirs.done, "who is at work stays"
        (tmp_path / "rest").touch()
        for job in (mine, theirs):
            assert isinstance(await job.end(), wire.Done)
    await engine.until_staffed(2)
    cluster.remove_node(node)


async def test_painters_share_a_gpu_as_configured_and_one_more_waits(
    engine: WatchedEngine, cluster: Any, tmp_path: Path
) -> None:
    """One that is declared, and not there: who has it is for Ray to say."""
    node = add_machine(cluster, cpus=4, num_gpus=1)
    settings = wire.encode_settings(wire.EngineSettings(share=2))
    plan = frames.Plan(address=cluster.address, workers=3, engine=settings, timings=TIMINGS, command=FAULTY)
    async with WatchedEngine(plan) as other:
        await other.patiently(lambda: sorted(w.state for w in other.workers) == ["idle", "idle", "waiting"])
        held = other.paint(f"between {tmp_path / 'rest'}", "held")
        await held.painter()
        told = [await other.paint("environment", "asked").end()]
        (tmp_path / "rest").touch()
        await held.end()
        both = other.paint("environment", "first"), other.paint("environment", "second")
        told += [await job.end() for job in both]
        assert len({await job.painter() for job in both}) == 2
        for done in told:
            assert isinstance(done, wire.Done)
            assert b"('CUDA_VISIBLE_DEVICES', '0')" in done.picture
    cluster.remove_node(node)


async def test_a_machine_that_is_drained_finishes_what_it_paints(
    engine: WatchedEngine, cluster: Any, tmp_path: Path
) -> None:
    await engine.until_staffed(2)
    long = engine.paint(f"between {tmp_path / 'rest'}", "long")
    before = await long.painter()
    node = machine_of(before, cluster)
    add_machine(cluster)
    drain(cluster, node)
    (tmp_path / "rest").touch()
    assert isinstance(await long.end(), wire.Done)
    await until_ended({before})
    await engine.until_staffed(2)
    cluster.remove_node(node)


async def test_a_picture_on_a_machine_that_is_lost_begins_again_through_no_fault_of_its_own(
    engine: WatchedEngine, cluster: Any
) -> None:
    await engine.until_staffed(2)
    long = engine.paint("patient", "long")
    painter = await long.painter()
    add_machine(cluster)
    cluster.remove_node(machine_of(painter, cluster), allow_graceful=False)
    with pytest.raises(Interrupted, match="machine"):
        await long.end()
    await engine.until_staffed(2)


async def test_a_link_that_is_killed_takes_its_painters_along_and_the_next_one_paints(engine: WatchedEngine) -> None:
    await engine.until_staffed(2)
    long = engine.paint("patient", "long")
    painter = await long.painter()
    kill(engine.link)
    with pytest.raises(EngineError):
        await long.end()
    again = engine.paint("well", "again")
    assert isinstance(await again.end(), wire.Done)
    assert await again.painter() != painter


async def test_without_a_head_pictures_wait_and_are_interrupted_through_no_fault_of_theirs(
    engine: WatchedEngine, cluster: Any
) -> None:
    """The last test of the module: there is no cluster after it."""
    await engine.until_staffed(2)
    long = engine.paint("patient", "long")
    await long.painter()
    cluster.head_node.kill_gcs_server()
    with pytest.raises(Interrupted):
        await long.end()
    assert engine.ready is None
