"""The one message of a job: progress, then the picture; and how large it may be."""

from __future__ import annotations

import asyncio
import io
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from bot.chat import messenger
from bot.core.jobs import State
from bot.core.messages import Result
from engine.wire import Done, Preview, Progress
from tests.bot.chat.discord.harness import CAT, ME, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import EngineDouble, done, waits

RESULT = Result(picture=b"p", width=1, height=1, credit="c", line="/stylize greatwave", seconds=1.0)


def noisy() -> bytes:
    """A PNG that compresses badly."""
    data = io.BytesIO()
    Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3)).save(data, "PNG")
    return data.getvalue()


async def test_progress_is_one_message_that_becomes_the_answer(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await it.stylize(style="starrynight")
        assert "▰" in await it.told(found, "step 12")
        it.engine.let_go(await it.started())
        assert await it.answer() == found.original
        assert len(it.public()) == 1


async def test_statuses_come_no_faster_than_the_pause(fake: FakeDiscord) -> None:
    async def hurries(engine: EngineDouble, paint: Any) -> Any:
        for step in range(1, 100):
            yield Progress(paint.job, step / 1000, f"step {step} of 100")
            await asyncio.sleep(0)
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with on(fake, hurries, pause=1.5) as it:
        await it.says(f"{ME} starrynight mode=fine", CAT)
        said = lambda: [r for r in fake.requests if r.method in ("POST", "PATCH") and "/messages" in r.path]  # noqa: E731
        await fake.until(lambda: len(said()) == 2)
        assert said()[1].at - said()[0].at > 1.2
        assert "step 99" in said()[1].body["content"]
        it.engine.let_go(await it.started())
        await it.answer()


@pytest.mark.parametrize(("mode", "count"), [("fast", 1), ("fine", 2)])
async def test_what_is_finished_in_a_moment_shows_no_progress_but_the_first_preview_of_what_takes_long(
    fake: FakeDiscord, mode: str, count: int
) -> None:
    async def shows(engine: EngineDouble, paint: Any) -> Any:
        yield Progress(paint.job, 0.5, "step 60 of 120")
        yield Preview(paint.job, b"preview")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    edits = lambda: [r for r in fake.requests if r.method == "PATCH"]  # noqa: E731
    async with on(fake, shows, pause=3600.0) as it:
        await it.stylize(style="scream", mode=mode)
        job = await it.started()
        await fake.until(lambda: len(edits()) == count - 1)
        it.engine.let_go(job)
        await it.answer()
        assert len(edits()) == count


async def test_a_job_under_way_is_answered_after_a_restart_once(fake: FakeDiscord, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with on(fake, waits, path=journal) as it:
        found = await it.stylize(style="greatwave")
        await it.told(found, "step 12")
        syncs = fake.syncs
    async with on(fake, path=journal) as it:
        answer = await it.answer()
        assert answer == found.original
        assert fake.syncs == syncs
        id = await it.started()
        await it.until_state(id, State.DELIVERED)
        job = await it.store.job(id)
        assert job
        await it.fake.press(it.ann, answer, "Stronger")
        await it.answer(2)
    async with on(fake, path=journal) as it:  # the crash came after the answer, before the journal knew
        await it.chat.deliver(job, RESULT)
        assert len(it.answers()) == 2


@pytest.mark.parametrize("mention", [True, False])
async def test_a_job_that_waits_for_longer_than_jobs_are_kept_keeps_its_message(
    fake: FakeDiscord, tmp_path: Path, mention: bool
) -> None:
    journal = tmp_path / "journal"
    async with on(fake, waits, path=journal) as it:
        await (it.says(f"{ME} greatwave", CAT) if mention else it.stylize(style="greatwave"))
        first = int((await it.posted("step 12"))["id"])
        await it.store.prune(time.time() + 1)  # as if it had waited for days
    fake.later(3600)
    async with on(fake, path=journal) as it:
        answer = await it.answer()
        if mention:
            assert answer == first
            assert len(it.public()) == 1
        else:  # an interaction's message cannot be edited any more, so it points to the new one
            assert it.replies_to(answer) == first
            await it.posted("This goes on below.")


async def test_a_deleted_message_is_answered_with_a_new_one(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await it.stylize(style="greatwave")
        await it.told(found, "step 12")
        assert found.original
        await fake.delete(found.original)
        it.engine.let_go(await it.started())
        await it.answer()


# --- the size of files -----------------------------------------------------------------------------------------------


async def test_a_file_that_discord_finds_too_large_is_made_smaller(fake: FakeDiscord) -> None:
    async def paints_large(engine: EngineDouble, paint: Any) -> Any:
        yield Progress(paint.job, 0.1, "step 12 of 120")
        await engine.until(lambda: paint.job in engine.free)
        yield msgspec.structs.replace(done(paint), picture=noisy())

    async with on(fake, paints_large) as it:
        found = await it.stylize(style="greatwave")
        await it.told(found, "step 12")  # so that it is the picture that is refused
        fake.fails("PATCH", "/webhooks/*/messages/@original", 413, 40005)
        it.engine.let_go(await it.started())
        answer = await it.answer()
        assert it.file_name(answer).endswith(".jpg")
        assert fake.file(answer).startswith(b"\xff\xd8")
        assert "Made smaller" in fake.text(answer)
        found = await fake.press(it.ann, answer, "Original file")
        await fake.until(lambda: found.followups)
        assert it.file_name(found.followups[0]).endswith(".png")


async def test_a_picture_above_the_limit_is_made_smaller_before_it_is_sent(fake: FakeDiscord) -> None:
    async def paints_large(engine: EngineDouble, paint: Any) -> Any:
        yield Done(paint.job, noisy(), paint.recipe, 400, 300, 1.0)

    fake.limit = lambda channel: 100_000  # type: ignore[method-assign]
    async with on(fake, paints_large) as it:
        await it.stylize(style="greatwave")
        answer = await it.answer()
        assert fake.file(answer).startswith(b"\xff\xd8")
        assert "Made smaller" in fake.text(answer)
        await it.told(await fake.press(it.ann, answer, "Original file"), "files may have")


async def test_a_boosted_server_takes_a_larger_picture_for_a_mention_too(fake: FakeDiscord) -> None:
    large = bytes(12 * 2**20)

    async def paints_large(engine: EngineDouble, paint: Any) -> Any:
        yield Done(paint.job, large, paint.recipe, 2000, 2000, 1.0)

    fake.add_guild(tier=2)
    async with on(fake, paints_large) as it:
        await it.says(f"{ME} greatwave", CAT)
        answer = await it.answer()
        assert fake.file(answer) == large
        assert "Made smaller" not in fake.text(answer)


async def test_a_direct_message_takes_less_than_a_boosted_server(fake: FakeDiscord) -> None:
    async def paints_large(engine: EngineDouble, paint: Any) -> Any:
        await engine.until(lambda: paint.job in engine.free)
        picture = io.BytesIO()
        Image.frombytes("RGB", (2000, 2000), random.Random(1).randbytes(2000 * 2000 * 3)).save(picture, "PNG")
        yield Done(paint.job, picture.getvalue(), paint.recipe, 2000, 2000, 1.0)

    fake.add_guild(tier=2)
    async with on(fake, paints_large) as it:
        await it.says(f"{ME} greatwave", CAT)
        job = await it.started()
        await fake.delete_channel(it.channel)
        it.engine.let_go(job)
        answer = await it.answer(channel=await it.direct())
        assert "Made smaller: files may have 10 MB here." in fake.text(answer)


async def test_who_waited_long_is_mentioned_once_below_the_picture(
    fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messenger, "LONG_SECONDS", 0.0)
    async with on(fake, waits) as it:
        found = await it.stylize(style="starrynight", mode="fine")
        await it.told(found, "step 12")
        it.engine.let_go(await it.started())
        answer = await it.answer()
        told = await it.posted("your picture is ready")
        assert told["content"] == f"<@{it.ann}> your picture is ready."
        assert it.replies_to(int(told["id"])) == answer
        await it.until_state(it.engine.runs[0].job, State.DELIVERED)
        assert len(it.public()) == 2
