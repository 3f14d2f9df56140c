"""Who waits is told where they stand, and for how long."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.core.announce import Announcer
from bot.core.engine import Worker
from bot.core.errors import LimitReached
from bot.core.estimate import in_words
from bot.core.jobs import Job, State
from bot.core.limits import Limits
from bot.core.messages import Status
from bot.core.work.line import TOLD_AT_ONCE, Line
from engine import recipe as recipes
from engine.wire import Event, Failed, Paint, Progress
from tests.harness import (
    GALLERY,
    EngineDouble,
    bot,
    does_not_start,
    done,
    message,
    waits,
)


def _recipe(text: str = "starrynight") -> recipes.Recipe:
    return recipes.parse(text, GALLERY)


async def test_a_waiting_person_is_told_of_every_place_gained() -> None:
    async with bot(waits, waits) as it:
        first, second, third = [await it.order(user=user, photo=user.encode()) for user in ("ann", "bob", "cid")]
        await it.engine.started(first.id)
        await it.chat.until(lambda: any("place 2 of 2" in text for text in it.chat.texts(third.id)))
        it.engine.let_go(first.id)
        await it.chat.until(lambda: any("place 1 of 1" in text for text in it.chat.texts(third.id)))
        it.engine.let_go(second.id)
        await it.chat.answered(first.id, second.id, third.id)


async def test_one_persons_pictures_do_not_hold_up_anothers_first() -> None:
    async with bot(waits) as it:
        running = await it.order(photo=b"running")
        await it.engine.started(running.id)
        jobs = [await it.order(photo=f"ann {number}".encode()) for number in range(4)]
        jobs.append(await it.order(user="bob", photo=b"bob 0"))
        it.engine.let_go(running.id)
        await it.chat.answered(*(job.id for job in jobs))
        assert it.engine.painted == ["running", "ann 0", "bob 0", "ann 1", "ann 2", "ann 3"]


async def test_estimates_are_learned_and_kept_over_a_restart(tmp_path: Path) -> None:
    async with bot(path=tmp_path / "journal") as it:
        first = await it.order()
        await it.until_state(first.id, State.DELIVERED)
        assert (await it.order()).cost == pytest.approx(2.0)
    async with bot(path=tmp_path / "journal") as it:
        assert (await it.order()).cost == pytest.approx(2.0)


async def test_a_full_line_refuses_everybody() -> None:
    async with bot(waits, capacity=2) as it:
        running = await it.order()
        await it.engine.started(running.id)
        for user in ("bob", "cid"):
            await it.order(user=user)
        with pytest.raises(LimitReached, match="The queue is full: 2 pictures are waiting"):
            await it.studio.accept(message("dan", b"cat"), _recipe())


async def test_a_cancelled_picture_is_not_waited_for_in_estimates() -> None:
    async def notices_late(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.2, "step 2 of 10")
        await engine.until(lambda: paint.job in engine.free)
        yield Failed(paint.job, "cancelled", "Cancelled.")

    async with bot(notices_late) as it:
        running = await it.order("/stylize starrynight mode=fine size=1024")
        await it.engine.started(running.id)
        waiting = await it.order("/stylize starrynight mode=fine", user="bob")
        assert it.studio.waiting() == 2
        await it.studio.cancel("ann", running.id)
        assert it.studio.waiting() == 1
        [seen] = it.studio.open_jobs("bob")
        assert seen.status.text == "place 1 of 1, a moment"
        it.engine.let_go(running.id)
        await it.chat.answered(running.id, waiting.id)


async def test_who_waits_for_an_engine_that_does_not_start_is_told_so_and_may_cancel() -> None:
    async with bot(*[does_not_start] * 100_000) as it:
        first, second = await it.order(photo=b"first"), await it.order(photo=b"second")
        await it.chat.until(lambda: any("your picture waits" in text for text in it.chat.texts(first.id)))
        await it.chat.until(lambda: any("as soon as the painting engine is" in t for t in it.chat.texts(second.id)))
        await it.studio.cancel("ann")
        await it.chat.answered(first.id, second.id)
        it.engine.acts.clear()
        after = await it.order(photo=b"after")
        await it.until_state(after.id, State.DELIVERED)
        assert it.engine.painted == ["after"]


async def test_who_orders_faster_than_the_rate_waits_and_is_told_for_how_long() -> None:
    async with bot(limits=Limits(open_jobs=3, burst=1, per_minute=1)) as it:
        first, second = await it.order(), await it.order()
        await it.until_state(first.id, State.DELIVERED)
        await it.chat.until(lambda: it.chat.texts(second.id))
        assert it.chat.texts(second.id) == ["its turn comes in about 60 s, for you have ordered many at once"]
        assert it.studio.waiting() == 1
        await it.studio.cancel("ann", second.id)
        await it.chat.answered(second.id)
        assert (it.studio.waiting(), it.engine.painted) == (0, ["cat"])


async def test_when_the_rate_allows_it_a_picture_joins_the_line() -> None:
    async with bot(limits=Limits(open_jobs=3, burst=1, per_minute=600)) as it:
        jobs = [await it.order() for _ in range(3)]
        await it.chat.answered(*(job.id for job in jobs))
        assert len(it.chat.delivered) == 3


async def test_after_a_restart_what_waited_for_the_rate_is_painted(tmp_path: Path) -> None:
    async with bot(limits=Limits(burst=1, per_minute=0.01), path=tmp_path / "journal") as it:
        jobs = [await it.order() for _ in range(2)]
        await it.until_state(jobs[0].id, State.DELIVERED)
    async with bot(path=tmp_path / "journal") as it:
        await it.until_state(jobs[1].id, State.DELIVERED)


async def test_places_are_counted_in_each_lane_and_shared_out_among_the_workers() -> None:
    long = "/stylize starrynight mode=fine steps=300 size=600 init=photo"
    async with bot(waits, waits) as it:
        it.engine.workers = (Worker("1", "idle"), Worker("2", "idle"))
        jobs = [await it.order(long, user=user) for user in ("ann", "bob", "cid", "dan")]
        await it.engine.started(jobs[1].id)
        cost = jobs[0].cost
        assert 60 < cost < 90 * 60
        [third], [fourth] = it.studio.open_jobs("cid"), it.studio.open_jobs("dan")
        about = in_words(cost)
        assert third.status.text == f"place 1 of 2, {about}, then {about} of painting at 600 pixels"
        assert fourth.status.text == f"place 2 of 2, {about}, then {about} of painting at 600 pixels"
        for job in jobs:
            it.engine.let_go(job.id)
        await it.chat.answered(*(job.id for job in jobs))


async def test_in_a_long_line_everybody_hears_where_they_stand_and_only_some_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = 3 * TOLD_AT_ONCE
    told = 0
    most = 0
    show, moved = Announcer.show, Line.moved

    def count(announcer: Announcer, job: Job, status: Status) -> None:
        nonlocal told
        told += 1
        show(announcer, job, status)

    def watch(line: Line) -> None:
        nonlocal told, most
        told = 0
        moved(line)
        most = max(most, told)

    monkeypatch.setattr(Announcer, "show", count)
    monkeypatch.setattr(Line, "moved", watch)
    async with bot(waits, capacity=people + 1) as it:
        running = await it.order(user="first")
        await it.engine.started(running.id)
        jobs = [await it.order(user=f"{number}") for number in range(people)]
        last = jobs[-1].id
        await it.chat.until(lambda: any(f"place {people} of {people}" in text for text in it.chat.texts(last)))
        await it.studio.cancel("0")
        fewer = people - 1
        await it.chat.until(lambda: any(f"place {fewer} of {fewer}" in text for text in it.chat.texts(last)))
        assert most == TOLD_AT_ONCE


async def test_where_workers_are_lost_nobody_is_promised_a_place_that_is_gone() -> None:
    long = "/stylize starrynight mode=fine steps=300 size=600 init=photo"
    async with bot(waits, waits, waits) as it:
        it.engine.workers = tuple(Worker(f"{number}", "idle") for number in range(3))
        jobs = [await it.order(long, user=user, photo=user.encode()) for user in ("ann", "bob", "cid")]
        for job in jobs:
            await it.engine.started(job.id)
        it.engine.workers = (Worker("0", "idle"), Worker("1", "restarting"))
        jobs.append(await it.order(long, user="dan", photo=b"dan"))
        [seen] = it.studio.open_jobs("dan")
        about = in_words(jobs[0].cost)
        assert seen.status.text.startswith(f"place 1 of 1, {about}")
        for job in jobs[:2]:  # whose workers are no more; the one that is left has something to do
            it.engine.let_go(job.id)
            await it.until_state(job.id, State.DELIVERED)
        assert it.engine.painted == ["ann", "bob", "cid"]
        it.engine.let_go(jobs[2].id)
        await it.chat.answered(*(job.id for job in jobs))


async def test_a_picture_that_overruns_its_estimate_does_not_promise_a_moment() -> None:
    async def slow(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield Progress(paint.job, 0.05, "getting the full encoder", seconds=1000.0)
        await engine.until(lambda: paint.job in engine.free)
        yield Progress(paint.job, 0.5, "step 60 of 120", seconds=1040.0)
        yield done(paint)

    async with bot(slow) as it:
        job = await it.order("/stylize starrynight mode=fine")
        await it.chat.until(lambda: it.chat.texts(job.id) and "getting" in it.chat.texts(job.id)[-1])
        assert it.chat.texts(job.id)[-1] == "getting the full encoder, longer than expected"
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_long_order_is_told_what_it_will_take_before_it_begins() -> None:
    async def says_nothing(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(says_nothing) as it:
        job = await it.order("/stylize starrynight mode=fine steps=300 size=600 init=photo")
        begins = f"painting begins: {in_words(job.cost)} of painting at 600 pixels"
        await it.chat.until(lambda: begins in it.chat.texts(job.id))
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)
