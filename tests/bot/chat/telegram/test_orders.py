"""Orders: which pictures are painted, and what is answered where none can be."""

from __future__ import annotations

import pytest

from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, PAINTED, finished, message_with, telegram_bot
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse
from tests.pictures import picture

VIDEO = {"file_id": "v", "file_unique_id": "v", "width": 2, "height": 2, "duration": 1}


async def test_a_reply_to_a_photo_is_answered_in_one_message_with_all_about_the_picture(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
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
    async with telegram_bot(server) as it:
        if how == "caption":
            server.says(ANN, "/stylize starrynight", **{kind: data})
        else:
            server.says(ANN, "/stylize starrynight", reply=server.says(ANN, silent=True, **{kind: data}))
        await finished(server, ANN)
        assert it.engine.runs[0].photo == data


async def test_an_item_of_an_album_is_a_photo_like_any_other(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.says(GROUP, photo=CAT, album="a", silent=True)
        other = server.says(GROUP, photo=PAINTED, album="a", silent=True)
        server.says(GROUP, "/stylize@Impasto_Bot starrynight", reply=other)
        (result,) = await finished(server, GROUP)
        assert result["reply_to_message"]["message_id"] == other
        assert [paint.photo for paint in it.engine.runs] == [PAINTED]


async def test_what_is_not_for_us_is_left_alone(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(GROUP, "/stylize@another_bot starrynight", photo=CAT)
        server.says(GROUP, "what a nice day")
        server.says(GROUP, "a photo", photo=CAT)
        server.says(GROUP, "/weather")
        server.says(ANN, "/queue")
        await message_with(server, ANN, "no pictures waiting")
        assert server.of_bot(GROUP) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sticker": CAT, "moving": True}, "This sticker is animated"),
        ({"document": b"%PDF", "mime": "application/pdf"}, "This file is not a supported picture"),
        (
            {"video": VIDEO},
            "this is a video",
        ),
        ({"photo": CAT, "size": 21 * 2**20}, "has 21 MB, and 20 MB is the limit"),
    ],
)
async def test_what_cannot_be_painted_is_refused_with_the_reason(server: FakeTelegram, more: dict, words: str) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/stylize starrynight", **more)
        await message_with(server, ANN, words)


async def test_a_file_that_telegram_finds_too_big_is_refused_in_the_same_words(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.faults.append(("getFile", Refuse(400, "Bad Request: file is too big")))
        server.says(ANN, "/stylize starrynight", document=CAT)
        await message_with(server, ANN, "send it as a photo instead of a file")
