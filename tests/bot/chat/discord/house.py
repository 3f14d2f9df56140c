"""The Discord chat with everything behind it but the engine, in SimCord's Discord."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.backoff import Backoff
from bot.chat.discord.chat import DiscordChat
from bot.config import Discord, Secret
from bot.core.announce import Pace
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Incoming, Reply
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.buttons import Actions, Press, Pressed
from bot.dialog.commands import Commands
from bot.health import Health
from engine import gallery
from tests.bot.chat.web.house import picture
from tests.harness import Act, EngineDouble, eventually

PHOTO = picture()
QUICK = Pace(show=60.0, deliver=60.0, retry=Backoff(first=0.01, longest=0.02))


class Clerk:
    """Hands orders to the studio from outside, for SimCord waits until all that the bot has begun has ended."""

    def __init__(self) -> None:
        self._work: asyncio.Queue[tuple[Callable[[], Any], asyncio.Future[Any]]] = asyncio.Queue()

    async def run(self) -> None:
        while True:
            work, done = await self._work.get()
            answer = await work()
            if not done.done():
                done.set_result(answer)

    async def do(self, work: Callable[[], Any]) -> Any:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._work.put_nowait((work, done))
        return await done


class Asked(Commands):
    """Commands, asked through the clerk; writes down what it was asked."""

    def __init__(self, clerk: Clerk, studio: Studio) -> None:
        super().__init__(studio, gallery.default())
        self.clerk = clerk
        self.heard: list[Incoming] = []

    async def handle(self, incoming: Incoming) -> Reply:
        self.heard.append(incoming)
        work = super().handle
        return await self.clerk.do(lambda: work(incoming))


class Pressing(Actions):
    """The buttons' meaning, asked through the clerk."""

    clerk: Clerk

    async def press(self, press: Press) -> Pressed:
        work = super().press
        return await self.clerk.do(lambda: work(press))


class House:
    """A bot in a channel, and two people."""

    def __init__(
        self, env: simcord.Env, chat: DiscordChat, store: Store, studio: Studio, engine: EngineDouble
    ) -> None:
        self.env, self.chat, self.store, self.studio, self.engine = env, chat, store, studio, engine
        self.commands: Any = None
        self.stop: Any = None  # as an operator stops the bot
        if not env._guilds:
            env.create_guild()
        self.guild = env.guild
        self.channel = self.guild.channels.get("art") or self.guild.create_text_channel("art")
        self.ann = self.guild.add_member(env.create_user("ann"))
        self.bob = self.guild.add_member(env.create_user("bob"))

    def answers(self, channel: Any = None) -> list[discord.Message]:
        """The bot's public messages in the channel that carry a finished picture."""
        bot = self.env.bot.user
        found = (channel or self.channel).history()
        return [m for m in found if bot and m.author.id == bot.id and m.content and m.components and m.attachments]

    def public(self, channel: Any = None) -> list[discord.Message]:
        bot = self.env.bot.user
        found = (channel or self.channel).history()
        return [m for m in found if bot and m.author.id == bot.id and not m.flags.ephemeral]

    async def answer(self, number: int = 1, channel: Any = None) -> discord.Message:
        """The finished picture, once there are so many."""

        async def there() -> Any:
            found = self.answers(channel)
            return len(found) >= number and found

        found = await eventually(there)
        assert len(found) == number
        return found[-1]

    async def photo(self, *, spoiler: bool = False, channel: Any = None, data: bytes = PHOTO) -> discord.Message:
        """A message of Bob's with a photo."""
        name = "SPOILER_cat.png" if spoiler else "cat.png"
        return await self.bob.send(channel or self.channel, "look", attachments=[(name, data)])

    async def data(self, message: Any, index: int = 0) -> bytes:
        with self.env.time_context():
            return await message.attachments[index].read()


def everything(message: Any) -> str:
    """All texts of a response, of components too."""

    def walk(parts: Any) -> Any:
        for part in parts:
            yield part.get("content", "")
            yield from walk(part.get("components", ()))

    return "\n".join([message.content or "", *walk(message.components)])


def options(message: Any) -> list[str]:
    """The values of all menus of a response."""
    rows = [row for row in message.components if row["type"] == 1]
    parts = [part for row in rows for part in row["components"] if part["type"] == 3]
    return [option["value"] for part in parts for option in part["options"]]


@asynccontextmanager
async def house(
    *acts: Act,
    path: Path | None = None,
    message_content: bool = False,
    limits: Limits | None = None,
    check_errors: bool = True,
    max_photo_bytes: int = 2**20,
) -> AsyncIterator[House]:
    engine = EngineDouble(*acts)
    async with (
        Store.open(path) as store,
        started(store, engine, message_content=message_content, limits=limits, max_photo=max_photo_bytes) as (
            chat,
            studio,
            commands,
            clerk,
        ),
    ):
        client = chat.client(message_content=message_content)
        env = simcord.Env(client, check_errors=check_errors, settle_timeout=60.0)  # a busy machine is slow
        env.create_guild()
        chat._clock = lambda: env.now().timestamp()
        chat._posts._clock = chat._clock
        await env.start()
        it = House(env, chat, store, studio, engine)
        it.commands = commands
        try:
            async with at_work(env, studio, clerk) as it.stop:
                yield it
        finally:
            await env.shutdown()
            if check_errors:
                env.raise_errors()


@asynccontextmanager
async def started(
    store: Store, engine: EngineDouble, *, message_content: bool, limits: Limits | None, max_photo: int
) -> AsyncIterator[Any]:
    clerk = Clerk()
    limits = limits or Limits(open_jobs=20, burst=50)
    studio = Studio(store, engine, FairQueue(), limits, gallery.default(), pace=QUICK)
    commands = Asked(clerk, studio)
    actions = Pressing(studio, store, clock=time.monotonic)
    actions.clerk = clerk
    config = Discord(token=Secret("x"), message_content=message_content)
    chat = DiscordChat(config, commands, actions, store, gallery.default(), Health(), max_photo_bytes=max_photo)
    chat.pause = 0.0
    studio.add_chat(chat)
    yield chat, studio, commands, clerk


@asynccontextmanager
async def at_work(env: simcord.Env, studio: Studio, clerk: Clerk) -> AsyncIterator[Callable[[], Any]]:
    with env.time_context():
        working = [asyncio.create_task(studio.run()), asyncio.create_task(clerk.run())]

    async def stop() -> None:
        for task in working:
            task.cancel()
        for task in working:
            with suppress(asyncio.CancelledError):
                await task

    try:
        yield stop
    finally:
        await stop()


@asynccontextmanager
async def again(it: House, *acts: Act) -> AsyncIterator[House]:
    """The same Discord and the same journal, after a restart of the bot."""
    engine = EngineDouble(*acts)
    async with started(it.store, engine, message_content=False, limits=None, max_photo=2**20) as found:
        chat, studio, commands, clerk = found
        chat._clock = lambda: it.env.now().timestamp()
        chat._posts._clock = chat._clock
        await it.env.restart_bot(chat.client())
        new = House.__new__(House)
        new.__dict__ |= it.__dict__ | {"chat": chat, "studio": studio, "commands": commands, "engine": engine}
        async with at_work(it.env, studio, clerk) as new.stop:
            yield new
