"""Telegram, as a Telegram user expects it: a real client against a Bot API server of our own, on the wire."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.chat.telegram.orders import ALBUM
from bot.chat.telegram.rate_limiter import RateLimiter, Rates
from bot.chat.telegram.render import SIGNS, caption, cut, length
from bot.core.messages import Result, telegram_orders
from bot.dialog.buttons import Action
from bot.dialog.gallery import PER_SHEET
from bot.engine_process import thumbnails
from engine import gallery
from engine.wire import Event, Paint, Preview, Progress
from tests.bot.chat.telegram.house import (
    ANN,
    BOB,
    CAT,
    GROUP,
    PAINTED,
    PREVIEW,
    House,
    Moment,
    Time,
    house,
    paints,
    shows,
)
from tests.bot.chat.web.house import picture, swatches
from tests.fakes.telegram.server import ME, Call, FakeTelegram, Refuse
from tests.harness import EngineDouble, eventually, fails

ME_SHORT = {key: ME[key] for key in ("id", "is_bot", "first_name", "username")}
NAMES = [style.name for style in gallery.default()]
PAGES = -(-len(NAMES) // PER_SHEET)
TILES = picture((10, 150, 60), (48, 48))
VIDEO = {"file_id": "v", "file_unique_id": "v", "width": 2, "height": 2, "duration": 1}


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """Telegram. At the end nothing may have been against its rules."""
    async with FakeTelegram().serve() as it:
        yield it
        assert not it.at_the_end()


async def finished(server: FakeTelegram, chat: int, count: int = 1) -> list[dict]:
    """The bot's finished pictures in a chat, once there are so many."""
    return await server.until(lambda: len(server.pictures(chat)) >= count and server.pictures(chat))


async def said(server: FakeTelegram, chat: int, words: str) -> dict:
    """The bot's message with these words."""

    def look() -> dict | None:
        texts = [(message, message.get("text", "") + message.get("caption", "")) for message in server.of_bot(chat)]
        return next((message for message, text in texts if words in text), None)

    return await server.until(look)


async def answer_to(server: FakeTelegram, query: str) -> str:
    call = await server.until(lambda: server.answered(query))
    return call.said.get("text", "")


def labels(message: dict) -> list[str]:
    """What its buttons say."""
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


async def pressed(server: FakeTelegram, message: int, label: str, chat: int = ANN) -> str:
    """What Ann is told for pressing a button; all that it does is done then."""
    return await answer_to(server, server.presses(chat, message, label))


async def painted(server: FakeTelegram, chat: int = ANN, text: str = "/stylize starrynight seed=7", **more) -> dict:
    """An order that is finished."""
    server.says(chat, text, photo=CAT, **more)
    return (await finished(server, chat))[-1]


# --- orders ----------------------------------------------------------------------------------------------------------


async def test_a_reply_to_a_photo_is_answered_in_one_message_with_all_that_is_said_of_it(server: FakeTelegram) -> None:
    async with house(server) as it:
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize starrynight seed=7777777 size=96", reply=photo)
        (result,) = await finished(server, GROUP)
        assert result["_data"] == PAINTED
        assert result["reply_to_message"]["message_id"] == photo
        credit, line, time = result["caption"].split("\n")
        assert credit == "The Starry Night, Vincent van Gogh, 1889"
        assert line.startswith("/stylize starrynight mode=fast")
        assert "seed=7777777" in line
        assert time == "2 s"
        (code,) = result["caption_entities"]
        assert code["type"] == "code"
        assert result["caption"][code["offset"] :][: code["length"]] == line
        assert len(server.of_bot(GROUP)) == 1
        assert it.engine.runs[0].photo == CAT


@pytest.mark.parametrize("kind", ["photo", "document", "sticker"])
@pytest.mark.parametrize("how", ["reply", "caption"])
async def test_photos_documents_and_stickers_can_be_painted(server: FakeTelegram, kind: str, how: str) -> None:
    data = picture((5, 6, 7), (64, 64), "WEBP") if kind == "sticker" else CAT
    async with house(server) as it:
        if how == "caption":
            server.says(ANN, "/stylize starrynight", **{kind: data})
        else:
            server.says(ANN, "/stylize starrynight", reply=server.says(ANN, silent=True, **{kind: data}))
        await finished(server, ANN)
        assert it.engine.runs[0].photo == data


async def test_an_item_of_an_album_is_a_photo_like_any_other(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.says(GROUP, photo=CAT, album="a", silent=True)
        other = server.says(GROUP, photo=PAINTED, album="a", silent=True)
        server.says(GROUP, "/stylize@Impasto_Bot starrynight", reply=other)
        (result,) = await finished(server, GROUP)
        assert result["reply_to_message"]["message_id"] == other
        assert [paint.photo for paint in it.engine.runs] == [PAINTED]


async def test_what_is_not_for_us_is_left_alone(server: FakeTelegram) -> None:
    async with house(server):
        server.says(GROUP, "/stylize@another_bot starrynight", photo=CAT)
        server.says(GROUP, "what a nice day")
        server.says(GROUP, "a photo", photo=CAT)
        server.says(GROUP, "/weather")
        server.says(ANN, "/queue")
        await said(server, ANN, "no pictures waiting")
        assert server.of_bot(GROUP) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sticker": CAT, "moving": True}, "This sticker moves"),
        ({"document": b"%PDF", "mime": "application/pdf"}, "This file is no picture"),
        (
            {"video": VIDEO},
            "this is a video",
        ),
        ({"photo": CAT, "size": 21 * 2**20}, "more than 20 MB, which is the limit here"),
    ],
)
async def test_what_cannot_be_painted_is_said(server: FakeTelegram, more: dict, words: str) -> None:
    async with house(server):
        server.says(ANN, "/stylize starrynight", **more)
        await said(server, ANN, words)


async def test_a_file_that_telegram_finds_too_big_is_refused_in_the_same_words(server: FakeTelegram) -> None:
    async with house(server):
        server.faults.append(("getFile", Refuse(400, "Bad Request: file is too big")))
        server.says(ANN, "/stylize starrynight", document=CAT)
        await said(server, ANN, "Send it as a photo instead of a file")


# --- choosing a style ------------------------------------------------------------------------------------------------


async def test_a_photo_alone_brings_the_gallery_whose_buttons_outlive_a_restart(
    server: FakeTelegram, tmp_path: Path
) -> None:
    async with house(server, path=tmp_path / "journal"):
        photo = server.says(ANN, photo=CAT)
        offer = await said(server, ANN, "Which style shall it be?")
        assert labels(offer)[:PER_SHEET] == NAMES[:PER_SHEET]
        with Image.open(io.BytesIO(offer["_data"])) as sheet:
            assert sheet.width > 3 * 240
        await server.until(lambda: server.pending == 0)
    async with house(server, path=tmp_path / "journal"):
        query = server.presses(ANN, offer["message_id"], "greatwave")
        assert "greatwave: coming up" in await answer_to(server, query)
        (result,) = await finished(server, ANN)
        assert "/stylize greatwave" in result["caption"]
        assert result["reply_to_message"]["message_id"] == photo
        # The sheet is uploaded once.
        server.says(ANN, "/styles")
        await said(server, ANN, f"{len(gallery.default())} styles")
        assert [len(call.files) for call in server.made("sendPhoto")] == [1, 0]


async def test_a_command_without_a_style_brings_the_gallery_and_keeps_its_settings(server: FakeTelegram) -> None:
    async with house(server) as it:
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize strength=33", reply=photo)
        offer = await said(server, GROUP, "Which style?")
        stranger = server.presses(GROUP, offer["message_id"], "scream", user=BOB)
        assert "for who asked" in await answer_to(server, stranger)
        server.presses(GROUP, offer["message_id"], "scream")
        (result,) = await finished(server, GROUP)
        assert "/stylize scream mode=fast strength=33" in result["caption"]
        assert it.engine.runs[0].photo == CAT


async def test_a_misspelt_style_brings_the_nearest_names_as_buttons(server: FakeTelegram) -> None:
    async with house(server):
        server.says(ANN, "/stylize starynight size=128", photo=CAT)
        offer = await said(server, ANN, "Did you mean starrynight?")
        server.presses(ANN, offer["message_id"], "starrynight")
        (result,) = await finished(server, ANN)
        assert "size=128" in result["caption"]


async def test_the_same_choice_pressed_twice_is_one_picture(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.says(ANN, photo=CAT)
        offer = await said(server, ANN, "Which style shall it be?")
        first = server.presses(ANN, offer["message_id"], "scream")
        second = server.presses(ANN, offer["message_id"], "scream")
        await answer_to(server, first)
        await answer_to(server, second)
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_the_same_choice_after_a_cancelled_one_is_painted(server: FakeTelegram) -> None:
    async with house(server, always=shows) as it:
        server.says(ANN, photo=CAT)
        offer = await said(server, ANN, "Which style shall it be?")
        assert "coming up" in await pressed(server, offer["message_id"], "scream")
        await said(server, ANN, "step 60")
        server.says(ANN, "/cancel")
        await said(server, ANN, "Cancelled, as you asked.")
        assert "coming up" in await pressed(server, offer["message_id"], "scream")
        await it.finish(2)
        await finished(server, ANN)


@pytest.mark.parametrize("photos", [1, 2])
async def test_the_same_choice_another_time_is_painted_again(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch, photos: int
) -> None:
    monkeypatch.setattr(telegram_orders, "DOUBLE_SECONDS", 0.0)
    async with house(server) as it:
        for _ in range(photos):
            server.says(ANN, photo=CAT, **({"album": "h"} if photos > 1 else {}))
        offer = (await said(server, ANN, "Which style shall it be?"))["message_id"]
        keyboard = server.messages[ANN, offer]["reply_markup"]["inline_keyboard"]
        scream = next(button["callback_data"] for row in keyboard for button in row if button["text"] == "scream")
        for count, query in enumerate(["first", "second", "second"], 1):
            server.sends_query(ANN, offer, scream, id=query)
            await finished(server, ANN, min(count, 2) * photos)
            await server.until(lambda: not server.unanswered)
            await eventually(lambda: _delivered(it))
        assert len(it.engine.runs) == 2 * photos


async def test_the_gallery_is_paged_and_filtered_in_one_message(server: FakeTelegram) -> None:
    async with house(server):
        server.says(ANN, "/styles")
        message = (await said(server, ANN, f"Page 1 of {PAGES}"))["message_id"]
        first = server.messages[ANN, message]["_data"]
        await pressed(server, message, "▶")
        assert labels(server.messages[ANN, message])[:PER_SHEET] == NAMES[PER_SHEET : 2 * PER_SHEET]
        await pressed(server, message, "◀")
        await pressed(server, message, "◀")
        assert f"Page {PAGES} of {PAGES}" in server.messages[ANN, message]["caption"]
        await pressed(server, message, "▶")
        assert server.messages[ANN, message]["_data"] == first
        await pressed(server, message, "Kinds")
        await pressed(server, message, "brushwork")
        shown = server.messages[ANN, message]
        assert "Brushwork" in shown["caption"]
        found = [style.name for style in gallery.default() if "brushwork" in style.tags][:PER_SHEET]
        assert labels(shown)[: len(found)] == found
        await pressed(server, message, "All styles")
        assert f"Page 1 of {PAGES}" in server.messages[ANN, message]["caption"]
        uploads = [call for call in server.made("editMessageMedia") if call.files]
        assert len(uploads) == 3, "a sheet is uploaded once: the second, the last and the brushwork"
        stranger = server.presses(ANN, message, "▶", user=BOB)
        assert "for who asked" in await answer_to(server, stranger)


async def test_a_style_is_seen_closer_and_may_wait_for_the_next_photo(server: FakeTelegram) -> None:
    async with house(server):
        server.says(ANN, "/styles")
        message = (await said(server, ANN, f"Page 1 of {PAGES}"))["message_id"]
        await pressed(server, message, "greatwave")
        shown = server.messages[ANN, message]
        for words in ("The Great Wave off Kanagawa", "Hokusai", "woodblock", "/stylize greatwave"):
            assert words in shown["caption"]
        await pressed(server, message, "Back")
        assert labels(server.messages[ANN, message])[:PER_SHEET] == NAMES[:PER_SHEET]
        server.says(ANN, "/styles starry night")
        alone = await said(server, ANN, "Write /stylize starrynight")
        assert "for which photo" in await pressed(server, alone["message_id"], "next photo")
        server.says(ANN, photo=CAT)
        (result,) = await finished(server, ANN)
        assert "/stylize starrynight" in result["caption"]


async def test_a_deep_link_chooses_the_style_of_the_next_photo(server: FakeTelegram) -> None:
    async with house(server):
        server.says(ANN, "/start greatwave")
        await said(server, ANN, "The Great Wave off Kanagawa")
        server.says(ANN, photo=CAT)
        (result,) = await finished(server, ANN)
        assert "/stylize greatwave" in result["caption"]
        server.says(ANN, photo=CAT)
        await said(server, ANN, "Which style shall it be?")


async def test_a_style_that_was_chosen_before_is_for_all_pictures_of_an_album(server: FakeTelegram) -> None:
    async with house(server):
        server.says(ANN, "/start greatwave")
        await said(server, ANN, "for which photo")
        for _ in range(2):
            server.says(ANN, photo=CAT, album="i")
        results = await finished(server, ANN, 2)
        assert all("/stylize greatwave" in result["caption"] for result in results)
        assert len({result["media_group_id"] for result in results}) == 1
        server.says(ANN, photo=CAT)
        await said(server, ANN, "Which style shall it be?")


# --- albums ----------------------------------------------------------------------------------------------------------


async def test_an_album_with_one_command_is_answered_with_an_album(server: FakeTelegram) -> None:
    photos = [picture((index * 60, 10, 10), (80 + index, 60)) for index in range(3)]
    async with house(server, always=shows) as it:
        ids = [
            server.says(ANN, "/stylize starrynight" if index == 0 else "", photo=photo, album="a")
            for index, photo in enumerate(photos)
        ]
        (group,) = await server.until(lambda: server.made("sendMediaGroup"))
        assert [item["media"] for item in group.said["media"]] == [
            server.messages[ANN, id]["photo"][-1]["file_id"] for id in ids
        ]
        await it.finish(3)
        results = await finished(server, ANN, 3)
        assert len({result["media_group_id"] for result in results}) == 1
        assert all(result["_data"] == PAINTED for result in results)
        assert sorted(paint.photo for paint in it.engine.runs) == sorted(photos)
        keyboard = await said(server, ANN, "its buttons")
        assert len(keyboard["reply_markup"]["inline_keyboard"]) == 3
        assert len(server.of_bot(ANN)) == 4
        query = server.presses(ANN, keyboard["message_id"], "2 ")
        await answer_to(server, query)
        await it.finish(4)
        await finished(server, ANN, 4)


async def test_an_album_of_files_is_answered_with_an_album_too(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    async with house(server):
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", document=CAT, album="b")
        results = await finished(server, ANN, 2)
        assert len({result["media_group_id"] for result in results}) == 1


async def test_what_the_limit_leaves_out_of_an_album_is_said(server: FakeTelegram) -> None:
    async with house(server, always=shows, open_jobs=2) as it:
        for index in range(3):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="c")
        await said(server, ANN, "1 of your 3 pictures was not taken. 2 of your pictures are waiting")
        await it.finish(2)
        await finished(server, ANN, 2)


async def test_an_album_alone_in_private_brings_the_gallery_once(server: FakeTelegram) -> None:
    async with house(server):
        for _ in range(2):
            server.says(ANN, photo=CAT, album="d")
        offer = await said(server, ANN, "Which style shall it be?")
        server.presses(ANN, offer["message_id"], "scream")
        await finished(server, ANN, 2)
        assert len(server.made("sendPhoto")) == 1


# --- a picture of one's own as the style -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["/stylize mine", "/stylize@impasto_bot starrynight:30+mine:70 strength=60"])
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_a_reply_with_a_picture_says_which_is_the_style(server: FakeTelegram, text: str, chat: int) -> None:
    async with house(server) as it:
        photo = server.says(chat, user=BOB, photo=CAT, silent=True)
        server.says(chat, text, document=TILES, reply=photo)
        (result,) = await finished(server, chat)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["reply_to_message"]["message_id"] == photo
        assert "mode=universal" in result["caption"]


async def test_of_an_album_of_two_the_second_is_the_style_and_stays_it(server: FakeTelegram, tmp_path: Path) -> None:
    async with house(server, path=tmp_path / "journal") as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="m")
        server.says(ANN, photo=TILES, album="m", spoiler=True)
        (result,) = await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["has_media_spoiler"], "the style shows in the picture"
        await server.until(lambda: server.pending == 0)
    async with house(server, path=tmp_path / "journal") as it:
        await pressed(server, result["message_id"], "Stronger")
        await finished(server, ANN, 2)
        await pressed(server, result["message_id"], "Finer")
        await finished(server, ANN, 3)
        server.says(ANN, "/again strength=20")
        await finished(server, ANN, 4)
        assert {(paint.photo, paint.style) for paint in it.engine.runs} == {(CAT, TILES)}


async def test_an_album_of_two_without_mine_is_two_pictures(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.says(ANN, "/stylize scream", photo=CAT, album="n")
        server.says(ANN, photo=TILES, album="n")
        await finished(server, ANN, 2)
        assert [paint.style for paint in it.engine.runs] == [None, None]


async def test_a_style_that_comes_late_is_waited_for_no_longer_and_taken_all_the_same(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="l")
        await said(server, ANN, "Which picture is the style?")
        server.says(ANN, photo=TILES, album="l")
        await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]


async def test_what_is_no_photo_with_its_style_is_told_what_to_send(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT)
        await said(server, ANN, "Which picture is the style? Send two pictures")
        server.says(ANN, "/stylize mine")
        await said(server, ANN, "Which photo? Send two pictures")
        for index in range(3):
            server.says(ANN, "/stylize mine" if index == 0 else "", photo=CAT, album="o")
        await said(server, ANN, "These are 3 pictures, and /stylize mine takes two")
        server.says(GROUP, "/stylize mine", photo=CAT, album="p")
        await said(server, GROUP, "In a group I am shown only one picture of an album")
        photo = server.says(GROUP, photo=CAT, silent=True)
        server.says(GROUP, "/stylize mine+starynight", photo=TILES, reply=photo)
        offer = await said(server, GROUP, "Did you mean")
        server.presses(GROUP, offer["message_id"], "mine+starrynight")
        await finished(server, GROUP)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]


# --- the one message -------------------------------------------------------------------------------------------------


async def test_one_message_shows_place_progress_preview_and_picture(server: FakeTelegram) -> None:
    async with house(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await it.engine.until(lambda: it.engine.runs)
        server.says(GROUP, "/stylize starrynight", photo=CAT)
        waiting = await said(server, GROUP, "place 1 of 1, ")
        assert "takes it back" in waiting["text"]
        shown = await said(server, ANN, "step 60 of 120")
        await server.until(lambda: server.messages[ANN, shown["message_id"]].get("_data") == PREVIEW)
        assert [call.said["action"] for call in server.made("sendChatAction")] == ["upload_photo"]
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


@pytest.mark.parametrize(("mode", "kinds"), [("fast", ["text", "picture"]), ("fine", ["text", "preview", "picture"])])
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_what_is_finished_in_a_moment_shows_no_progress_but_the_first_preview_of_what_takes_long(
    server: FakeTelegram, mode: str, kinds: list[str], chat: int
) -> None:
    async with house(server, always=shows, time=Moment()) as it:
        server.says(chat, f"/stylize scream mode={mode}", photo=CAT)
        await it.engine.until(lambda: it.engine.runs)
        (waiting,) = await server.until(lambda: server.of_bot(chat))
        await server.until(lambda: mode == "fast" or server.of_bot(chat)[0].get("_data") == PREVIEW)
        await server.until(lambda: mode == "fine" or server.made("sendChatAction"))
        it.let_go()
        (result,) = await finished(server, chat)
        assert [kind(state) for state in server.history[chat, result["message_id"]]] == kinds
        assert result["message_id"] == waiting["message_id"]


def kind(state: dict) -> str:
    """What a job's message showed."""
    return "text" if "text" in state else "preview" if state.get("_data") == PREVIEW else "picture"


async def test_topics_and_spoilers_are_kept(server: FakeTelegram) -> None:
    server.chat(GROUP, forum=True)
    async with house(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT, spoiler=True, thread=5)
        shown = await server.until(lambda: next((m for m in server.of_bot(GROUP) if m.get("_data") == PREVIEW), None))
        assert shown["has_media_spoiler"]
        it.let_go()
        (result,) = await finished(server, GROUP)
        assert result["message_thread_id"] == 5
        assert result["has_media_spoiler"]
        assert server.made("sendChatAction")[0].said["message_thread_id"] == 5
        query = server.presses(GROUP, result["message_id"], "Original file")
        await answer_to(server, query)
        assert (await server.until(lambda: server.made("sendDocument")))[0].said["message_thread_id"] == 5


async def test_a_spoiler_that_is_painted_again_stays_a_spoiler(server: FakeTelegram) -> None:
    async with house(server):
        await painted(server, spoiler=True)
        server.says(ANN, "/again")
        results = await finished(server, ANN, 2)
        assert results[1]["has_media_spoiler"]
        server.says(ANN, "/again", photo=CAT)
        results = await finished(server, ANN, 3)
        assert "has_media_spoiler" not in results[2]


async def test_a_cancelled_order_says_so_in_its_message(server: FakeTelegram) -> None:
    async with house(server, always=shows):
        server.says(ANN, "/stylize scream", photo=CAT)
        shown = await said(server, ANN, "step 60")
        server.says(ANN, "/cancel")
        await server.until(lambda: "Cancelled, as you asked." in str(server.messages[ANN, shown["message_id"]]))


async def test_a_failure_is_told_in_its_message(server: FakeTelegram) -> None:
    async with house(server, fails("bad_photo", "This is no photo that I can read.")):
        server.says(ANN, "/stylize scream", photo=CAT)
        await said(server, ANN, "The Scream: This is no photo that I can read.")
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

    async with house(server, always=chatters):
        for user in range(4):
            server.says(GROUP, "/stylize scream", photo=CAT, user=20 + user)
        await finished(server, GROUP, 4)
        assert server.floods == 0
        assert server.made("editMessageMedia")


# --- buttons ---------------------------------------------------------------------------------------------------------


async def test_the_buttons_do_what_they_say_and_outlive_a_restart(server: FakeTelegram, tmp_path: Path) -> None:
    async with house(server, path=tmp_path / "journal"):
        result = await painted(server, text="/stylize starrynight seed=7777777 strength=50")
        assert labels(result) == ["Again", "Stronger", "Softer", "Photo's colours", "Finer", "Original file", "Delete"]
    async with house(server, path=tmp_path / "journal"):
        for count, (label, words) in enumerate(
            [("Stronger", "strength=70"), ("Softer", "strength=30"), ("Photo's colours", "colors=photo")], 2
        ):
            query = server.presses(ANN, result["message_id"], label)
            await answer_to(server, query)
            newest = (await finished(server, ANN, count))[-1]
            assert words in newest["caption"]
            assert "seed=7777777" in newest["caption"]
            assert newest["reply_to_message"]["message_id"] == result["reply_to_message"]["message_id"]
        server.presses(ANN, result["message_id"], "Again")
        assert "seed=7777777" not in (await finished(server, ANN, 5))[-1]["caption"]
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        assert list(file.files.values()) == [PAINTED]
        query = server.presses(ANN, result["message_id"], "Delete")
        assert "Deleted" in await answer_to(server, query)
        assert (ANN, result["message_id"]) not in server.messages


async def test_buttons_are_for_who_ordered_and_an_admin_may_delete(server: FakeTelegram) -> None:
    server.admins.add((GROUP, 99))
    async with house(server) as it:
        result = await painted(server, GROUP)
        query = server.presses(GROUP, result["message_id"], "Again", user=BOB)
        call = await server.until(lambda: server.answered(query))
        assert "who ordered" in call.said["text"]
        assert call.said["show_alert"]
        await answer_to(server, server.presses(GROUP, result["message_id"], "Delete", user=BOB))
        assert (GROUP, result["message_id"]) in server.messages
        await answer_to(server, server.presses(GROUP, result["message_id"], "Delete", user=99))
        assert (GROUP, result["message_id"]) not in server.messages
        assert len(it.engine.runs) == 1


@pytest.mark.parametrize("same_query", [True, False])
async def test_a_press_that_comes_twice_orders_once(server: FakeTelegram, same_query: bool) -> None:
    async with house(server) as it:
        result = await painted(server)
        data = result["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        server.sends_query(ANN, result["message_id"], data, id="twice")
        await finished(server, ANN, 2)
        server.sends_query(ANN, result["message_id"], data, id="twice" if same_query else "")
        await server.until(lambda: not server.unanswered)
        assert len(it.engine.runs) == 2


@pytest.mark.parametrize("data", ["nonsense", "a:abcdefgh:a", "s:none:0", "a:", "x" * 64])
async def test_a_button_of_another_age_is_answered(server: FakeTelegram, data: str) -> None:
    async with house(server):
        result = await painted(server)
        assert (await answer_to(server, server.sends_query(ANN, result["message_id"], data))).endswith(".")


async def test_what_an_anonymous_admin_orders_is_for_all_who_administer_the_group(server: FakeTelegram) -> None:
    server.admins.add((GROUP, ANN))
    async with house(server) as it:
        server.says(GROUP, "/stylize", photo=CAT, user=1087968824, sender_chat=server.chat(GROUP))
        offer = (await said(server, GROUP, "Which style?"))["message_id"]
        assert "for who asked" in await answer_to(server, server.presses(GROUP, offer, "scream", user=BOB))
        assert "coming up" in await pressed(server, offer, "scream", GROUP)
        (result,) = await finished(server, GROUP)
        refused = server.presses(GROUP, result["message_id"], "Finer", user=BOB)
        assert "who ordered" in await answer_to(server, refused)
        await pressed(server, result["message_id"], "Finer", GROUP)
        await finished(server, GROUP, 2)
        assert {job.user for paint in it.engine.runs if (job := await it.store.job(paint.job))} == {
            f"telegram:{GROUP}"
        }


@pytest.mark.parametrize(
    "refusal", [Refuse(400, "Bad Request: member list is inaccessible"), Refuse(403, "Forbidden: bot is not a member")]
)
async def test_who_cannot_be_looked_up_is_no_admin_and_keeps_every_other_right(
    server: FakeTelegram, refusal: Refuse
) -> None:
    async with house(server) as it:
        result = await painted(server, GROUP)
        await eventually(lambda: _delivered(it))
        server.faults.extend([("getChatMember", refusal)] * 9)
        server.says(GROUP, "/settings")
        await said(server, GROUP, "What holds here")
        server.says(GROUP, "/settings who=admins", user=BOB)
        await said(server, GROUP, "Only admins can change")
        assert "Deleted" in await pressed(server, result["message_id"], "Delete", GROUP)


LINE_BREAKS, LIMITED = None, Refuse(429, "Too Many Requests", retry_after=1)


@pytest.mark.parametrize("fault", [LINE_BREAKS, LIMITED])
@pytest.mark.parametrize("method", ["deleteMessage", "answerCallbackQuery"])
async def test_delete_is_tried_again_when_the_network_fails(
    server: FakeTelegram, method: str, fault: Refuse | None
) -> None:
    async with house(server) as it:
        result = await painted(server)
        await eventually(lambda: _delivered(it))
        server.faults.append((method, fault))
        assert "Deleted" in await pressed(server, result["message_id"], "Delete")
        assert (ANN, result["message_id"]) not in server.messages


async def test_the_original_file_is_handed_over_when_the_network_is_back(server: FakeTelegram) -> None:
    async with house(server):
        result = await painted(server)
        server.faults.append(("sendDocument", LINE_BREAKS))
        assert "Here it is" in await pressed(server, result["message_id"], "Original")
        (file,) = server.made("sendDocument")
        assert list(file.files.values()) == [PAINTED]


async def test_delete_works_for_what_is_kept_no_more(server: FakeTelegram) -> None:
    async with house(server) as it:
        result = await painted(server)
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="g")
        keyboard = await said(server, ANN, "its buttons")
        await finished(server, ANN, 3)
        await eventually(lambda: _delivered(it))
        await it.store.prune(4e9)
        assert await pressed(server, result["message_id"], "Delete") == "Deleted."
        assert (ANN, result["message_id"]) not in server.messages
        # Under an album that is not known any more the buttons do not take themselves away instead.
        assert "delete it yourself" in await pressed(server, keyboard["message_id"], SIGNS[Action.DELETE])
        assert (ANN, keyboard["message_id"]) in server.messages


# --- commands, settings, inline --------------------------------------------------------------------------------------


async def test_commands_and_description_are_registered_and_not_again(server: FakeTelegram, tmp_path: Path) -> None:
    async with house(server):
        await server.until(lambda: server.short_description and server.made("setMyShortDescription"))
        names = [command["command"] for command in server.commands["all_group_chats"]]
        assert {"stylize", "styles", "queue", "cancel", "again", "settings", "help", "about", "privacy"} == set(names)
        assert server.commands["all_private_chats"] == server.commands["all_group_chats"]
    async with house(server):
        await server.until(lambda: len(server.made("getMyShortDescription")) == 2)
        server.says(ANN, "/help")
        await said(server, ANN, "/stylize:")
        assert len(server.made("setMyCommands")) == 2
        assert len(server.made("setMyDescription")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/styles", "styles. Send a photo"),
        ("/queue", "You have no pictures waiting"),
        ("/cancel", "nothing to cancel"),
        ("/again", "no order of yours"),
        ("/help", "/stylize:"),
        ("/about", "MIT licence"),
        ("/privacy", "I keep your photo"),
        ("/start", "I repaint photos"),
        ("/xyzzy", "I do not know /xyzzy"),
    ],
)
async def test_every_command_is_answered(server: FakeTelegram, text: str, words: str) -> None:
    async with house(server):
        server.says(ANN, text)
        await said(server, ANN, words)


async def test_settings_are_for_admins_and_hold_for_the_group(server: FakeTelegram, tmp_path: Path) -> None:
    server.chat(GROUP, forum=True)
    server.admins.add((GROUP, ANN))
    async with house(server, path=tmp_path / "journal"):
        server.says(GROUP, "/settings who=admins", user=BOB, thread=5)
        await said(server, GROUP, "Only admins can change")
        server.says(GROUP, "/settings style=greatwave size=80 topics=here who=admins", user=ANN, thread=5)
        await said(server, GROUP, "Done. What holds here now")
        await server.until(lambda: server.pending == 0)
    async with house(server, path=tmp_path / "journal") as it:
        server.says(GROUP, "/stylize", photo=CAT, user=BOB, thread=5)
        await said(server, GROUP, "only admins may order")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=6)
        await said(server, GROUP, "in this part of the group")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=5)
        (result,) = await finished(server, GROUP)
        assert "/stylize greatwave" in result["caption"]
        assert it.engine.runs[0].recipe.size == 80
        # An anonymous admin writes as the group.
        server.says(GROUP, "/settings who=everyone", thread=5, sender_chat=server.chat(GROUP))
        await server.until(lambda: "who=everyone" in str(server.of_bot(GROUP)[-1].get("text")))


async def test_inline_finds_styles_with_their_pictures(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    server.chat(ANN)
    async with house(server):
        query = server.asks_inline("starry")
        (result,) = await server.until(lambda: server.inline_answers.get(query))
        assert result["title"] == "The Starry Night"
        assert result["type"] == "photo"
        assert result["input_message_content"]["message_text"] == "/stylize starrynight"
        assert server.of_bot(ANN) == []
        for _ in range(len(gallery.default()) // ALBUM + 1):  # each brings an album more
            query = server.asks_inline("")
            results = await server.until(lambda query=query: server.inline_answers.get(query))
            assert len(results) == len(gallery.default())
        assert {result["type"] for result in results} == {"photo"}
        # What it writes is an order when it is sent in reply to a photo.
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize starrynight", reply=photo, via_bot=ME_SHORT)
        await finished(server, GROUP)


async def test_inline_shows_words_to_whom_we_may_not_write(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    async with house(server):
        query = server.asks_inline("wave", user=55)
        results = await server.until(lambda: server.inline_answers.get(query))
        assert [(result["type"], result["id"]) for result in results] == [("article", "greatwave")]


async def test_a_preview_that_cannot_be_made_costs_inline_its_picture_and_nobody_else_anything(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails_to_start(*_: object) -> bytes:
        raise OSError("too many open files")

    async with house(server):
        monkeypatch.setattr(prints, "preview", fails_to_start)
        query = server.asks_inline("wave")
        results = await server.until(lambda: server.inline_answers.get(query))
        assert [(result["type"], result["id"]) for result in results] == [("article", "greatwave")]
        assert len(server.made("getMe")) == 1, "the session goes on"


# --- what can go wrong -----------------------------------------------------------------------------------------------


def noise(width: int, height: int) -> bytes:
    """A PNG that cannot be packed well."""
    image = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


async def test_a_picture_over_ten_megabytes_goes_as_a_smaller_photo_and_the_original_file_is_whole(
    server: FakeTelegram,
) -> None:
    large = noise(2000, 1900)
    assert len(large) > 10_000_000
    async with house(server, paints(large, width=2000, height=1900)):
        result = await painted(server)
        assert "photo" in result
        assert len(result["_data"]) <= 10_000_000
        assert result["_data"].startswith(b"\xff\xd8")
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        assert list(file.files.values()) == [large]


@pytest.mark.parametrize("size", [(2100, 100), (9000, 1001)])
async def test_a_picture_that_can_be_no_photo_goes_as_a_file(server: FakeTelegram, size: tuple[int, int]) -> None:
    odd = picture((1, 2, 3), size)
    async with house(server, paints(odd, width=size[0], height=size[1])):
        result = await painted(server)
        assert result["_data"] == odd
        assert "document" in result
        assert "/stylize starrynight" in result["caption"]


async def test_a_picture_that_telegram_will_not_have_as_a_photo_goes_as_a_file(server: FakeTelegram) -> None:
    async with house(server):
        server.faults.append(("editMessageMedia", Refuse(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")))
        assert "document" in await painted(server)


async def test_a_picture_of_an_album_that_can_be_no_photo_comes_as_a_file_below(server: FakeTelegram) -> None:
    odd = picture((1, 2, 3), (2100, 100))
    async with house(server, paints(odd, width=2100, height=100), paints()):
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="e")
        await said(server, ANN, "it comes as a file below")
        results = await server.until(lambda: [m for m in server.pictures(ANN) if "document" in m])
        assert results[0]["_data"] == odd
        await finished(server, ANN, 2)


async def test_a_message_deleted_meanwhile_is_replaced_by_one_new_one(server: FakeTelegram) -> None:
    async with house(server, always=shows) as it:
        photo = server.says(ANN, "/stylize scream", photo=CAT)
        shown = await said(server, ANN, "step 60")
        server.deletes(ANN, shown["message_id"])
        server.deletes(ANN, photo)
        it.let_go()
        (result,) = await finished(server, ANN)
        assert result["message_id"] != shown["message_id"]
        assert len(server.of_bot(ANN)) == 1


async def test_an_answer_that_was_lost_on_its_way_back_is_not_given_twice(server: FakeTelegram) -> None:
    """Telegram has the picture, and we did not hear of it: the second try changes nothing, and that is success."""
    async with house(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await said(server, ANN, "step 60")
        handled = server._on_editMessageMedia
        lost = 0

        def once(call):
            nonlocal lost
            done = handled(call)
            if "reply_markup" in call.said and not lost:
                lost += 1
                raise Refuse(502, "Bad Gateway")
            return done

        server._on_editMessageMedia = once  # type: ignore[method-assign]
        it.let_go()
        await finished(server, ANN)
        await eventually(lambda: _delivered(it))
        assert lost == 1
        assert len(server.of_bot(ANN)) == 1


async def _delivered(it: House) -> bool:
    """Whether all that was painted is known to have arrived."""
    jobs = [await it.store.job(paint.job) for paint in it.engine.runs]
    return all(job is not None and job.state == "delivered" for job in jobs)


async def _lost(it: House) -> bool:
    job = await it.store.job(it.engine.runs[0].job)
    return job is not None and job.state == "lost"


async def test_a_bot_that_was_kicked_gives_the_job_up_and_serves_the_others(server: FakeTelegram) -> None:
    async with house(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await said(server, GROUP, "step 60")
        server.kicked.add(GROUP)
        it.let_go()
        await eventually(lambda: _lost(it))
        server.says(ANN, "/stylize scream", photo=CAT)
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        it.let_go()
        await finished(server, ANN)


def _bars(server: FakeTelegram, *kinds: str) -> None:
    """Let nobody send files of these kinds to the group."""
    handled = {method: getattr(server, f"_on_{method}") for method in ("sendPhoto", "editMessageMedia")}

    def bar(method: str, kind: str, call: Call) -> object:
        if kind in kinds and int(call.said["chat_id"]) == GROUP:
            raise Refuse(400, f"Bad Request: not enough rights to send {kind}s to the chat")
        return handled[method](call)

    server._on_sendPhoto = lambda call: bar("sendPhoto", "photo", call)  # type: ignore[method-assign]
    server._on_editMessageMedia = lambda call: bar(  # type: ignore[method-assign]
        "editMessageMedia", call.said["media"]["type"], call
    )


async def test_where_photos_may_not_be_sent_the_picture_comes_as_a_file(server: FakeTelegram) -> None:
    _bars(server, "photo")
    async with house(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await said(server, GROUP, "coming up")
        await it.finish(1)
        (result,) = await finished(server, GROUP)
        assert "document" in result
        assert result["_data"] == PAINTED


async def test_where_no_pictures_may_be_sent_that_is_said_and_the_gallery_is_shown_in_words(
    server: FakeTelegram,
) -> None:
    _bars(server, "photo", "document")
    async with house(server) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        told = await said(server, GROUP, "The Scream: finished, but I may not send pictures here.")
        assert "/again" in told["text"]
        await eventually(lambda: _lost(it))
        server.says(GROUP, "/styles")
        gallery = await said(server, GROUP, f"{len(NAMES)} styles")
        assert labels(gallery)[:PER_SHEET] == NAMES[:PER_SHEET]
        await pressed(server, gallery["message_id"], "▶", GROUP)
        assert f"Page 2 of {PAGES}" in server.messages[GROUP, gallery["message_id"]]["text"]


async def test_a_group_that_moved_is_followed(server: FakeTelegram) -> None:
    async with house(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await said(server, GROUP, "step 60")
        new = GROUP - 1
        server.chat(new)
        moved = Refuse(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=new)
        server.faults.append(("editMessageMedia", moved))
        it.let_go()
        (result,) = await finished(server, new)
        assert result["_data"] == PAINTED


async def test_a_pause_that_telegram_asks_for_holds_for_all_who_write_there(server: FakeTelegram) -> None:
    time = Time()
    async with house(server, time=time, album_seconds=0.05):
        server.chat(ANN)
        server.closes(ANN, 40)
        server.violations.clear()
        # The first to write learns of the pause; writing during a pause that was told is against the rules.
        server._closed.clear()
        server.faults.append(("sendMessage", Refuse(429, "Too Many Requests", retry_after=40)))
        before = time.now
        for _ in range(5):
            server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: not server.faults)
        server._closed[ANN] = before + 40
        await finished(server, ANN, 5)
        assert time.now >= before + 40


async def test_a_flooded_group_makes_nobody_else_wait(server: FakeTelegram, caplog: pytest.LogCaptureFixture) -> None:
    async with house(server, time=Moment()):
        for number in range(125):  # Telegram hands out no more than a hundred that are not confirmed
            server.says(GROUP, "/help", user=100 + number % 5)
        server.says(BOB, "/help", user=BOB)
        await said(server, BOB, "/stylize:")
        assert len(server.of_bot(GROUP)) == Rates().group
        assert "a reply was left out" in caplog.text


async def test_a_button_in_a_flooded_group_says_so(server: FakeTelegram) -> None:
    async with house(server, time=Moment()) as it:
        server.says(GROUP, "/styles")
        offer = await said(server, GROUP, "Page 1")
        it.chat._calls.flood.close(GROUP, 60)
        assert "Try again in a minute" in await pressed(server, offer["message_id"], "▶", GROUP)


async def test_a_caption_that_is_too_long_is_cut_and_the_recipe_line_is_whole(server: FakeTelegram) -> None:
    layers = ",".join(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2", "conv1", "fire2", "fire3"))
    names = "+".join(f"{style.name}:{index + 1}" for index, style in enumerate(list(gallery.default())[:8]))
    async with house(server):
        result = await painted(server, text=f"/stylize {names} layers={layers} content={layers} seed=7")
        assert length(result["caption"]) <= 1024
        (code,) = result["caption_entities"]
        utf16 = result["caption"].encode("utf-16-le")
        line = utf16[2 * code["offset"] :][: 2 * code["length"]].decode("utf-16-le")
        assert line.startswith("/stylize starrynight:1+greatwave:2")
        assert line.endswith("encoder=slim")


@pytest.mark.parametrize(("credit", "notes"), [("🎨" * 700, ("a note",)), ("short", ("n" * 900, "small"))])
def test_a_caption_is_counted_as_telegram_counts(credit: str, notes: tuple[str, ...]) -> None:
    result = Result(
        picture=b"", width=1, height=1, credit=credit, line="/stylize 🎨" + "x" * 300, seconds=3, notes=notes
    )
    text, (code,) = caption(result)
    assert length(text) <= 1024
    utf16 = text.encode("utf-16-le")
    assert utf16[2 * code.offset :][: 2 * code.length].decode("utf-16-le") == result.line
    assert length(cut("🎨" * 50, 10)) <= 10


async def test_another_copy_of_the_bot_is_named_and_outlived(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(server):
        server.faults.append(("getUpdates", Refuse(409, "Conflict: terminated by other getUpdates request")))
        server.says(ANN, "/help")
        await said(server, ANN, "/stylize:")
        assert not server.faults
        await painted(server)
    assert "Another copy of this bot is running with the same telegram.token" in caplog.text


@pytest.mark.parametrize("token", ["123456789:AAwrong_token_of_somebody_0123456789", "not a token"])
async def test_a_token_that_is_refused_is_said_once_and_stops_nothing_else(
    server: FakeTelegram, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(server, token=token) as it:
        async with asyncio.timeout(10):
            while not it.chat.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "@BotFather" in it.chat.ended
        await eventually(lambda: _ready(it))
        assert b"impasto_telegram_connected 0.0" in it.health.metrics()
    assert token not in caplog.text


async def test_a_network_that_is_gone_for_a_while_loses_no_order(server: FakeTelegram, tmp_path: Path) -> None:
    async with house(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await said(server, ANN, "step 60")
        server.down = True
        server.says(ANN, "/stylize starrynight", photo=CAT)
        it.let_go()
        await eventually(lambda: _noticed(it))
        server.down = False
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        it.let_go()
        await finished(server, ANN, 2)
        assert len(server.of_bot(ANN)) == 2


async def _ready(it: House) -> bool:
    return bool(it.health.readiness()["ok"])


async def _noticed(it: House) -> bool:
    return b"impasto_telegram_connected 0.0" in it.health.metrics()


async def test_a_line_that_breaks_while_the_photo_is_fetched_is_tried_again(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.faults.extend([("getFile", None), ("getFile", Refuse(500, "Internal Server Error"))])
        await painted(server)
        assert len(it.engine.runs) == 1


async def test_an_album_is_tried_again_whole(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.faults.append(("getFile", None))
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="f")
        await finished(server, ANN, 2)
        assert len(it.engine.runs) == 2
        assert len(server.made("sendMediaGroup")) == 1


async def test_a_start_without_a_network_waits_for_it(server: FakeTelegram) -> None:
    server.down = True
    async with house(server) as it:
        await it.engine.until(lambda: it.studio)
        server.says(ANN, "/stylize scream", photo=CAT)
        server.down = False
        await finished(server, ANN)


async def test_an_update_is_confirmed_only_when_it_is_dealt_with(server: FakeTelegram, tmp_path: Path) -> None:
    """So a bot that dies in between finds it again."""
    journal = tmp_path / "journal"
    async with house(server, path=journal):
        server.faults.extend([("getFile", None)] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: len(server.faults) < 998)
        assert server.pending == 1
    server.faults.clear()
    async with house(server, path=journal) as it:
        await finished(server, ANN)
        assert len(it.engine.runs) == 1
        await server.until(lambda: server.pending == 0)


async def test_an_order_that_is_handed_over_again_after_a_restart_is_the_same_job(
    server: FakeTelegram, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with house(server, always=shows, path=journal):
        server.says(ANN, "/stylize scream", photo=CAT)
        order = server._updates[0]
        await said(server, ANN, "step 60")
        await server.until(lambda: server.pending == 0)
    server._updates.append(order | {"update_id": order["update_id"] + 500})
    async with house(server, path=journal) as it:
        await finished(server, ANN)
        await server.until(lambda: server.pending == 0)
        assert len(it.engine.runs) == 1
        assert len(server.of_bot(ANN)) == 1


async def _breaks(it: House) -> None:
    """Let the session fall apart, as by a bug, and wait for the next one."""

    async def broken() -> None:
        raise RuntimeError("a bug of ours")

    logins = len(it.server.made("getMe"))
    it.chat._tasks.create_task(broken())
    await it.server.until(lambda: len(it.server.made("getMe")) > logins)


async def test_an_order_that_a_broken_session_left_half_done_is_taken_by_the_next(server: FakeTelegram) -> None:
    async with house(server) as it:
        server.faults.extend([("getFile", Refuse(500, "Internal Server Error"))] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: server.made("getFile"))
        await _breaks(it)
        server.faults.clear()
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_a_job_whose_first_message_a_broken_session_took_along_is_shown_by_the_next(
    server: FakeTelegram,
) -> None:
    async with house(server, time=Moment()) as it:
        flood = it.chat._calls.flood
        await it.chat._in.wait()
        flood.close(BOB, 3600)
        server.says(BOB, "/stylize scream", photo=CAT, user=BOB)
        await eventually(lambda: _posting(it))
        await _breaks(it)
        flood._closed.clear()
        await finished(server, BOB)
        await eventually(lambda: _delivered(it))


async def _posting(it: House) -> bool:
    return bool(it.chat._desk and it.chat._desk._posting)


# --- webhook ---------------------------------------------------------------------------------------------------------


async def test_a_webhook_takes_updates_with_the_secret_only(server: FakeTelegram) -> None:
    async with house(server, webhook_url="https://example.org/telegram") as it:
        await server.until(lambda: server.webhook)
        assert server.webhook["url"] == "https://example.org/telegram"
        secret = {"X-Telegram-Bot-Api-Secret-Token": server.webhook["secret_token"]}
        server.says(ANN, "/stylize scream", photo=CAT)
        body = json.dumps(server._updates[0]).encode()
        assert await it.chat.hook({}, body) == 403
        assert await it.chat.hook({"X-Telegram-Bot-Api-Secret-Token": "guess"}, body) == 403
        assert await it.chat.hook(secret, b"rubbish") == 400
        assert await it.chat.hook(secret, body) == 200
        assert await it.chat.hook(secret, body) == 200, "handed over twice"
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_an_update_that_a_broken_session_left_half_done_is_asked_for_again(server: FakeTelegram) -> None:
    async with house(server, webhook_url="https://example.org/telegram") as it:
        await server.until(lambda: server.webhook)
        secret = {"X-Telegram-Bot-Api-Secret-Token": server.webhook["secret_token"]}
        server.faults.extend([("getFile", Refuse(500, "Internal Server Error"))] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        body = json.dumps(server._updates[0]).encode()
        hooked = asyncio.create_task(it.chat.hook(secret, body))
        await server.until(lambda: server.made("getFile"))
        await _breaks(it)
        assert await hooked == 503
        server.faults.clear()
        await it.chat._in.wait()
        assert await it.chat.hook(secret, body) == 200
        await finished(server, ANN)


async def test_a_webhook_that_telegram_refuses_is_said(server: FakeTelegram) -> None:
    async with house(server, webhook_url="http://example.org/telegram") as it:
        await server.until(lambda: server.made("setWebhook"))
        async with asyncio.timeout(10):
            while not it.chat.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "telegram.webhook_url" in it.chat.ended


# --- whose turn it is ------------------------------------------------------------------------------------------------


async def test_a_shorter_pause_never_opens_what_a_longer_one_closed() -> None:
    time = Time()
    flood = RateLimiter(clock=time, sleep=time.sleep)
    flood.close(1, 40)
    flood.close(1, 5)
    begun = time.now
    await asyncio.gather(*(flood.turn(1) for _ in range(3)))
    assert time.now >= begun + 40
    await flood.turn(2)


async def test_answers_find_room_that_progress_leaves() -> None:
    time = Time()
    flood = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    begun = time.now
    while time.now < begun + 50:
        if not await flood.spare_turn(-1, 0):
            time.now += 0.5
    at = time.now
    await asyncio.gather(*(flood.turn(-1) for _ in range(8)))
    assert time.now == at, "nobody had to wait"


async def test_no_more_is_written_in_a_minute_than_a_group_allows() -> None:
    time = Time()
    flood = RateLimiter(Rates(group=20), clock=time, sleep=time.sleep)
    times = []
    for _ in range(100):
        await flood.turn(-1)
        times.append(time.now)
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[20:], strict=False))


async def test_a_print_is_as_small_as_it_must_be_and_rubbish_gives_none() -> None:
    small = await thumbnails.jpeg(noise(300, 300), 60_000)
    assert small
    assert len(small) <= 60_000
    assert await thumbnails.jpeg(noise(300, 300), 100) is None
    assert await thumbnails.jpeg(b"rubbish", 1000) is None
