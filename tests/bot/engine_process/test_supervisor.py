"""The supervisor against real processes that do everything wrong."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.app import engine_settings
from bot.backoff import Backoff
from bot.config import load
from bot.core.engine import Taken
from bot.core.errors import EngineError
from bot.engine_process.command import clean_environment, fetching_environment, worker_command
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.rest import Rest
from bot.engine_process.supervisor import Supervisor
from engine import wire
from tests.bot.engine_process.harness import (
    ENDLESS,
    FAULTY,
    RECIPE,
    Watched,
    at_work,
    broken_by,
    events_of,
    is_alive,
    order,
    paints,
    pid_of,
)

# --- when all is well ------------------------------------------------------------------------------------------------


async def test_a_job_reports_on_its_way_and_ends_with_the_picture() -> None:
    async with Watched() as engine:
        *steps, done = await events_of(engine, "well")
    assert {type(step) for step in steps} <= {wire.Progress, wire.Preview}
    assert [step.note for step in steps if isinstance(step, wire.Progress)][-1].endswith("finished")
    assert isinstance(done, wire.Done)
    assert (done.job, done.picture, done.recipe) == ("job", b"well", RECIPE)


async def test_a_job_is_taken_when_it_is_sent_and_before_anything_else_is_heard_of_it() -> None:
    async with Watched() as engine:
        events = [event async for event in Supervisor.run(engine, order("well"))]
        assert events[0] == Taken("job")
        assert not any(isinstance(event, Taken) for event in events[1:])


async def test_a_job_is_not_taken_by_an_engine_that_does_not_start() -> None:
    async with Watched(sys.executable, FAULTY, "dies") as engine:
        with pytest.raises(EngineError, match="does not start"):
            await anext(Supervisor.run(engine, order("well")))


async def test_one_process_paints_job_after_job() -> None:
    async with Watched() as engine:
        pids = {pid_of(await events_of(engine, "well", f"job {i}")) for i in range(3)}
        assert pids == {engine.pid}
    assert engine.happened == ["started", "ready", "stopped"]


async def test_a_refused_photo_is_no_fault_of_the_engine() -> None:
    async with Watched() as engine:
        assert (await events_of(engine, "refuse"))[-1] == wire.Failed("job", "refused", "I do not like it.")
        assert engine.happened.count("started") == 1


async def test_it_says_what_the_engine_is_and_does() -> None:
    async with Watched() as engine:
        async with at_work(engine, "patient") as task:
            assert engine.ready is not None
            assert engine.ready.device == "a faulty device"
            assert engine.busy == "job"
            await engine.cancel("job")
            await task
        assert engine.busy is None
    assert (engine.ready, engine.pid) == (None, None)


async def test_the_encoder_that_the_engine_prefers_is_known_from_its_first_word_on() -> None:
    engine = Watched()
    known = [engine.encoder]
    async with engine:
        await engine.introduced()
        known.append(engine.encoder)
        await broken_by(engine, "crash")
        assert engine.ready is None
        known.append(engine.encoder)
    assert known == ["slim", "full", "full"]


async def test_an_engine_that_cannot_start_is_not_waited_for_to_introduce_itself() -> None:
    async with Watched(sys.executable, FAULTY, "dies") as engine:
        await engine.introduced()
        assert engine.encoder == "slim"


async def test_a_consumer_that_is_slow_gets_the_newest_and_every_note() -> None:
    async with Watched() as engine, aclosing(engine.run(order("well"))) as events:
        first = await anext(events)
        await engine.until_idle()  # it goes on while nobody looks
        rest = [event async for event in events]
    progress = [event for event in [first, *rest] if isinstance(event, wire.Progress)]
    assert len(progress) <= 2
    assert progress[-1].note.endswith("finished")
    assert isinstance(rest[-1], wire.Done)


async def test_stray_prints_and_answers_for_other_jobs_disturb_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with Watched() as engine:
            assert isinstance((await events_of(engine, "chatter"))[-1], wire.Done)
    levels = {record.message: record.levelname for record in caplog.records}
    assert levels["a stray line from Python"] == "INFO"
    assert levels["a serious one"] == "ERROR"
    assert "a stray line from C" in levels


async def test_two_jobs_at_once_are_a_mistake_of_ours() -> None:
    async with Watched() as engine, at_work(engine, "patient") as task:
        with pytest.raises(RuntimeError, match="one at a time"):
            await events_of(engine, "well", "another job")
        await engine.cancel("job")
        assert isinstance((await task)[-1], wire.Failed)


async def test_a_photo_too_large_for_a_frame_is_refused() -> None:
    async with Watched() as engine:
        (failed,) = [e async for e in engine.run(wire.Paint("job", bytes(wire.MAX_FRAME), RECIPE))]
        assert isinstance(failed, wire.Failed)
        assert failed.kind == "refused"
        assert await paints(engine)


# --- when it fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("crash", "crashed"),
        ("segfault", "crashed"),
        ("babble", "protocol_error"),
        ("announce", "protocol_error"),
        ("boast", "protocol_error"),
    ],
)
async def test_a_fault_breaks_one_job_and_the_next_has_a_new_process(fault: str, outcome: ProcessEvent) -> None:
    async with Watched() as engine:
        events, sentence = await broken_by(engine, fault)
        assert "in the middle of this picture" in sentence
        assert await paints(engine)
        assert engine.happened == ["started", "ready", outcome, "started", "ready"]
        assert engine.happened.count("started") == 2
        assert not is_alive(pid_of(events))


async def test_a_hanging_engine_is_replaced() -> None:
    async with Watched(hang_seconds=3.0) as engine:
        with pytest.raises(EngineError, match="stopped responding"):
            await events_of(engine, "hang")
        assert await paints(engine)
    assert engine.happened[:4] == ["started", "ready", "hung", "started"]


async def test_a_killed_engine_is_replaced_in_mid_job() -> None:
    async with Watched() as engine, aclosing(engine.run(order("patient"))) as events:
        await anext(events)
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineError, match="when memory runs out"):
            _ = [event async for event in events]
        assert await paints(engine)


async def test_the_same_job_succeeds_at_the_second_attempt(tmp_path: Path) -> None:
    photo = f"once {tmp_path / 'seen'} crash"
    async with Watched() as engine:
        with pytest.raises(EngineError):
            await events_of(engine, photo)
        assert isinstance((await events_of(engine, photo))[-1], wire.Done)


async def test_an_engine_that_dies_while_idle_is_replaced() -> None:
    async with Watched() as engine:
        await engine.until("started", "ready")
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)
        await engine.until("started", "ready", "oom_killed", "started", "ready")
        assert await paints(engine)


async def test_a_job_waits_for_an_engine_that_starts_at_the_second_attempt(tmp_path: Path) -> None:
    async with Watched(sys.executable, FAULTY, f"dies-once:{tmp_path / 'seen'}") as engine:
        await engine.until("started", "crashed")
        assert await paints(engine)


@pytest.mark.parametrize(
    ("command", "load_seconds", "outcome"),
    [
        ((sys.executable, FAULTY, "dies"), ENDLESS, "crashed"),
        ((sys.executable, FAULTY, "silent"), 0.5, "hung"),
        (("/no/such/program",), ENDLESS, "crashed"),
    ],
)
async def test_an_engine_that_does_not_start_costs_a_sentence(
    command: tuple[str, ...], load_seconds: float, outcome: ProcessEvent
) -> None:
    async with Watched(*command, load_seconds=load_seconds) as engine:
        for _ in range(2):
            with pytest.raises(EngineError, match="does not start"):
                await events_of(engine, "well")
    assert engine.happened.count(outcome) >= 2
    assert "ready" not in engine.happened


async def test_restarts_come_slower_and_slower_until_a_job_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("bot.engine_process.supervisor.asyncio.sleep", note)
    async with Watched(restart=Backoff(first=1.0, longest=3.0)) as engine:
        for fault in ("crash", "babble", "crash", "well", "crash", "well"):
            try:
                await events_of(engine, fault)
            except EngineError:
                continue
    assert pauses == [1.0, 2.0, 3.0, 1.0]


async def test_an_engine_that_has_grown_is_replaced_while_nobody_waits() -> None:
    async with Watched(growth=25 * 2**20, rest_seconds=0.0) as engine:
        first = pid_of(await events_of(engine, "well"))
        await engine.beats(2)
        assert pid_of(await events_of(engine, "grow")) == first
        await engine.until("started", "ready", "recycled", "started", "ready")
        assert pid_of(await events_of(engine, "well")) != first


async def test_what_an_engine_keeps_on_purpose_is_no_growth() -> None:
    rest = Rest(growth=25 * 2**20, seconds=0.0)
    rest.disturb()
    assert not rest.is_over(os.getpid())
    kept = bytearray(b"x" * 50 * 2**20)
    assert rest.is_over(os.getpid())
    assert not rest.is_over(os.getpid(), len(kept))


async def test_an_engine_that_is_about_as_large_as_before_is_kept() -> None:
    async with Watched(growth=25 * 2**20, rest_seconds=0.0) as engine:
        for _ in range(3):
            await events_of(engine, "well")
            await engine.beats(2)
        assert engine.happened == ["started", "ready"]


# --- when somebody has had enough ------------------------------------------------------------------------------------


async def test_a_cancelled_job_is_given_up_by_the_engine() -> None:
    async with Watched() as engine:
        async with at_work(engine, "patient") as task:
            await engine.cancel("job")
            await engine.cancel("job")
        assert task.result()[-1] == wire.Failed("job", "cancelled", "Cancelled.")
        assert await paints(engine)
        assert engine.happened.count("started") == 1


async def test_cancelling_some_other_job_changes_nothing() -> None:
    async with Watched() as engine:
        await engine.cancel("job")
        async with at_work(engine, "patient") as task:
            await engine.cancel("another job")
            await engine.cancel("job")
        assert isinstance(task.result()[-1], wire.Failed)
        await engine.cancel("job")
        assert await paints(engine)


@pytest.mark.parametrize("fault", ["deaf", "hang", "stubborn"])
async def test_a_job_that_ignores_its_cancelling_is_killed(fault: str) -> None:
    async with Watched(cancel_seconds=0.1) as engine:
        async with at_work(engine, fault) as task:
            await engine.cancel("job")
        assert task.result()[-1] == wire.Failed("job", "cancelled", "Cancelled.")
        assert await paints(engine)
        assert engine.happened == ["started", "ready", "killed", "started", "ready"]
        assert not is_alive(pid_of(task.result()))


async def test_a_job_can_be_cancelled_before_the_engine_is_there() -> None:
    async with Watched(sys.executable, FAULTY, "silent", stop_seconds=0.01) as engine:
        events = engine.run(order("well"))
        next_event = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert engine.busy == "job"
        await engine.cancel("job")
        assert await next_event == wire.Failed("job", "cancelled", "Cancelled.")


async def test_a_job_that_nobody_listens_to_makes_room_for_the_next() -> None:
    async with Watched() as engine:
        async with aclosing(engine.run(order("patient"))) as events:
            await anext(events)
        assert engine.busy == "job"
        assert await paints(engine)
        assert engine.happened.count("started") == 1


async def test_a_job_that_nobody_listens_to_and_that_does_not_end_is_killed() -> None:
    async with Watched(cancel_seconds=0.1) as engine:
        async with aclosing(engine.run(order("deaf"))) as events:
            await anext(events)
        assert await paints(engine), "the next job waits for the new process, and is not blamed"
        assert "killed" in engine.happened


@pytest.mark.parametrize("photo", ["patient", "deaf"])
async def test_a_job_that_takes_too_long_is_given_up(photo: str) -> None:
    async with Watched(job_seconds=0.3, cancel_seconds=0.1) as engine:
        failed = (await events_of(engine, photo))[-1]
        assert isinstance(failed, wire.Failed)
        assert failed.kind == "broken"
        assert "Try a smaller size" in failed.message


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_closing_stops_the_process_and_breaks_its_job() -> None:
    async with Watched() as engine:
        events = engine.run(order("patient"))
        pid = pid_of([await anext(events)])
    with pytest.raises(EngineError, match="shutting down"):
        _ = [event async for event in events]
    assert not is_alive(pid)
    assert engine.happened == ["started", "ready", "stopped"]


@pytest.mark.parametrize("fault", ["deaf", "stubborn"])
async def test_closing_ends_even_a_process_that_will_not(fault: str) -> None:
    async with Watched(stop_seconds=0.1, terminate_seconds=0.5) as engine:
        events = engine.run(order(fault))
        pid = pid_of([await anext(events)])
    await events.aclose()
    assert not is_alive(pid)
    assert engine.happened[-1] == "stopped"


async def test_what_goes_wrong_inside_comes_out_as_it_is() -> None:
    async def bot() -> None:
        async with Watched() as engine:
            await engine.until("started", "ready")
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        await bot()


async def test_a_cancelled_bot_leaves_no_process_behind() -> None:
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def bot() -> None:
        async with Watched() as engine:
            await engine.until("started", "ready")
            pid.set_result(engine.pid or 0)
            await asyncio.Event().wait()

    task = asyncio.ensure_future(bot())
    await pid
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(pid.result())


@pytest.mark.parametrize("turns", range(0, 24, 3))
async def test_closing_right_after_opening_leaves_nothing_behind(turns: int) -> None:
    """Each time a few turns of the event loop later: before the spawn, in it, after it."""
    async with Watched():
        for _ in range(turns):
            await asyncio.sleep(0)


async def test_nothing_runs_once_it_is_closed() -> None:
    async with Watched() as engine:
        pass
    with pytest.raises(EngineError, match="shutting down"):
        await events_of(engine, "well")


BOT = """
import asyncio, sys
from bot.engine_process.supervisor import Supervisor
from engine import wire
from engine.recipe import Recipe, Share

async def main():
    async with Supervisor([sys.executable, sys.argv[1]]) as engine:
        async for event in engine.run(wire.Paint("job", sys.argv[2].encode(), Recipe(styles=(Share("starrynight"),)))):
            print(engine.pid, flush=True)
            await asyncio.sleep(3600)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process that is not ours, as only Linux can")
@pytest.mark.parametrize("fault", ["patient", "hang", "stopped"])
def test_the_engine_does_not_outlive_a_bot_that_is_killed(fault: str) -> None:
    with subprocess.Popen([sys.executable, "-c", BOT, FAULTY, fault], stdout=subprocess.PIPE) as bot:
        assert bot.stdout
        engine = os.pidfd_open(int(bot.stdout.readline()))
        bot.kill()
    try:
        ended, _, _ = select.select([engine], [], [], ENDLESS)
    finally:
        os.close(engine)
    assert ended, "the engine is an orphan"


# --- how it is started -----------------------------------------------------------------------------------------------


async def test_the_engine_knows_no_secret_of_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMPASTO_WEB_TOKEN", "DISCORD_TOKEN", "DATABASE_URL", "GH_PAT", "AWS_SESSION", "SOMETHING_NEW"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@proxy.example")
    monkeypatch.setenv("OMP_DISPLAY_ENV", "told")
    async with Watched() as engine:
        done = (await events_of(engine, "environment"))[-1]
    assert isinstance(done, wire.Done)
    assert b"told" in done.picture
    assert b"hush" not in done.picture


def test_a_proxy_without_a_password_is_known_and_one_with_it_only_to_what_downloads() -> None:
    plain, secret = {"HTTPS_PROXY": "http://proxy.example"}, {"https_proxy": "http://me:hush@proxy.example"}
    assert clean_environment(plain).items() >= plain.items()
    assert not clean_environment(secret).keys() & secret.keys()
    assert fetching_environment(secret).items() >= secret.items()


def test_the_engine_runs_the_code_that_the_bot_runs(root: Path) -> None:
    path = clean_environment({"PYTHONPATH": "/elsewhere"})["PYTHONPATH"]
    assert path == f"{root}{os.pathsep}/elsewhere"


def test_how_threads_wait_and_memory_is_kept_is_the_operators_to_change() -> None:
    mine = {"GOMP_SPINCOUNT": "7", "GLIBC_TUNABLES": "glibc.malloc.perturb=1"}
    mine |= {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "9", "LRU_CACHE_CAPACITY": "9"}
    assert clean_environment(mine).items() >= mine.items()
    assert clean_environment({}).keys() >= mine.keys()


def test_the_command_carries_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = {
        **{"engine.device": "cpu", "engine.threads": 3, "engine.cache": "here", "engine.encoder": "full"},
        **{"limits.max_photo_mb": 7, "gallery.folder": "ours"},
    }
    command = worker_command(engine_settings(load(None, {}, wanted)))
    assert wire.decode_settings(command[command.index("engine.worker") + 1]) == wire.EngineSettings(
        device="cpu", threads=3, cache=tmp_path / "here", encoder="full", max_photo_mb=7, gallery=tmp_path / "ours"
    )
