"""The one message of a job, and its caption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.chat import messenger
from bot.chat.telegram.render import caption, cut, length
from bot.chat.telegram.sending.transport import TelegramTransport
from bot.core.journal.store import JobMessage
from bot.core.messages import Result
from engine import gallery
from engine.wire import Event, Paint, Preview, Progress
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    PREVIEW,
    Moment,
    answer_to,
    finished,
    message_with,
    painted,
    paints,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse
from tests.harness import EngineDouble, fails
from tests.pictures import picture
from tests.waiting import eventually


async def test_one_message_shows_place_progress_preview_and_picture(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await it.engine.until(lambda: it.engine.runs)
        server.says(GROUP, "/stylize starrynight", photo=CAT)
        waiting = await message_with(server, GROUP, "place 1 of 1, ")
        assert "cancels it" in waiting["text"]
        shown = await message_with(server, ANN, "step 60 of 120")
        await server.until(lambda: server.messages[ANN, shown["message_id"]].get("_data") == PREVIEW)
        assert {call.parameters["action"] for call in server.made("sendChatAction")} == {"upload_photo"}
        it.let_go()
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        it.let_go()
        (result,) = await finished(server, ANN)
        assert result["message_id"] == shown["message_id"]
        kinds = [kind(state) for state in server.history[ANN, shown["message_id"]]]
        assert list(dict.fromkeys(kinds)) == ["text", "preview", "picture"]
        assert len(server.of_bot(ANN)) == 1
        (second,) = await finished(server, GROUP)
        assert second["message_id"] == waiting["message_id"]


@pytest.mark.parametrize(("mode", "kinds"), [("fast", ["picture"]), ("fine", ["text", "preview", "picture"])])
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_what_is_finished_in_a_moment_shows_no_progress_but_the_first_preview_of_what_takes_long(
    server: FakeTelegram, mode: str, kinds: list[str], chat: int
) -> None:
    async with telegram_bot(server, always=shows, time=Moment()) as it:
        server.says(chat, f"/stylize scream mode={mode}", photo=CAT)
        await it.engine.until(lambda: it.engine.runs)
        await server.until(lambda: mode == "fast" or [m for m in server.of_bot(chat) if m.get("_data") == PREVIEW])
        await server.until(lambda: mode == "fine" or server.made("sendChatAction"))
        it.let_go()
        (result,) = await finished(server, chat)
        assert [kind(state) for state in server.history[chat, result["message_id"]]] == kinds
        assert len(server.of_bot(chat)) == 1


async def test_twelve_quick_orders_in_a_group_are_twelve_messages_and_no_edits(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group takes twenty writes a minute."""

    async def longer_than_the_pictures_take(transport: TelegramTransport, seconds: float) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(TelegramTransport, "pause", longer_than_the_pictures_take)
    async with telegram_bot(server, always=paints(seconds=0.3)) as it:
        began = it.limiter.now()
        for _ in range(12):
            server.says(GROUP, "/stylize scream size=512", photo=CAT)
        await finished(server, GROUP, 12)
        await it.delivered()
        assert it.limiter.now() - began < 2
    assert len(server.made("sendPhoto")) == len(server.of_bot(GROUP)) == 12
    assert not [call for call in server.calls if call.method.startswith("editMessage")]
    assert server.made("sendChatAction"), "that somebody is at work is shown all the same"
    assert all(message["reply_markup"] for message in server.of_bot(GROUP))


async def test_a_quick_picture_that_telegram_does_not_take_as_a_photo_comes_as_a_file(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with telegram_bot(server, time=Moment()):
        server.faults.append(("sendPhoto", Refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")))
        server.says(GROUP, "/stylize scream", photo=CAT)
        (result,) = await finished(server, GROUP)
        assert [kind(state) for state in server.history[GROUP, result["message_id"]]] == ["text", "picture"]
        assert len(server.of_bot(GROUP)) == 1


async def test_a_quick_picture_whose_arrival_is_not_known_is_repeated_once_at_most(server: FakeTelegram) -> None:
    async with telegram_bot(server, time=Moment()) as it:
        server.faults.extend([("sendPhoto", None)] * 5)
        server.says(ANN, "/stylize scream", photo=CAT)
        await finished(server, ANN)
        await it.delivered()
        assert len(server.faults) == 4, "it was tried once"


def kind(state: dict) -> str:
    """What a job's message showed."""
    return "text" if "text" in state else "preview" if state.get("_data") == PREVIEW else "picture"


async def test_topics_and_spoilers_are_kept(server: FakeTelegram) -> None:
    server.chat(GROUP, forum=True)
    async with telegram_bot(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT, spoiler=True, thread=5)
        shown = await server.until(lambda: next((m for m in server.of_bot(GROUP) if m.get("_data") == PREVIEW), None))
        assert shown["has_media_spoiler"]
        it.let_go()
        (result,) = await finished(server, GROUP)
        assert result["message_thread_id"] == 5
        assert result["has_media_spoiler"]
        assert server.made("sendChatAction")[0].parameters["message_thread_id"] == 5
        query = server.presses(GROUP, result["message_id"], "Original file")
        await answer_to(server, query)
        assert (await server.until(lambda: server.made("sendDocument")))[0].parameters["message_thread_id"] == 5


async def test_a_spoiler_that_is_painted_again_stays_a_spoiler(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        await painted(server, spoiler=True)
        server.says(ANN, "/again")
        results = await finished(server, ANN, 2)
        assert results[1]["has_media_spoiler"]
        server.says(ANN, "/again", photo=CAT)
        results = await finished(server, ANN, 3)
        assert "has_media_spoiler" not in results[2]


async def test_a_cancelled_order_says_so_in_its_message(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows):
        server.says(ANN, "/stylize scream", photo=CAT)
        shown = await message_with(server, ANN, "step 60")
        server.says(ANN, "/cancel")
        await server.until(lambda: "Cancelled, as you asked." in str(server.messages[ANN, shown["message_id"]]))


async def test_a_failure_is_explained_in_its_message(server: FakeTelegram) -> None:
    async with telegram_bot(server, fails("bad_photo", "This is no photo that I can read.")):
        server.says(ANN, "/stylize scream", photo=CAT)
        await message_with(server, ANN, "The Scream: This is no photo that I can read.")
        assert len(server.of_bot(ANN)) == 1


async def test_progress_keeps_within_what_a_group_allows_and_answers_are_not_held_up_by_it(
    server: FakeTelegram,
) -> None:
    async def chatters(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        for step in range(40):
            yield Progress(paint.job, (step + 1) / 50, f"step {step}")
            yield Preview(paint.job, picture((step, step, step), (16, 16), "JPEG"))
            await asyncio.sleep(0.005)
        async for event in paints()(engine, paint):
            yield event

    async with telegram_bot(server, always=chatters):
        for user in range(4):
            server.says(GROUP, "/stylize scream", photo=CAT, user=20 + user)
        await finished(server, GROUP, 4)
        assert server.floods == 0
        assert server.made("editMessageMedia")


async def test_a_message_deleted_meanwhile_is_replaced_by_one_new_one(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        photo = server.says(ANN, "/stylize scream", photo=CAT)
        shown = await message_with(server, ANN, "step 60")
        server.deletes(ANN, shown["message_id"])
        server.deletes(ANN, photo)
        it.let_go()
        (result,) = await finished(server, ANN)
        assert result["message_id"] != shown["message_id"]
        assert len(server.of_bot(ANN)) == 1


async def test_an_answer_that_was_lost_on_its_way_back_is_not_given_twice(server: FakeTelegram) -> None:
    """Telegram has the picture, and we did not hear of it: the second try changes nothing, and that is success."""
    async with telegram_bot(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await message_with(server, ANN, "step 60")
        handled = server._on_editMessageMedia
        lost = 0

        def once(call):
            nonlocal lost
            done = handled(call)
            if "reply_markup" in call.parameters and not lost:
                lost += 1
                raise Refuse(502, "Bad Gateway")
            return done

        server._on_editMessageMedia = once  # type: ignore[method-assign]
        it.let_go()
        await finished(server, ANN)
        await it.delivered()
        assert lost == 1
        assert len(server.of_bot(ANN)) == 1


async def test_a_job_that_waits_longer_than_is_kept_keeps_its_message(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server, always=shows, path=tmp_path / "journal") as it:
        for chat in (ANN, BOB):
            server.says(chat, "/stylize scream", photo=CAT, user=chat)
            await message_with(server, chat, "The Scream: ")
        await server.until(lambda: server.pending == 0)
        await it.store.prune(4e9)
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        for chat in (ANN, BOB):
            await finished(server, chat)
        await it.delivered()
    assert [len(server.of_bot(chat)) for chat in (ANN, BOB)] == [1, 1]


# --- Captions --------------------------------------------------------------------------------------------------------


async def test_a_caption_that_is_too_long_is_cut_and_the_recipe_line_is_whole(server: FakeTelegram) -> None:
    layers = ",".join(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2", "conv1", "fire2", "fire3"))
    names = "+".join(f"{style.name}:{index + 1}" for index, style in enumerate(list(gallery.default())[:8]))
    async with telegram_bot(server):
        result = await painted(server, text=f"/stylize {names} layers={layers} content={layers} seed=7")
        assert length(result["caption"]) <= 1024
        (code,) = result["caption_entities"]
        utf16 = result["caption"].encode("utf-16-le")
        line = utf16[2 * code["offset"] :][: 2 * code["length"]].decode("utf-16-le")
        assert line.startswith("/stylize starrynight:1+greatwave:2")
        assert line.endswith("encoder=slim")


@pytest.mark.parametrize(("credit", "notes"), [("🎨" * 700, ("a note",)), ("short", ("n" * 900, "small"))])
def test_a_caption_is_counted_as_telegram_counts(credit: str, notes: tuple[str, ...]) -> None:
    result = Result(picture=b"", width=1, height=1, credit=credit, line="/stylize 🎨" + "x" * 300, seconds=3)
    text, (code,) = caption(result, notes)
    assert length(text) <= 1024
    utf16 = text.encode("utf-16-le")
    assert utf16[2 * code.offset :][: 2 * code.length].decode("utf-16-le") == result.line
    assert length(cut("🎨" * 50, 10)) <= 10


@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_who_waited_long_is_told_once_below_the_picture(
    server: FakeTelegram, chat: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messenger, "LONG_SECONDS", 0.0)
    async with telegram_bot(server, always=shows) as it:
        server.says(chat, "/stylize scream mode=fine", photo=CAT)
        await message_with(server, chat, "step 60 of 120")
        it.let_go()
        (result,) = await finished(server, chat)
        told = await message_with(server, chat, "Your picture is ready.")
        assert told["reply_to_message"]["message_id"] == result["message_id"]
        mentioned = [entity["user"]["id"] for entity in told.get("entities", ())]
        assert mentioned == ([7] if chat == GROUP else [])
        await it.delivered()
        assert len(server.of_bot(chat)) == 2


async def test_who_waited_briefly_is_told_by_the_picture_alone(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(GROUP, "/stylize scream mode=fine", photo=CAT)
        await message_with(server, GROUP, "step 60 of 120")
        it.let_go()
        await finished(server, GROUP)
        await it.delivered()
        assert len(server.of_bot(GROUP)) == 1


async def test_a_help_text_on_its_way_is_not_taken_for_a_lost_first_word(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        shown = await message_with(server, ANN, "step 60")
        job, transport = await it.store.job(it.engine.runs[0].job), it.chat._transport
        assert job
        assert transport
        begun = {job.id: JobMessage(message=shown["message_id"], posting=True)}
        lost = await transport.bot.send_message(ANN, "the first word, of which nobody heard")
        async with transport.posted.posting(ANN) as note:
            help = await transport.bot.send_message(ANN, "a help text, of which nobody has heard yet")
            anew = await transport.bot.send_message(ANN, "the first word once more")
            clearing = asyncio.create_task(transport.posted.clear(job, begun, anew.message_id))
            await asyncio.sleep(0.05)
            assert not clearing.done()
            note(help)
        await clearing
        there = {message["message_id"] for message in server.of_bot(ANN)}
        assert help.message_id in there
        assert lost.message_id not in there
        it.let_go()


async def test_a_help_text_of_the_last_run_is_not_taken_for_one_either(server: FakeTelegram, tmp_path: Path) -> None:
    handled = server._on_sendMessage
    lost: list[int] = []

    def loses_first_words(call):
        if not call.parameters["text"].startswith("The Scream: "):
            return handled(call)
        if not lost:
            lost.append(handled(call)["message_id"])
        raise Refuse(502, "Bad Gateway")

    server._on_sendMessage = loses_first_words  # type: ignore[method-assign]
    async with telegram_bot(server, always=shows, path=tmp_path / "journal") as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: lost)
        server.says(ANN, "/help")
        help = await message_with(server, ANN, "/styles")

        async def told_apart() -> bool:
            (job,) = await it.store.unfinished()
            begun = await it.store.post_begun(job.id)
            return begun is not None and help["message_id"] in begun.others

        await eventually(told_apart)
    server._on_sendMessage = handled  # type: ignore[method-assign]
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        await finished(server, ANN)
        await it.delivered()
    there = {message["message_id"] for message in server.of_bot(ANN)}
    assert help["message_id"] in there
    assert lost[0] not in there
