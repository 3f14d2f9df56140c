"""A picture of one's own as the style: which of two is which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, finished, message_with, pressed, telegram_bot
from tests.fakes.telegram.server import FakeTelegram
from tests.pictures import picture

TILES = picture((10, 150, 60), (48, 48))


@pytest.mark.parametrize("text", ["/stylize mine", "/stylize@impasto_bot starrynight:30+mine:70 strength=60"])
@pytest.mark.parametrize("chat", [ANN, GROUP])
async def test_a_reply_with_a_picture_says_which_is_the_style(server: FakeTelegram, text: str, chat: int) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(chat, user=BOB, photo=CAT, silent=True)
        server.says(chat, text, document=TILES, reply=photo)
        (result,) = await finished(server, chat)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["reply_to_message"]["message_id"] == photo
        assert "mode=universal" in result["caption"]


async def test_of_an_album_of_two_the_second_is_the_style_and_stays_it(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="m")
        server.says(ANN, photo=TILES, album="m", spoiler=True)
        (result,) = await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
        assert result["has_media_spoiler"], "the style shows in the picture"
        await server.until(lambda: server.pending == 0)
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        await pressed(server, result["message_id"], "Stronger")
        await finished(server, ANN, 2)
        await pressed(server, result["message_id"], "Finer")
        await finished(server, ANN, 3)
        server.says(ANN, "/again strength=20")
        await finished(server, ANN, 4)
        assert {(paint.photo, paint.style) for paint in it.engine.runs} == {(CAT, TILES)}


async def test_an_album_of_two_without_mine_is_two_pictures(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize scream", photo=CAT, album="n")
        server.says(ANN, photo=TILES, album="n")
        await finished(server, ANN, 2)
        assert [paint.style for paint in it.engine.runs] == [None, None]


async def test_a_style_that_comes_late_is_waited_for_no_longer_and_taken_all_the_same(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT, album="l")
        await message_with(server, ANN, "Which picture is the style?")
        server.says(ANN, photo=TILES, album="l")
        await finished(server, ANN)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]


async def test_one_picture_or_three_with_mine_are_answered_with_what_to_send(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize mine", photo=CAT)
        await message_with(server, ANN, "Which picture is the style? Send two pictures")
        server.says(ANN, "/stylize mine")
        await message_with(server, ANN, "Which photo? Send two pictures")
        for index in range(3):
            server.says(ANN, "/stylize mine" if index == 0 else "", photo=CAT, album="o")
        await message_with(server, ANN, "These are 3 pictures, and /stylize mine takes two")
        server.says(GROUP, "/stylize mine", photo=CAT, album="p")
        await message_with(server, GROUP, "In a group I am shown only one picture of an album")
        photo = server.says(GROUP, photo=CAT, silent=True)
        server.says(GROUP, "/stylize mine+starynight", photo=TILES, reply=photo)
        offer = await message_with(server, GROUP, "Did you mean")
        server.presses(GROUP, offer["message_id"], "mine+starrynight")
        await finished(server, GROUP)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(CAT, TILES)]
