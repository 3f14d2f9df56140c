"""A bot at a Telegram of our own: everything real but the engine, which does as a test tells it, and the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bot.backoff import Backoff
from bot.chat.telegram.chat import TelegramChat
from bot.chat.telegram.rate_limiter import RateLimiter, Rates
from bot.config import Secret, Telegram
from bot.core.announce import Pace
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.buttons import Actions
from bot.dialog.commands import Commands
from bot.health import Health
from engine import gallery
from engine.wire import Done, Event, Failed, Paint, Preview, Progress
from tests.bot.chat.web.house import picture
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.harness import Act, EngineDouble

CAT = picture((200, 120, 40), (96, 64))
PAINTED = picture((10, 20, 200), (96, 64))
PREVIEW = picture((90, 90, 90), (48, 32), "JPEG")
ANN, BOB, GROUP = 7, 8, -100500


class Time:
    """It passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class Moment(Time):
    """Only one second of it ever passes: who waits for more waits for good."""

    async def sleep(self, seconds: float) -> None:
        if self.now + seconds > 1001.01:
            await asyncio.Event().wait()
        await super().sleep(seconds)


def paints(result: bytes = PAINTED, **said: object) -> Act:
    """An engine that makes this picture."""

    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        size = dict(width=96, height=64) | said
        yield Done(job=paint.job, picture=result, seconds=2.0, recipe=paint.recipe, **size)

    return act


async def shows(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """An engine that shows a preview and goes on when it is let go."""
    yield Progress(paint.job, 0.5, "step 60 of 120")
    yield Preview(paint.job, PREVIEW)
    await engine.until(lambda: paint.job in engine.free or paint.job in engine.cancelled)
    if paint.job in engine.cancelled:
        yield Failed(paint.job, "cancelled", "Cancelled.")
    else:
        yield Done(job=paint.job, picture=PAINTED, seconds=2.0, recipe=paint.recipe, width=96, height=64)


class House(NamedTuple):
    server: FakeTelegram
    chat: TelegramChat
    engine: EngineDouble
    studio: Studio
    store: Store
    health: Health

    async def finish(self, count: int) -> None:
        """Let the engine, which `shows`, finish so many pictures, one after the other."""
        for number in range(1, count + 1):
            await self.engine.until(lambda number=number: len(self.engine.runs) >= number)
            self.let_go()

    def let_go(self) -> None:
        """Let everything be finished."""
        for paint in self.engine.runs:
            self.engine.let_go(paint.job)


@asynccontextmanager
async def house(
    server: FakeTelegram,
    *acts: Act,
    always: Act | None = None,
    path: Path | None = None,
    time: Time | None = None,
    rates: Rates | None = None,
    open_jobs: int = 20,
    token: str = TOKEN,
    webhook_url: str = "",
    album_seconds: float = 0.1,
) -> AsyncIterator[House]:
    """The bot at work, logged in or trying to; stopped as an operator stops it when the context ends."""
    time = time or Time()
    server.clock = time
    engine, health, styles = EngineDouble(*acts), Health(), gallery.default()
    if not acts:
        engine.acts.extend([always or paints()] * 50)
    config = Telegram(token=Secret(token), api_url=server.url, webhook_url=webhook_url)
    async with Store.open(path) as store:
        limits = Limits(open_jobs=open_jobs, burst=50)
        pace = Pace(show=5.0, deliver=10.0, retry=Backoff(first=0.01, longest=0.05))
        studio = Studio(store, engine, FairQueue(), limits, styles, health=health, pace=pace)
        chat = TelegramChat(
            config,
            Commands(studio, styles),
            Actions(studio, store),
            store,
            styles,
            health,
            flood=RateLimiter(rates, clock=time, sleep=time.sleep),
            album_seconds=album_seconds,
            first_pause=0.01,
        )
        studio.add_chat(chat)
        tasks = [asyncio.create_task(studio.run()), asyncio.create_task(chat.run())]
        try:
            yield House(server, chat, engine, studio, store, health)
            await server.until(lambda: not server.unanswered)
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
