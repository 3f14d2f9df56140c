"""A bot with one chat, in a process of its own that can be killed; its platform and its engine are doubles.

    python -m tests.chatbot discord http://127.0.0.1:1234 FOLDER

The journal lies in the folder. Pictures are finished when there is a file ``open`` in it, and every one that the
engine takes leaves a file there, so that both processes know where they stand.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.backoff import Backoff
from bot.config import Discord, Secret, Telegram
from bot.core.announce import Pace
from bot.core.limits import Limits
from bot.core.messages import Platform
from bot.dialog.services import Services
from engine.wire import Event, Paint
from tests.fakes.discord.world import TOKEN as DISCORD_TOKEN
from tests.fakes.telegram.state import TOKEN as TELEGRAM_TOKEN
from tests.harness import EngineDouble, assembled, at_work, done
from tests.pictures import picture
from tests.waiting import eventually

PAINTED = picture((10, 20, 200), (96, 64))
RETRY = Backoff(first=0.01, longest=0.05)


class Killable:
    """The process, seen from the test."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    def kill(self) -> None:
        """At once, as the kernel does it when memory is short."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and the loop does not know it yet
                os.kill(self._process.pid, signal.SIGKILL)

    async def died(self) -> None:
        assert await self._process.wait() == -signal.SIGKILL

    async def took(self, count: int = 1) -> None:
        """The engine has so many pictures in hand, or had."""

        async def taken() -> bool:
            return len(list(self._folder.glob("taken-*"))) >= count

        await eventually(taken)


@asynccontextmanager
async def process(platform: str, url: str, folder: Path, *, later: float = 0.0) -> AsyncIterator[Killable]:
    """The bot in a process of its own, by whose clock so many seconds have passed; dead when the context ends."""
    command = (sys.executable, "-m", "tests.chatbot", platform, url, str(folder), str(later))
    started = await asyncio.create_subprocess_exec(*command)
    bot = Killable(started, folder)
    try:
        yield bot
    finally:
        bot.kill()
        await started.wait()


def let_go(folder: Path) -> None:
    """Have every picture finished."""
    (folder / "open").touch()


async def _run(platform: str, url: str, folder: Path, later: float) -> None:
    async def gated(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        (folder / f"taken-{time.time_ns()}").touch()
        while not (folder / "open").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        yield done(paint, width=96, height=64, picture=PAINTED)

    engine = EngineDouble(*[gated] * 50)
    pace = Pace(show=60.0, deliver=60.0, retry=RETRY)
    limits = Limits(open_jobs=20, burst=50)
    async with assembled(engine, path=folder / "journal", pace=pace, limits=limits) as services:
        chat = (_discord if platform == "discord" else _telegram)(url, services, later)
        services.studio.add_chat(chat)
        async with at_work(services):
            await chat.run()


def _discord(url: str, services: Services, later: float) -> Platform:
    import discord
    import yarl

    from bot.chat.discord.chat import DiscordChat

    discord.http.Route.BASE = f"{url}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{url.replace('http', 'ws')}/gateway")
    config = Discord(token=Secret(DISCORD_TOKEN))
    return DiscordChat(config, services, clock=lambda: time.time() + later, retry=RETRY, pause=3600.0)


def _telegram(url: str, services: Services, later: float) -> Platform:
    from bot.chat.telegram.chat import TelegramChat

    config = Telegram(token=Secret(TELEGRAM_TOKEN), api_url=url)
    return TelegramChat(config, services, album_seconds=0.1, retry=RETRY)


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])))
