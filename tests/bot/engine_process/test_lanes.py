"""One engine process with a long job and a quick one, and whose fault it is when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.core.engine import Taken
from bot.core.errors import EngineError, Interrupted
from bot.engine_process.supervisor import Supervisor
from engine import wire
from tests.bot.engine_process.harness import Watched, at_work, events_of, order, paints


async def test_a_quick_job_is_painted_while_a_long_one_goes_on() -> None:
    async with Watched() as engine, at_work(engine, "patient") as long:
        done = (await events_of(engine, "well", "quick", quick=True))[-1]
        assert isinstance(done, wire.Done)
        assert (done.job, done.picture, engine.busy) == ("quick", b"well", "job")
        await engine.cancel("job")
        assert (await long)[-1] == wire.Failed("job", "cancelled", "Cancelled.")
    assert engine.happened.count("started") == 1


async def end_of(engine: Watched, photo: str, job: str, *, quick: bool = False) -> wire.Event | EngineError:
    """How a job ends."""
    try:
        return (await events_of(engine, photo, job, quick=quick))[-1]
    except EngineError as error:
        return error


@pytest.mark.parametrize("fault", ["crash", "segfault", "babble"])
async def test_a_quick_job_that_takes_the_engine_with_it_is_the_suspect_and_not_the_long_one(fault: str) -> None:
    async with Watched() as engine:
        long = asyncio.create_task(end_of(engine, "patient", "long"))
        await engine.until_turn("long")
        suspect = await end_of(engine, fault, "quick", quick=True)
        assert isinstance(suspect, EngineError)
        assert not isinstance(suspect, Interrupted)
        assert isinstance(await long, Interrupted)
        assert await paints(engine)


async def test_a_long_job_that_takes_the_engine_with_it_is_the_suspect_and_not_the_quick_one() -> None:
    async with Watched() as engine:
        long = asyncio.create_task(end_of(engine, "hang", "long"))
        await engine.until_turn("long")
        async with aclosing(Supervisor.run(engine, order("well", "quick", quick=True))) as events:
            assert await anext(events) == Taken("quick")  # on its way to an engine that hangs
            os.kill(engine.pid or 0, signal.SIGKILL)
            with pytest.raises(Interrupted):
                await anext(events)
        assert not isinstance(await long, Interrupted)


async def test_cancelling_the_one_does_not_touch_the_other() -> None:
    async with Watched() as engine, at_work(engine, "patient") as long:
        async with aclosing(Supervisor.run(engine, order("patient", "quick", quick=True))) as events:
            assert await anext(events) == Taken("quick")
            await engine.cancel("quick")
            rest = [event async for event in events]
            assert rest[-1] == wire.Failed("quick", "cancelled", "Cancelled.")
        assert not long.done()
        await engine.cancel("job")
        await long
    assert engine.happened.count("started") == 1


async def test_a_process_killed_for_a_cancel_is_not_the_others_fault() -> None:
    async with Watched(cancel_seconds=0.1) as engine:
        long = asyncio.create_task(end_of(engine, "patient", "long"))
        await engine.until_turn("long")
        quick = asyncio.create_task(end_of(engine, "deaf", "quick", quick=True))
        await engine.until_turn("quick")
        await engine.beats(1)  # which only a deaf one does in the middle of its work
        await engine.cancel("quick")
        assert await quick == wire.Failed("quick", "cancelled", "Cancelled.")
        assert isinstance(await long, Interrupted)


async def test_a_long_job_has_the_time_back_that_quick_ones_took(tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    async with Watched(job_seconds=1.0) as engine, at_work(engine, "patient") as long:
        deadline = engine._lanes[False].run._timer.when()  # type: ignore[union-attr]
        running = asyncio.create_task(events_of(engine, f"between {go_on}", "quick", quick=True))
        await engine.until_turn("quick")
        go_on.touch()
        await running
        await engine.until_turn("job")
        assert engine._lanes[False].run._timer.when() > deadline  # type: ignore[union-attr]
        await engine.cancel("job")
        await long
