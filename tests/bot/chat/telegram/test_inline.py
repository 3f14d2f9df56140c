"""Inline queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.chat.telegram.inline import AT_ONCE
from bot.engine_process import thumbnails
from engine import gallery
from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, finished, telegram_bot
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import ME
from tests.pictures import swatches

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
