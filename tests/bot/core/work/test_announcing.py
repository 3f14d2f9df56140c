"""Answers reach slow chats, failing ones, and those that are gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator

import pytest

from bot.backoff import Backoff
from bot.core.announce import Announcer, Pace
from bot.core.errors import Undeliverable
from bot.core.jobs import Job, Place, State
from bot.core.messages import Chat, Status
from bot.core.work.open_jobs import OpenJob, OpenJobs
from engine import recipe as recipes
from engine.wire import Event, Paint, Progress
from tests.harness import (
    GALLERY,
    ChatDouble,
    EngineDouble,
    bot,
    done,
    paints,
    waits,
)
from tests.waiting import eventually


def _recipe(text: str = "starrynight") -> recipes.Recipe:
    return recipes.parse(text, GALLERY)


async def test_a_chat_shows_when_it_is_its_turn_and_holds_up_no_answer() -> None:
    class Patient(ChatDouble):
        async def wait_to_show(self, job: Job, status: Status) -> None:
            await self.until(lambda: "step 12" in status.text)

    async with bot(waits, paints, chat=Patient()) as it:
        first = await it.order()
        await it.chat.until(lambda: it.chat.texts(first.id))
        assert "step 12" in it.chat.texts(first.id)[0]
        it.engine.let_go(first.id)
        second = await it.order()
        await it.chat.answered(first.id, second.id)
        assert it.chat.texts(second.id) == []


async def test_a_picture_is_delivered_as_soon_as_a_failing_chat_recovers() -> None:
    async with bot() as it:
        it.chat.faults.extend([ConnectionError("no network"), TimeoutError(), RuntimeError("rate limit")])
        job = await it.order()
        await it.until_state(job.id, State.DELIVERED)
        assert it.chat.tries == 4
        assert len(it.chat.delivered) == 1


async def test_a_chat_that_is_gone_for_good_is_asked_once() -> None:
    async with bot() as it:
        it.chat.faults.append(Undeliverable("The channel was deleted."))
        job = await it.order()
        await it.until_state(job.id, State.LOST)
        assert it.chat.tries == 1


async def test_a_chat_that_shows_nothing_any_more_still_gets_its_picture() -> None:
    shows = 0

    class Mute(ChatDouble):
        async def show(self, job: Job, status: Status) -> None:
            nonlocal shows
            shows += 1
            self.notice()
            raise Undeliverable("The message is too old to be edited.")

    async with bot(waits, chat=Mute()) as it:
        job = await it.order()
        await it.chat.until(lambda: shows)
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)
        assert (shows, len(it.chat.delivered)) == (1, 1)


async def test_a_slow_chat_is_shown_only_the_newest_state() -> None:
    async def busy(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        for step in range(1, 51):
            yield Progress(paint.job, step / 50, f"step {step} of 50")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with bot(busy) as it:
        it.chat.show_open.clear()
        job = await it.order()
        await it.engine.started(job.id)

        async def at_the_end() -> bool:
            return "step 50" in it.studio.open_jobs("ann")[0].status.text

        await eventually(at_the_end)
        it.chat.show_open.set()
        await it.chat.until(lambda: "step 50" in " ".join(it.chat.texts(job.id)))
        assert len(it.chat.texts(job.id)) <= 2
        it.engine.let_go(job.id)
        await it.chat.answered(job.id)


async def test_a_chat_that_hangs_is_given_up_and_the_answer_comes_all_the_same() -> None:
    chat = ChatDouble()
    chat.show_open.clear()
    announcer = Announcer(chat, Pace(show=0.01, deliver=0.01, retry=Backoff(first=0.001, longest=0.001)))
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    announcer.show(job, Status(text="step 1"))
    hang = asyncio.Event()
    calls = 0

    async def answer() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            await hang.wait()

    running = asyncio.create_task(announcer.run())
    await asyncio.sleep(0)
    announcer.end(answer)
    assert await asyncio.wait_for(running, 10)
    assert calls == 3
    assert chat.shown == []


async def test_a_chat_that_shows_nothing_is_left_alone_longer_and_longer_and_gets_the_answer_at_once() -> None:
    class Down(ChatDouble):
        async def show(self, job: Job, status: Status) -> None:
            self.tries += 1
            self.notice()
            raise ConnectionError("no network")

    chat = Down()
    announcer = Announcer(chat, Pace(retry=Backoff(first=3600.0, longest=3600.0)))
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    running = asyncio.create_task(announcer.run())
    for step in range(50):
        announcer.show(job, Status(text=f"step {step}"))
        await chat.until(lambda: chat.tries)
        await asyncio.sleep(0)
    assert chat.tries == 1
    announcer.end(lambda: chat.notify(job, "Cancelled."))
    assert await asyncio.wait_for(running, 10)
    assert chat.notified == [("a", "Cancelled.")]


async def test_nothing_is_shown_after_the_answer() -> None:
    chat = ChatDouble()
    announcer = Announcer(chat, Pace())
    job = Job(id="a", user="ann", place=Place("web", "room"), recipe=_recipe(), created=0)
    running = asyncio.create_task(announcer.run())
    announcer.show(job, Status(text="step 1"))
    await chat.until(lambda: chat.shown)
    await asyncio.sleep(0)  # back to waiting for news
    announcer.end(lambda: chat.notify(job, "Cancelled."))
    announcer.show(job, Status(text="step 2"))
    assert await asyncio.wait_for(running, 10)
    assert (chat.texts("a"), chat.notified) == (["step 1"], [("a", "Cancelled.")])


async def test_what_an_answered_order_held_is_freed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tracked: list[weakref.ref[OpenJob]] = []
    track = OpenJobs.track

    def watch(jobs: OpenJobs, job: Job, chat: Chat) -> OpenJob:
        live = track(jobs, job, chat)
        tracked.append(weakref.ref(live))
        return live

    monkeypatch.setattr(OpenJobs, "track", watch)
    gc.disable()
    try:
        async with bot() as it:
            job = await it.order()
            await it.until_state(job.id, State.DELIVERED)
            other = await it.order(user="bob")  # in the hands now of what held the first one while it was painted
            await it.until_state(other.id, State.DELIVERED)

            async def freed() -> bool:
                return tracked[0]() is None

            await eventually(freed)
    finally:
        gc.enable()
