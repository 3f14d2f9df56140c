"""A job's way through an engine that works, and through one that does not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.core.admission import Rules
from bot.core.engine import Worker
from bot.core.errors import Interrupted
from bot.core.jobs import State
from bot.core.messages import Accepted
from engine.gallery import Gallery
from engine.wire import Done, Event, Paint, Progress
from tests.harness import (
    GALLERY,
    NOT_STARTED,
    EngineDouble,
    bot,
    crashes,
    does_not_start,
    done,
    fails,
    paints,
    waits,
)


async def test_progress_comes_with_the_newest_preview() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        async for event in paints(engine, paint):
            if isinstance(event, Done):
                async for late in waits(engine, paint):
                    yield late
            else:
                yield event

    async with bot(act) as it:
        job = await it.order()
        await it.chat.until(lambda: "step 12 of 120" in " ".join(it.chat.texts(job.id)))
        _, status = it.chat.shown[-1]
        assert status.preview == b"preview"
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_note_of_the_engine_stays_in_sight() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.2, "step 1 of 5", note="The memory was full, so the size was halved.")
        yield Progress(paint.job, 0.4, "step 2 of 5")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(act) as it:
        job = await it.order()
        await it.chat.until(lambda: "step 2 of 5" in " ".join(it.chat.texts(job.id)))
        assert "The memory was full" in it.chat.texts(job.id)[-1]
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_the_engine_paints_the_next_while_the_last_is_being_delivered() -> None:
    async with bot() as it:
        it.chat.answers_open.clear()
        first, second = await it.order(), await it.order()
        await it.until_state(first.id, State.PAINTED)
        await it.until_state(second.id, State.PAINTED)
        it.chat.answers_open.set()
        await it.chat.answered(first.id, second.id)


async def test_who_waits_for_the_engine_to_load_is_told_so() -> None:
    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(act) as it:
        it.engine.ready = None
        job = await it.order()
        await it.chat.until(lambda: "the engine is loading" in it.chat.texts(job.id))
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_crash_of_the_engine_costs_the_person_nothing_but_time() -> None:
    async with bot(crashes, waits) as it:
        job = await it.order()
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        assert (await it.store.job(job.id)) is not None
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_second_attempt_is_announced() -> None:
    async def starts_slowly(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(crashes, starts_slowly) as it:
        job = await it.order()
        await it.chat.until(lambda: "The engine failed; trying again." in it.chat.texts(job.id))
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_photo_that_kills_the_engine_twice_is_given_up_and_the_next_is_painted() -> None:
    async with bot(crashes, crashes) as it:
        poison, good = [await it.order("/stylize starrynight steps=9", photo=photo) for photo in (b"poison", b"good")]
        await it.chat.answered(poison.id, good.id)
        assert it.engine.painted == ["poison", "poison", "good"]
        [(id, text)] = it.chat.notified
        assert id == poison.id
        assert "It was tried twice" in text
        await it.until_state(poison.id, State.NOTIFIED)


async def test_an_engine_that_does_not_start_costs_no_photo_its_tries() -> None:
    async with bot(crashes, *[does_not_start] * 9, paints) as it:
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_style_that_was_taken_out_of_the_gallery_is_named_to_who_ordered_it(tmp_path: Path) -> None:
    async with bot(waits, path=tmp_path / "journal") as it:
        it.engine.let_go((await it.order(photo=b"first")).id)
        running, job = await it.order("/stylize greatwave"), await it.order("/stylize greatwave")
        await it.engine.started(running.id)
    left = Gallery(tuple(style for style in GALLERY if style.name != "greatwave"))
    async with bot(path=tmp_path / "journal", styles=left) as it:
        await it.chat.answered(running.id, job.id)
        assert it.engine.painted == []
        assert all("greatwave" in text for _, text in it.chat.notified)


async def test_a_terminal_waits_for_an_engine_only_so_long() -> None:
    async with bot(does_not_start, does_not_start, rules=Rules(failed_starts=2)) as it:
        job = await it.order()
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, NOT_STARTED)]


async def test_a_picture_that_was_given_up_is_tried_once_more_as_it_was() -> None:
    async with bot(crashes, crashes) as it:
        job = await it.order("/stylize starrynight seed=7")
        await it.until_state(job.id, State.NOTIFIED)
        [(_, text)] = it.chat.notified
        assert f"/retry {job.id}" in text
        await it.order(photo=b"another")
        reply = await it.say(f"/retry {job.id}")
        assert isinstance(reply, Accepted)
        assert reply.job.recipe == job.recipe
        await it.until_state(reply.job.id, State.DELIVERED)
        assert it.engine.painted == ["cat", "cat", "another", "cat"]


async def test_only_what_was_given_up_can_be_retried() -> None:
    async with bot(crashes, crashes) as it:
        given_up = await it.order()
        await it.until_state(given_up.id, State.NOTIFIED)
        fine = await it.order()
        await it.until_state(fine.id, State.DELIVERED)
        for text, user in ((f"/retry {fine.id}", "ann"), (f"/retry {given_up.id}", "bob"), ("/retry", "bob")):
            assert "was given up" in (await it.say(text, user)).text


async def test_a_photo_that_the_engine_refuses_is_answered_at_once() -> None:
    async with bot(fails("refused", "This is no picture that I can read. Send a JPEG.")) as it:
        job = await it.order()
        await it.until_state(job.id, State.NOTIFIED)
        assert it.chat.notified == [(job.id, "This is no picture that I can read. Send a JPEG.")]
        assert len(it.engine.runs) == 1


async def test_an_engine_that_answers_nothing_is_a_broken_one() -> None:
    async def silent(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.1, "step 1 of 10")

    async with bot(silent) as it:
        job = await it.order()
        await it.chat.answered(job.id)
        assert len(it.engine.runs) == 2
        assert [id for id, _ in it.chat.delivered] == [job.id]


async def test_a_bug_in_the_engines_client_costs_one_job_and_shows_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def bug(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.1, "step 1 of 10")
        raise ZeroDivisionError("secret details")

    async with bot(bug) as it:
        job, after = await it.order(), await it.order()
        await it.chat.answered(job.id, after.id)
        [(id, text)] = it.chat.notified
        assert id == job.id
        assert "Something went wrong on my side" in text
        assert "secret details" not in text
        assert "secret details" in caplog.text


# --- quick pictures beside long ones ---------------------------------------------------------------------------------

LONG = "/stylize starrynight mode=fine"


async def test_a_quick_picture_does_not_wait_for_a_long_one() -> None:
    async with bot(waits) as it:
        long = await it.order(LONG)
        await it.engine.started(long.id)
        quick = await it.order(user="bob", photo=b"dog")
        await it.until_state(quick.id, State.DELIVERED)
        assert [(paint.job, paint.quick) for paint in it.engine.runs] == [(long.id, False), (quick.id, True)]
        it.engine.let_go(long.id)
        await it.chat.answered(long.id)


async def test_a_quick_picture_that_takes_the_engine_with_it_is_tried_again_with_the_memory_to_itself() -> None:
    async with bot(waits, crashes) as it:
        long = await it.order(LONG)
        await it.engine.started(long.id)
        quick = await it.order(user="bob", photo=b"dog")
        await it.chat.until(lambda: "place 1 of 1" in " ".join(it.chat.texts(quick.id)))
        it.engine.let_go(long.id)
        painted = await it.until_state(quick.id, State.DELIVERED)
        assert (painted.attempts, it.engine.runs[-1].quick) == (1, False)


async def test_a_quick_picture_that_finds_no_memory_beside_a_long_one_waits_and_is_charged_no_attempt() -> None:
    async with bot(waits, fails("crowded", "There was not enough memory beside another one.")) as it:
        long = await it.order(LONG)
        await it.engine.started(long.id)
        quick = await it.order(user="bob", photo=b"dog")
        await it.chat.until(lambda: "place 1 of 1" in " ".join(it.chat.texts(quick.id)))
        it.engine.let_go(long.id)
        painted = await it.until_state(quick.id, State.DELIVERED)
        assert (painted.attempts, it.engine.runs[-1].quick) == (0, False)
        assert it.chat.notified == []


async def test_who_loses_the_engine_to_another_picture_is_charged_no_attempt() -> None:
    async def interrupted(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.3, "step 36 of 120")
        raise Interrupted("The painting engine was restarted because of another picture.")

    async with bot(*[interrupted] * 5) as it:
        job = await it.order(LONG)
        assert (await it.until_state(job.id, State.DELIVERED)).attempts == 0
        assert len(it.engine.runs) == 6


async def test_several_workers_paint_several_long_pictures_and_their_number_may_change() -> None:
    async with bot(waits, waits, waits) as it:
        it.engine.workers = (Worker("1", "idle"), Worker("2", "idle"))
        first, second, third = [await it.order(LONG, user=user, photo=user.encode()) for user in ("ann", "bob", "cid")]
        await it.engine.started(second.id)
        await it.chat.until(lambda: any("place 1 of 1" in text for text in it.chat.texts(third.id)))
        it.engine.workers += (Worker("3", "idle"),)
        await it.engine.started(third.id)
        for job in (first, second, third):
            it.engine.let_go(job.id)
        await it.chat.answered(first.id, second.id, third.id)
