"""Albums: one command for all of its photos, answered with an album."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bot.chat.telegram.render import SIGNS
from engine import gallery
from engine.wire import Cell, Done, Event, Paint
from tests.bot.chat.telegram.harness import (
    ANN,
    CAT,
    PAINTED,
    WHICH,
    answer_to,
    finished,
    message_with,
    paints,
    pressed,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.harness import EngineDouble
from tests.pictures import picture, swatches


async def test_a_style_that_was_chosen_before_is_for_all_pictures_of_an_album(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.says(ANN, "/start greatwave")
        await message_with(server, ANN, "for which photo")
        for _ in range(2):
            server.says(ANN, photo=CAT, album="i")
        results = await finished(server, ANN, 2)
        assert all("/stylize greatwave" in result["caption"] for result in results)
        assert len({result["media_group_id"] for result in results}) == 1
        server.says(ANN, photo=CAT)
        await message_with(server, ANN, "Every style")


async def test_an_album_with_one_command_is_answered_with_an_album(server: FakeTelegram) -> None:
    photos = [picture((index * 60, 10, 10), (80 + index, 60)) for index in range(3)]
    async with telegram_bot(server, always=shows) as it:
        ids = [
            server.says(ANN, "/stylize starrynight" if index == 0 else "", photo=photo, album="a")
            for index, photo in enumerate(photos)
        ]
        (group,) = await server.until(lambda: server.made("sendMediaGroup"))
        assert [item["media"] for item in group.parameters["media"]] == [
            server.messages[ANN, id]["photo"][-1]["file_id"] for id in ids
        ]
        await it.finish(3)
        results = await finished(server, ANN, 3)
        assert len({result["media_group_id"] for result in results}) == 1
        assert all(result["_data"] == PAINTED for result in results)
        assert sorted(paint.photo for paint in it.engine.runs) == sorted(photos)
        keyboard = await message_with(server, ANN, "its buttons")
        rows = keyboard["reply_markup"]["inline_keyboard"]
        assert [len(row) for row in rows] == [len(SIGNS) - 4] * 3, (
            "all but variations and what only fine pictures have"
        )
        assert len(server.of_bot(ANN)) == 4
        query = server.presses(ANN, keyboard["message_id"], "2 ")
        await answer_to(server, query)
        await it.finish(4)
        await finished(server, ANN, 4)


async def test_an_album_of_files_is_answered_with_an_album_too(
    server: FakeTelegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swatches(tmp_path, monkeypatch)
    async with telegram_bot(server):
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", document=CAT, album="b")
        results = await finished(server, ANN, 2)
        assert len({result["media_group_id"] for result in results}) == 1


async def test_what_the_limit_leaves_out_of_an_album_is_named(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows, open_jobs=2) as it:
        for index in range(3):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="c")
        await message_with(server, ANN, "1 of your 3 pictures was not taken. 2 of your pictures are waiting")
        await it.finish(2)
        await finished(server, ANN, 2)


async def paints_every_style(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """An engine whose sheets have all styles."""
    names = [style.name for style in gallery.default()] if paint.recipe.rules.sheet else []
    made = tuple(Cell(name, (0.0, 0.0, 0.1, 0.1), 0.1) for name in names)
    yield Done(job=paint.job, picture=PAINTED, seconds=2.0, recipe=paint.recipe, width=96, height=64, cells=made)


async def test_an_album_alone_in_private_is_shown_in_every_style_of_which_one_is_for_all(server: FakeTelegram) -> None:
    dog = picture((20, 120, 200), (96, 64))
    async with telegram_bot(server, always=paints_every_style) as it:
        for photo in (CAT, dog):
            server.says(ANN, photo=photo, album="d")
        (sheet,) = await finished(server, ANN)
        assert sheet["caption"].startswith("Every style")
        number = [style.name for style in gallery.default()].index("scream") + 1
        for _ in range(2):  # a double tap
            assert "scream: coming up." in await pressed(server, sheet["message_id"], str(number))
        _, *results = await finished(server, ANN, 3)
        assert all("/stylize scream" in result["caption"] for result in results)
        assert len({result["media_group_id"] for result in results}) == 1
        assert [paint.photo for paint in it.engine.runs] == [CAT, CAT, dog]


async def test_an_album_whose_sheet_would_not_come_soon_brings_the_gallery(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        it.engine.ready = None
        for _ in range(2):
            server.says(ANN, photo=CAT, album="d")
        offer = await message_with(server, ANN, WHICH)
        server.presses(ANN, offer["message_id"], "scream")
        await finished(server, ANN, 2)
        assert len(server.made("sendPhoto")) == 1


async def test_a_picture_of_an_album_that_can_be_no_photo_comes_as_a_file_below(server: FakeTelegram) -> None:
    odd = picture((1, 2, 3), (2100, 100))
    async with telegram_bot(server, paints(odd, width=2100, height=100), paints()):
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="e")
        await message_with(server, ANN, "it follows as a file below")
        results = await server.until(lambda: [m for m in server.pictures(ANN) if "document" in m])
        assert results[0]["_data"] == odd
        await finished(server, ANN, 2)


async def test_an_album_is_tried_again_whole(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.faults.append(("getFile", None))
        for index in range(2):
            server.says(ANN, "/stylize scream" if index == 0 else "", photo=CAT, album="f")
        await finished(server, ANN, 2)
        assert len(it.engine.runs) == 2
        assert len(server.made("sendMediaGroup")) == 1
