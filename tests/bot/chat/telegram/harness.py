"""A bot at a fake Telegram: everything real but the engine, which plays the acts of a test, and the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from bot.backoff import Backoff
from bot.chat.telegram.chat import TelegramChat
from bot.chat.telegram.rate_limiter import RateLimiter, Rates
from bot.config import Secret, Telegram
from bot.core.announce import Pace
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.people.owners import Owners
from bot.core.studio import Studio
from bot.dialog.gallery import PER_SHEET
from bot.health import Health
from engine import gallery
from engine.wire import Done, Event, Failed, Paint, Preview, Progress
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import TOKEN
from tests.harness import Act, EngineDouble, assembled, at_work
from tests.pictures import picture
from tests.waiting import eventually

CAT = picture((200, 120, 40), (96, 64))
PAINTED = picture((10, 20, 200), (96, 64))
PREVIEW = picture((90, 90, 90), (48, 32), "JPEG")
ANN, BOB, GROUP = 7, 8, -100500
NAMES = [style.name for style in gallery.default()]
PAGES = -(-len(NAMES) // PER_SHEET)
WHICH = "Which style?"  # what a photo without a style is answered with


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


def paints(result: bytes = PAINTED, **more: object) -> Act:
    """An engine that makes this picture."""

    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        said = dict(width=96, height=64, seconds=2.0) | more
        yield Done(job=paint.job, picture=result, recipe=paint.recipe, **said)

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


class TelegramBot(NamedTuple):
    """The bot, and the Telegram that it is connected to."""

    server: FakeTelegram
    chat: TelegramChat
    limiter: RateLimiter
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

    async def delivered(self) -> None:
        """Wait until all that was painted is known to have arrived."""
        await eventually(self._all_delivered)

    async def _all_delivered(self) -> bool:
        jobs = [await self.store.job(paint.job) for paint in self.engine.runs]
        return all(job is not None and job.state == "delivered" for job in jobs)

    async def lost(self) -> None:
        """Wait until the first picture is given up."""

        async def look() -> bool:
            job = await self.store.job(self.engine.runs[0].job)
            return job is not None and job.state == "lost"

        await eventually(look)

    async def break_session(self) -> None:
        """Let the session fall apart, as by a bug, and wait for the next one."""

        async def broken() -> None:
            raise RuntimeError("a bug of ours")

        logins = len(self.server.made("getMe"))
        self.chat._tasks.create_task(broken())
        await self.server.until(lambda: len(self.server.made("getMe")) > logins)


@asynccontextmanager
async def telegram_bot(
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
    owners: Owners | None = None,
) -> AsyncIterator[TelegramBot]:
    """The bot at work, logged in or trying to; stopped as an operator stops it when the context ends."""
    time = time or Time()
    server.clock = time
    engine, limiter = EngineDouble(*acts), RateLimiter(rates, clock=time, sleep=time.sleep)
    if not acts:
        engine.acts.extend([always or paints()] * 50)
    config = Telegram(token=Secret(token), api_url=server.url, webhook_url=webhook_url)
    limits = Limits(open_jobs=open_jobs, burst=50)
    pace = Pace(show=5.0, deliver=10.0, retry=Backoff(first=0.01, longest=0.05))
    async with assembled(engine, path=path, limits=limits, pace=pace, owners=owners) as services:
        chat = TelegramChat(
            config, services, limiter=limiter, album_seconds=album_seconds, retry=Backoff(first=0.01, longest=30.0)
        )
        services.studio.add_chat(chat)
        async with at_work(services):
            running = asyncio.create_task(chat.run())
            try:
                yield TelegramBot(server, chat, limiter, engine, services.studio, services.store, services.health)
                await server.until(lambda: not server.unanswered)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


# --- what tests wait for ---------------------------------------------------------------------------------------------


async def finished(server: FakeTelegram, chat: int, count: int = 1) -> list[dict[str, Any]]:
    """The bot's finished pictures in a chat, once there are so many."""
    return await server.until(lambda: len(server.pictures(chat)) >= count and server.pictures(chat))


async def message_with(server: FakeTelegram, chat: int, words: str) -> dict[str, Any]:
    """The bot's message with these words."""

    def look() -> dict[str, Any] | None:
        texts = [(message, message.get("text", "") + message.get("caption", "")) for message in server.of_bot(chat)]
        return next((message for message, text in texts if words in text), None)

    return await server.until(look)


async def answer_to(server: FakeTelegram, query: str) -> str:
    call = await server.until(lambda: server.answered(query))
    return call.parameters.get("text", "")


def labels(message: dict[str, Any]) -> list[str]:
    """What its buttons say."""
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


async def pressed(server: FakeTelegram, message: int, label: str, chat: int = ANN) -> str:
    """What Ann is told for pressing a button; all that it does is done then."""
    return await answer_to(server, server.presses(chat, message, label))


async def painted(
    server: FakeTelegram, chat: int = ANN, text: str = "/stylize starrynight seed=7", **more: Any
) -> dict[str, Any]:
    """An order that is finished."""
    server.says(chat, text, photo=CAT, **more)
    return (await finished(server, chat))[-1]
