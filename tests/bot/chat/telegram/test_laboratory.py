"""The laboratory on Telegram: what needs no photo, what leaves one aside, and a style picture alone."""

from __future__ import annotations

import pytest

from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, finished, labels, message_with, pressed, telegram_bot
from tests.fakes.telegram.server import FakeTelegram


@pytest.mark.parametrize(
    ("text", "credit"),
    [
        ("/texture starrynight depth=3", "Texture: The Starry Night, Vincent van Gogh, 1889"),
        ("/map", "A map of the gallery"),
    ],
)
async def test_a_picture_may_need_no_photo(server: FakeTelegram, text: str, credit: str) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, text)
        (result,) = await finished(server, GROUP)
        assert result["caption"].split("\n")[0] == credit
        assert it.engine.runs[0].photo is None
        assert "Again" in labels(result) or text == "/map"


async def test_a_photo_that_is_replied_to_is_no_part_of_a_texture_of_the_gallery(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/texture starrynight", reply=photo)
        await finished(server, GROUP)
        assert (it.engine.runs[0].photo, it.engine.runs[0].style) == (None, None)


async def test_a_texture_of_no_style_is_that_of_the_picture(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/texture", photo=CAT)
        await finished(server, ANN)
        assert (it.engine.runs[0].photo, it.engine.runs[0].style) == (None, CAT)


async def test_a_texture_of_nothing_offers_styles_that_are_painted_at_a_press(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/texture depth=2")
        offer = await message_with(server, ANN, "Which style?")
        await pressed(server, offer["message_id"], "greatwave")
        await finished(server, ANN)
        assert (it.engine.runs[0].recipe.mode, it.engine.runs[0].recipe.depth) == ("texture", 2)


async def test_the_button_shows_how_a_fine_picture_was_made(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/stylize starrynight mode=fine steps=9", photo=CAT)
        (fine,) = await finished(server, ANN)
        await pressed(server, fine["message_id"], "How it was made")
        *_, made = await finished(server, ANN, 2)
        assert "mode=explain" in made["caption"]
        assert "How it was made" not in labels(made)
        assert it.engine.runs[1].photo == CAT


async def test_a_dream_may_come_nearer_as_a_clip(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(ANN, "/dream zoom=4", photo=CAT)
        await finished(server, ANN)
        assert (it.engine.runs[0].recipe.mode, it.engine.runs[0].recipe.zoom) == ("dream", 4)
        assert it.engine.runs[0].plays
