"""The whole program at a Telegram of our own: a photo goes up, a painting comes down, whatever happens in between."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import TOKEN
from tests.pictures import picture

ANN = 7
LINE = "/stylize starrynight size=64 steps=2 seed=7"
CAT = picture((200, 120, 40), (96, 64))
MINUTES = 180.0  # seconds for a real engine on a machine that may be busy with other things
STARTS = itertools.count()
WRONG = "123456789:AAwrong_token_of_somebody_0123456789"


class Program:
    """The bot as an operator starts it, with all that it prints."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        return self._output.read_text("utf-8", "replace")

    async def until_printed(self, words: str) -> str:
        async with asyncio.timeout(MINUTES):
            while words not in self.output:
                assert self.process.returncode is None, self.output
                await asyncio.sleep(0.05)
        return self.output

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def program(server: FakeTelegram, root: Path, folder: Path, token: str = TOKEN) -> AsyncIterator[Program]:
    output = folder / f"output-{next(STARTS)}"
    environ = os.environ | {
        "PYTHONPATH": str(root),
        "IMPASTO_TELEGRAM_TOKEN": token,
        "IMPASTO_TELEGRAM_API_URL": server.url,
        "IMPASTO_WEB_PORT": "0",
        "IMPASTO_STORE_PATH": str(folder / "journal"),
        "IMPASTO_ENGINE_DEVICE": "cpu",
        "IMPASTO_ENGINE_THREADS": "1",
        "IMPASTO_LOG_LEVEL": "debug",
    }
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.__main__", cwd=root, env=environ, stdout=file, stderr=file
        )
        try:
            yield Program(process, output)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram().serve() as it:
        it.patience = MINUTES
        yield it
        assert not it.at_the_end()


async def in_the_terminal(root: Path, folder: Path, line: str) -> bytes:
    (folder / "cat.png").write_bytes(CAT)
    command = ["stylize", str(folder / "cat.png"), line, "-o", str(folder / "out.png")]
    environ = os.environ | {"PYTHONPATH": str(root), "IMPASTO_ENGINE_DEVICE": "cpu", "IMPASTO_ENGINE_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.__main__", *command, cwd=root, env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(MINUTES):
        assert await process.wait() == 0
    return (folder / "out.png").read_bytes()


async def test_the_picture_is_the_terminals_to_the_last_byte(server: FakeTelegram, root: Path, tmp_path: Path) -> None:
    async with program(server, root, tmp_path) as bot:
        server.says(ANN, LINE, photo=CAT)
        (result,) = await server.until(lambda: server.pictures(ANN))
        server.presses(ANN, result["message_id"], "Original file")
        (file,) = await server.until(lambda: server.made("sendDocument"))
        await server.until(lambda: not server.unanswered)
        assert len(server.of_bot(ANN)) == 2
        server.says(ANN, "/stylize starrynight size=64 seed=7", photo=CAT)
        instant = await server.until(lambda: len(server.pictures(ANN)) == 2 and server.pictures(ANN)[-1])
        assert "mode=fast" in instant["caption"]
        server.presses(ANN, instant["message_id"], "Finer")
        finer = await server.until(lambda: len(server.pictures(ANN)) == 3 and server.pictures(ANN)[-1])
        assert "mode=fine" in finer["caption"]
        assert TOKEN not in bot.output
        assert "I am @impasto_bot" in bot.output
    line = result["caption"].split("\n")[1]
    expected = await in_the_terminal(root, tmp_path, line)
    assert list(file.files.values()) == [expected]
    assert result["_data"] == expected, "and what the photo was made of"


async def test_a_bot_that_is_killed_between_order_and_answer_gives_one_answer(
    server: FakeTelegram, root: Path, tmp_path: Path
) -> None:
    async with program(server, root, tmp_path) as bot:
        server.says(ANN, LINE.replace("steps=2", "steps=60"), photo=CAT)
        await server.until(lambda: server.made("sendChatAction"))  # it is being painted
        await bot.kill()
    async with program(server, root, tmp_path) as bot:
        await server.until(lambda: server.pictures(ANN) and not server.pending)
        await bot.until_printed(" is delivered")
        # What is asked after it is answered after it: so nothing more of it is to come.
        server.says(ANN, "/queue")
        await server.until(lambda: any("In all, 0" in message.get("text", "") for message in server.of_bot(ANN)))
    assert len(server.pictures(ANN)) == 1
    assert len(server.of_bot(ANN)) == 2


async def test_a_wrong_token_is_said_and_hidden_and_the_chat_page_goes_on(
    server: FakeTelegram, root: Path, tmp_path: Path
) -> None:
    async with program(server, root, tmp_path, WRONG) as bot:
        output = await bot.until_printed("Telegram is not connected: it refuses telegram.token")
        output = await bot.until_printed("Impasto is ready: http")
        url = re.search(r"Impasto is ready: http://([\d.]+):(\d+)/", output)
        assert url
        reader, writer = await asyncio.open_connection(url[1], int(url[2]))
        writer.write(f"GET /health HTTP/1.1\r\nHost: {url[1]}:{url[2]}\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 ")
        writer.close()
        assert WRONG not in bot.output
        assert WRONG.partition(":")[2] not in bot.output
