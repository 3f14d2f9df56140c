"""Updates, asked for or posted: none is lost, none is dealt with twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.bot.chat.telegram.harness import ANN, CAT, finished, message_with, painted, shows, telegram_bot
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Refuse


async def test_a_line_that_breaks_while_the_photo_is_fetched_is_tried_again(server: FakeTelegram) -> None:
    async with telegram_bot(server) as it:
        server.faults.extend([("getFile", None), ("getFile", Refuse(500, "Internal Server Error"))])
        await painted(server)
        assert len(it.engine.runs) == 1


async def test_an_update_is_confirmed_only_when_it_is_dealt_with(server: FakeTelegram, tmp_path: Path) -> None:
    """So a bot that dies in between finds it again."""
    journal = tmp_path / "journal"
    async with telegram_bot(server, path=journal):
        server.faults.extend([("getFile", None)] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        await server.until(lambda: len(server.faults) < 998)
        assert server.pending == 1
    server.faults.clear()
    async with telegram_bot(server, path=journal) as it:
        await finished(server, ANN)
        assert len(it.engine.runs) == 1
        await server.until(lambda: server.pending == 0)


async def test_an_order_that_is_handed_over_again_after_a_restart_is_the_same_job(
    server: FakeTelegram, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with telegram_bot(server, always=shows, path=journal):
        server.says(ANN, "/stylize scream", photo=CAT)
        order = server.updates[0]
        await message_with(server, ANN, "step 60")
        await server.until(lambda: server.pending == 0)
    server.updates.append(order | {"update_id": order["update_id"] + 500})
    async with telegram_bot(server, path=journal) as it:
        await finished(server, ANN)
        await server.until(lambda: server.pending == 0)
        assert len(it.engine.runs) == 1
        assert len(server.of_bot(ANN)) == 1


async def test_a_webhook_takes_updates_with_the_secret_only(server: FakeTelegram) -> None:
    async with telegram_bot(server, webhook_url="https://example.org/telegram") as it:
        await server.until(lambda: server.webhook)
        assert server.webhook["url"] == "https://example.org/telegram"
        assert it.chat.hooks == {"/telegram": it.chat.hook}
        secret = {"X-Telegram-Bot-Api-Secret-Token": server.webhook["secret_token"]}
        server.says(ANN, "/stylize scream", photo=CAT)
        body = json.dumps(server.updates[0]).encode()
        assert await it.chat.hook({}, body) == 403
        assert await it.chat.hook({"X-Telegram-Bot-Api-Secret-Token": "guess"}, body) == 403
        assert await it.chat.hook(secret, b"rubbish") == 400
        assert await it.chat.hook(secret, body) == 200
        assert await it.chat.hook(secret, body) == 200, "handed over twice"
        await finished(server, ANN)
        assert len(it.engine.runs) == 1


async def test_an_update_that_a_broken_session_left_half_done_is_asked_for_again(server: FakeTelegram) -> None:
    async with telegram_bot(server, webhook_url="https://example.org/telegram") as it:
        await server.until(lambda: server.webhook)
        secret = {"X-Telegram-Bot-Api-Secret-Token": server.webhook["secret_token"]}
        server.faults.extend([("getFile", Refuse(500, "Internal Server Error"))] * 1000)
        server.says(ANN, "/stylize scream", photo=CAT)
        body = json.dumps(server.updates[0]).encode()
        hooked = asyncio.create_task(it.chat.hook(secret, body))
        await server.until(lambda: server.made("getFile"))
        await it.break_session()
        assert await hooked == 503
        server.faults.clear()
        await it.chat._logged_in.wait()
        assert await it.chat.hook(secret, body) == 200
        await finished(server, ANN)


async def test_a_webhook_that_telegram_refuses_is_logged(server: FakeTelegram) -> None:
    async with telegram_bot(server, webhook_url="http://example.org/telegram") as it:
        await server.until(lambda: server.made("setWebhook"))
        async with asyncio.timeout(10):
            while not it.chat.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "telegram.webhook_url" in it.chat.ended


async def test_an_update_that_cannot_be_read_is_left_out_and_the_others_are_dealt_with(
    server: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    async with telegram_bot(server) as it:
        number = 700_000
        server.updates.append({"update_id": number, "message": {"message_id": 5, "text": "/help secret"}})
        server.says(ANN, "/stylize scream", photo=CAT)
        await finished(server, ANN)
        await server.until(lambda: server.pending == 0)
        assert len(it.engine.runs) == 1
        assert len(server.made("getMe")) == 1, "the session went on"
    assert caplog.text.count("700000 cannot be read") == 1
    assert "secret" not in caplog.text


async def test_one_that_is_posted_is_taken_all_the_same_lest_it_come_again(server: FakeTelegram) -> None:
    async with telegram_bot(server, webhook_url="https://bot.example/telegram") as it:
        await server.until(lambda: server.made("setWebhook"))
        headers = {"X-Telegram-Bot-Api-Secret-Token": it.chat.secret}
        broken = json.dumps({"update_id": 7, "message": {"message_id": 5}}).encode()
        assert [await it.chat.hook(headers, broken) for _ in range(2)] == [200, 200]
        assert await it.chat.hook(headers, b"[]") == 400
