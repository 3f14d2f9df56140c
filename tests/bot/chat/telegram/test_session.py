"""Logging in, staying connected, and what outlives a session that breaks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bot.chat.telegram.harness import (
    ANN,
    BOB,
    CAT,
    GROUP,
    Moment,
    TelegramBot,
    finished,
    message_with,
    painted,
    shows,
    telegram_bot,
)
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse
from tests.waiting import eventually


async def test_a_bot_that_was_kicked_gives_the_job_up_and_serves_the_others(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(GROUP, "/stylize scream", photo=CAT)
        await message_with(server, GROUP, "step 60")
        server.kicked.add(GROUP)
        it.let_go()
        await it.lost()
        server.says(ANN, "/stylize scream", photo=CAT)
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        it.let_go()
        await finished(server, ANN)


async def test_another_copy_of_the_bot_is_named_and_outlived(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    async with telegram_bot(server):
        server.faults.append(("getUpdates", Refuse(409, "Conflict: terminated by other getUpdates request")))
        server.says(ANN, "/help")
        await message_with(server, ANN, "/help options")
        assert not server.faults
        await painted(server)
    assert "Another copy of this bot is running with the same telegram.token" in caplog.text


@pytest.mark.parametrize("token", ["123456789:AAwrong_token_of_somebody_0123456789", "not a token"])
async def test_a_token_that_is_refused_is_logged_and_stops_nothing_else(
    server: FakeTelegram, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with telegram_bot(server, token=token) as it:
        async with asyncio.timeout(10):
            while not it.chat.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "@BotFather" in it.chat.ended
        await eventually(lambda: _ready(it))
        assert b"impasto_telegram_connected 0.0" in it.health.metrics()
    assert token not in caplog.text


async def test_a_network_that_is_gone_for_a_while_loses_no_order(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server, always=shows) as it:
        server.says(ANN, "/stylize scream", photo=CAT)
        await message_with(server, ANN, "step 60")
        server.down = True
        server.says(ANN, "/stylize starrynight", photo=CAT)
        it.let_go()
        await eventually(lambda: _noticed(it))
        server.down = False
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        it.let_go()
        await finished(server, ANN, 2)
        assert len(server.of_bot(ANN)) == 2


async def _ready(it: TelegramBot) -> bool:
    return bool(it.health.readiness()["ok"])


async def _noticed(it: TelegramBot) -> bool:
    return b"impasto_telegram_connected 0.0" in it.health.metrics()


async def test_a_start_without_a_network_waits_for_it(server: FakeTelegram) -> None:
    server.down = True
    async with telegram_bot(server) as it:
        await it.engine.until(lambda: it.studio)
        server.says(ANN, "/stylize scream", photo=CAT)
        server.down = False
        await finished(server, ANN)


async def test_an_order_that_a_broken_session_left_half_done_is_taken_by_the_next(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.faults.extend([("getFile", Refuse(500, "Internal Server Error"))] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: server.made("getFile"))
        await it.break_session()
        server.faults.clear()
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_a_job_whose_first_message_a_broken_session_took_along_is_shown_by_the_next(
    server: FakeTelegram,
) -> None:
    async with telegram_bot(server, time=Moment()) as it:
        limiter = it.limiter
        await it.chat._logged_in.wait()
        limiter.close(BOB, 3600)
        server.says(BOB, "/stylize scream", photo=CAT, user=BOB)
        await eventually(lambda: _posting(it))
        await it.break_session()
        limiter._closed.clear()
        await finished(server, BOB)
        await it.delivered()


async def test_one_odd_answer_while_it_introduces_itself_does_not_end_the_session(
    server: FakeTelegram, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "_on_getMyCommands", lambda call: "not a list of commands")
    async with telegram_bot(server):
        await server.until(lambda: server.made("getMyCommands"))
        await painted(server)
        assert len(server.made("getMe")) == 1
    assert "was not given the list of commands" in caplog.text
    server.violations.clear()  # the odd answer is one


async def _posting(it: TelegramBot) -> bool:
    return bool(it.chat._messenger and it.chat._messenger._posting)


def test_the_library_is_imported_with_the_chat_only_and_leaves_the_environment_alone(root: Path) -> None:
    script = """
import os, sys
before = dict(os.environ)
import bot.app, bot.chat.telegram
assert "telegram" not in sys.modules
import bot.chat.telegram.chat
assert dict(os.environ) == before
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)
