"""Styles to choose from: sheets, pages, kinds, one style closer; and inline queries."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from bot.chat.telegram import presses
from bot.chat.telegram.inline import AT_ONCE
from bot.dialog.gallery import PER_SHEET
from bot.engine_process import thumbnails
from engine import gallery
from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    NAMES,
    PAGES,
    WHICH,
    TelegramBot,
    answer_to,
    finished,
    labels,
    message_with,
    pressed,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import ME
from tests.pictures import swatches


async def test_an_order_without_a_style_brings_the_gallery_whose_buttons_outlive_a_restart(
    server: FakeTelegram, tmp_path: Path
) -> None:
    async with telegram_bot(server, path=tmp_path / "journal"):
        photo = server.says(ANN, "/stylize", photo=CAT)
        offer = await message_with(server, ANN, WHICH)
        assert labels(offer)[:PER_SHEET] == NAMES[:PER_SHEET]
        with Image.open(io.BytesIO(offer["_data"])) as sheet:
            assert sheet.width > 3 * 240
        await server.until(lambda: server.pending == 0)
    async with telegram_bot(server, path=tmp_path / "journal"):
        query = server.presses(ANN, offer["message_id"], "greatwave")
        assert "greatwave: coming up" in await answer_to(server, query)
        (result,) = await finished(server, ANN)
        assert "/stylize greatwave" in result["caption"]
        assert result["reply_to_message"]["message_id"] == photo
        # The sheet is uploaded once.
        server.says(ANN, "/styles")
        await message_with(server, ANN, f"{len(gallery.default())} styles")
        assert [len(call.files) for call in server.made("sendPhoto")] == [1, 0]


async def test_a_command_without_a_style_brings_the_gallery_and_keeps_its_settings(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize strength=33", reply=photo)
        offer = await message_with(server, GROUP, WHICH)
        stranger = server.presses(GROUP, offer["message_id"], "scream", user=BOB)
        assert "for who asked" in await answer_to(server, stranger)
        server.presses(GROUP, offer["message_id"], "scream")
        (result,) = await finished(server, GROUP)
        assert "/stylize scream mode=fast strength=33" in result["caption"]
        assert it.engine.runs[0].photo == CAT


async def test_a_misspelt_style_brings_the_nearest_names_as_buttons(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/stylize starynight size=128", photo=CAT)
        offer = await message_with(server, ANN, "Did you mean starrynight?")
        server.presses(ANN, offer["message_id"], "starrynight")
        (result,) = await finished(server, ANN)
        assert "size=128" in result["caption"]


async def test_the_same_choice_pressed_twice_is_one_picture(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize", photo=CAT)
        offer = await message_with(server, ANN, WHICH)
        first = server.presses(ANN, offer["message_id"], "scream")
        second = server.presses(ANN, offer["message_id"], "scream")
        await answer_to(server, first)
        await answer_to(server, second)
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_the_same_choice_after_a_cancelled_one_is_painted(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(ANN, "/stylize", photo=CAT)
        offer = await message_with(server, ANN, WHICH)
        assert "coming up" in await pressed(server, offer["message_id"], "scream")
        await message_with(server, ANN, "step 60")
        server.says(ANN, "/cancel")
        await message_with(server, ANN, "Cancelled, as you asked.")
        assert "coming up" in await pressed(server, offer["message_id"], "scream")
        await it.finish(2)
        await finished(server, ANN)


@pytest.mark.parametrize("photos", [1, 2])
async def test_the_same_choice_another_time_is_painted_again(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch, photos: int
) -> None:
    monkeypatch.setattr(presses, "DOUBLE_SECONDS", 0.0)
    async with telegram_bot(server) as it:
        for number in range(photos):
            server.says(ANN, "" if number else "/stylize", photo=CAT, **({"album": "h"} if photos > 1 else {}))
        offer = (await message_with(server, ANN, WHICH))["message_id"]
        keyboard = server.messages[ANN, offer]["reply_markup"]["inline_keyboard"]
        scream = next(button["callback_data"] for row in keyboard for button in row if button["text"] == "scream")
        for count, query in enumerate(["first", "second", "second"], 1):
            server.sends_query(ANN, offer, scream, id=query)
            await finished(server, ANN, min(count, 2) * photos)
            await server.until(lambda: not server.unanswered)
            await it.delivered()
        assert len(it.engine.runs) == 2 * photos


async def test_the_gallery_is_paged_and_filtered_in_one_message(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/styles")
        message = (await message_with(server, ANN, f"Page 1 of {PAGES}"))["message_id"]
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
    async with telegram_bot(server):
        server.says(ANN, "/styles")
        message = (await message_with(server, ANN, f"Page 1 of {PAGES}"))["message_id"]
        await pressed(server, message, "greatwave")
        shown = server.messages[ANN, message]
        for words in ("The Great Wave off Kanagawa", "Hokusai", "woodblock", "/stylize greatwave"):
            assert words in shown["caption"]
        await pressed(server, message, "Back")
        assert labels(server.messages[ANN, message])[:PER_SHEET] == NAMES[:PER_SHEET]
        server.says(ANN, "/styles starry night")
        alone = await message_with(server, ANN, "Write /stylize starrynight")
        assert "for which photo" in await pressed(server, alone["message_id"], "next photo")
        server.says(ANN, photo=CAT)
        (result,) = await finished(server, ANN)
        assert "/stylize starrynight" in result["caption"]


async def test_a_deep_link_chooses_the_style_of_the_next_photo(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/start greatwave")
        await message_with(server, ANN, "The Great Wave off Kanagawa")
        server.says(ANN, photo=CAT)
        (result,) = await finished(server, ANN)
        assert "/stylize greatwave" in result["caption"]
        server.says(ANN, "/stylize", photo=CAT)
        await message_with(server, ANN, WHICH)


async def _presses_an_older_choice(server: FakeTelegram, it: TelegramBot, blob: bytes) -> str:
    """What is answered to a button that the version before posted, which kept this."""
    photo = server.says(ANN, photo=CAT, silent=True)
    file = server.messages[ANN, photo]["photo"][-1]["file_id"]
    kept = await it.store.put_blob("telegram:7", "ask", blob.replace(b"FILE", file.encode()))
    server.says(ANN, "/help")
    posted = await message_with(server, ANN, "/help options")
    return await answer_to(server, server.sends_query(ANN, posted["message_id"], f"s:{kept}:1:0:"))


ASK_OF_0_1_0 = b"""{"user":"telegram:7","place":{"chat":"telegram","room":"telegram:7","address":{"chat":7,"reply":1}},
"texts":["/stylize starrynight","/stylize scream strength=33"],"shots":[{"file":"FILE","size":123,"message":1,
"spoiler":true,"photo":true}],"style":null,"topic":"","styles":["starrynight","scream"],
"says":"Which style shall it be?"}"""


async def test_a_choice_that_the_version_before_offered_can_still_be_taken(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        assert "coming up" in await _presses_an_older_choice(server, it, ASK_OF_0_1_0)
        (result,) = await finished(server, ANN)
        assert "/stylize scream mode=fast strength=33" in result["caption"]
        assert result["has_media_spoiler"]


@pytest.mark.parametrize("blob", [b"{}", b"rubbish", b'{"user": 7}'])
async def test_a_choice_that_cannot_be_read_is_asked_for_again(server: FakeTelegram, blob: bytes) -> None:
    async with telegram_bot(server) as it:
        assert await _presses_an_older_choice(server, it, blob) == "This question is no longer kept. Ask again."


# --- Inline queries --------------------------------------------------------------------------------------------------


ME_SHORT = {key: ME[key] for key in ("id", "is_bot", "first_name", "username")}


async def test_inline_finds_styles_with_their_pictures(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    server.chat(ANN)
    async with telegram_bot(server):
        query = server.asks_inline("starry")
        (result,) = await server.until(lambda: server.inline_answers.get(query))
        assert result["title"] == "The Starry Night"
        assert result["type"] == "photo"
        assert result["input_message_content"]["message_text"] == "/stylize starrynight"
        assert server.of_bot(ANN) == []
        for _ in range(len(gallery.default()) // AT_ONCE + 1):  # each brings an album more
            query = server.asks_inline("")
            results = await server.until(lambda query=query: server.inline_answers.get(query))
            assert len(results) == len(gallery.default())
        assert {result["type"] for result in results} == {"photo"}
        # What it writes is an order when it is sent in reply to a photo.
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/stylize starrynight", reply=photo, via_bot=ME_SHORT)
        await finished(server, GROUP)


async def test_inline_shows_text_to_whom_we_may_not_write(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    async with telegram_bot(server):
        query = server.asks_inline("wave", user=55)
        results = await server.until(lambda: server.inline_answers.get(query))
        assert [(result["type"], result["id"]) for result in results] == [("article", "greatwave")]


async def test_a_preview_that_cannot_be_made_costs_inline_its_picture_and_nobody_else_anything(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails_to_start(*_: object) -> bytes:
        raise OSError("too many open files")

    async with telegram_bot(server):
        monkeypatch.setattr(thumbnails, "preview", fails_to_start)
        query = server.asks_inline("wave")
        results = await server.until(lambda: server.inline_answers.get(query))
        assert [(result["type"], result["id"]) for result in results] == [("article", "greatwave")]
        assert len(server.made("getMe")) == 1, "the session goes on"
