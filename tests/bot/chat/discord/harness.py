"""The bot on the Discord of `tests.fakes.discord`, over real sockets; only Discord and the engine are doubles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest
import yarl

from bot.backoff import Backoff
from bot.chat.discord import messages, shown
from bot.chat.discord.chat import DiscordChat
from bot.chat.discord.client import Client
from bot.config import Discord, Secret
from bot.core.admission import Rules
from bot.core.announce import Pace
from bot.core.engine import Engine
from bot.core.jobs import Job, State
from bot.core.limits import Limits
from bot.core.people.owners import Owners
from bot.dialog.services import Services
from engine.wire import Paint
from tests.fakes.discord.server import FakeDiscord, running
from tests.fakes.discord.world import BOT, EPHEMERAL, TOKEN, Interaction
from tests.harness import Act, EngineDouble, assembled, at_work
from tests.pictures import picture
from tests.waiting import PATIENCE, eventually

PHOTO, TILES = picture(), picture((10, 150, 60), (48, 48))
CAT, SECRET_CAT = ("cat.png", PHOTO), ("SPOILER_cat.png", PHOTO)
ME = f"<@{BOT}>"
PATIENT = Pace(show=60.0, deliver=60.0, retry=Backoff(first=0.01, longest=0.02))  # a busy machine is slow


@asynccontextmanager
async def fake_discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    """Our Discord, where discord.py takes it for the real one; at the end no rule may have been broken."""
    async with running() as fake:
        monkeypatch.setattr(discord.http.Route, "BASE", f"{fake.url}/api/v10")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(fake.gateway))
        monkeypatch.setattr(discord.asset.Asset, "BASE", fake.url)
        real = shown.is_discords  # for which our Discord stands for one of the real one's servers for files

        def is_discords(url: str) -> bool:
            return real(url.replace(f"{fake.url}/", "https://media.discordapp.net/", 1))

        monkeypatch.setattr(shown, "is_discords", is_discords)

        async def at_once(*args: object, **more: object) -> None:
            """discord.py waits for five seconds before it identifies itself again."""

        async def briefly(seconds: float) -> None:
            """It waits for seconds before it repeats a request, too."""
            await asyncio.sleep(seconds / 100)

        monkeypatch.setattr(messages, "UNFOLDING", (0.01,) * 200)
        monkeypatch.setattr(Client, "before_identify_hook", at_once)
        monkeypatch.setattr(discord.backoff.ExponentialBackoff, "delay", lambda self: 0.01)
        monkeypatch.setattr(discord.http, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": briefly}))
        fake.add_guild()
        fake.add_channel()
        yield fake
        fake.check()


class DiscordBot:
    """A bot on our Discord, in a channel with Ann and Bob. What somebody does is done by Ann in that channel, unless
    it is said otherwise."""

    def __init__(self, fake: FakeDiscord, chat: DiscordChat, services: Services, engine: Any) -> None:
        self.fake, self.chat, self.engine = fake, chat, engine
        self.store, self.studio = services.store, services.studio
        self.channel = next(iter(fake.channels))
        names = {user["username"]: id for id, user in fake.users.items()}
        self.ann, self.bob = (names.get(name) or fake.add_user(name) for name in ("ann", "bob"))

    # --- what people do ----------------------------------------------------------------------------------------------

    async def slash(self, name: str, /, *, by: int = 0, where: int = 0, **options: Any) -> Interaction:
        return await self.fake.slash(by or self.ann, where or self.channel, name, **options)

    async def stylize(self, *, by: int = 0, where: int = 0, **options: Any) -> Interaction:
        """A slash command with a photo."""
        return await self.slash("stylize", by=by, where=where, **{"photo": CAT} | options)

    async def ordered(self) -> int:
        """A picture of Ann's, delivered; returns its message."""
        await self.stylize(style="starrynight", strength=50, seed=5555555)
        answer = await self.answer()
        # The journal has it a moment after it is seen, and before that it cannot be deleted.
        await self.until_state(self.engine.runs[-1].job, State.DELIVERED)
        return answer

    async def says(
        self,
        text: str = "",
        *files: tuple[str, bytes],
        by: int = 0,
        where: int = 0,
        reply_to: int | None = None,
        **more: Any,
    ) -> int:
        return await self.fake.says(by or self.ann, where or self.channel, text, files, reply_to, **more)

    async def photo(self, file: tuple[str, bytes] = CAT, *, where: int = 0) -> int:
        """A message of Bob's with a photo."""
        return await self.says("look", file, by=self.bob, where=where)

    async def menu(self, name: str, message: int, *, where: int = 0) -> Interaction:
        """Right-click a message, Apps, and this."""
        return await self.fake.menu(self.ann, where or self.channel, name, message)

    async def menu_of(self, photo: int) -> int:
        """The gallery that is offered for a photo."""
        return await self.shown(await self.menu("Stylize", photo))

    async def autocomplete(self, name: str, option: str, text: str) -> list[dict[str, Any]]:
        found = await self.fake.autocomplete(self.ann, self.channel, name, option, text)
        await self.fake.until(lambda: found.choices is not None)
        return found.choices or []

    async def choose(self, shown: int, *values: str) -> None:
        """Choose in menus of a message, which is drawn anew after every one."""
        for value in values:
            await self.redrawn(shown, lambda value=value: self.fake.choose(self.ann, shown, value))

    async def turn(self, shown: int, label: str) -> None:
        """Press a button after which the message is drawn anew."""
        await self.redrawn(shown, lambda: self.fake.press(self.ann, shown, label))

    async def search(self, shown: int, word: str) -> None:
        asked = await self.fake.press(self.ann, shown, "Search")
        await self.fake.until(lambda: asked.modal)
        await self.redrawn(shown, lambda: self.fake.submit(asked, word))

    async def redrawn(self, shown: int, act: Callable[[], Awaitable[Any]]) -> None:
        before = self.fake.messages[shown]["components"]
        await act()
        await self.fake.until(lambda: self.fake.messages[shown]["components"] is not before)

    # --- what they see -----------------------------------------------------------------------------------------------

    def said(self, found: Interaction) -> str:
        """All that the person was told by an interaction."""
        messages = [found.original, *found.followups]
        return "\n".join(self.fake.text(id) for id in messages if id in self.fake.messages)

    async def told(self, found: Interaction, words: str) -> str:
        """The same, once these words are there."""
        await self.fake.until(lambda: words in self.said(found))
        return self.said(found)

    async def told_alone(self, found: Interaction, words: str) -> str:
        """The same, where nobody else sees it."""
        text = await self.told(found, words)
        ids = found.followups or [found.original or 0]
        assert all(self.fake.messages[id]["flags"] & EPHEMERAL for id in ids)
        return text

    async def shown(self, found: Interaction) -> int:
        """The message with the components that answers an interaction."""
        return await self.fake.until(
            lambda: found.original and self.fake.components(found.original) and found.original
        )

    async def direct(self) -> int:
        """The channel between Ann and the bot, once there is one."""
        return await self.fake.until(lambda: next((id for id, c in self.fake.channels.items() if c["type"] == 1), 0))

    def public(self, channel: int = 0) -> list[dict[str, Any]]:
        """The bot's messages that everybody sees."""
        return [m for m in self.fake.of_bot(channel or self.channel) if not m["flags"] & EPHEMERAL]

    async def posted(self, words: str, channel: int = 0) -> dict[str, Any]:
        """The bot's public message with these words."""
        return await self.fake.until(
            lambda: next((message for message in self.public(channel) if words in message["content"]), None)
        )

    def answers(self, channel: int = 0) -> list[int]:
        """The bot's public messages that carry a finished picture."""
        found = self.public(channel)
        return [int(m["id"]) for m in found if m["content"] and m["attachments"] and m["components"]]

    async def answer(self, number: int = 1, channel: int = 0) -> int:
        """The newest of them, once there are so many."""
        await self.fake.until(lambda: len(self.answers(channel)) >= number)
        found = self.answers(channel)
        assert len(found) == number
        return found[-1]

    def replies_to(self, message: int) -> int:
        return int(self.fake.messages[message]["message_reference"]["message_id"])

    def file_name(self, message: int) -> str:
        return self.fake.messages[message]["attachments"][0]["filename"]

    async def started(self, number: int = 1) -> str:
        """The job that the engine was given at this place in its order, once it was."""
        await self.engine.until(lambda: len(self.engine.runs) >= number)
        return self.engine.runs[number - 1].job

    async def until_state(self, job: str, state: State) -> None:
        async def reached() -> bool:
            found = await self.store.job(job)
            return found is not None and found.state is state

        await eventually(reached)

    async def jobs(self) -> Sequence[Job]:
        return await self.store.jobs_of(f"discord:{self.ann}")

    @property
    def pictures(self) -> list[Paint]:
        """What the engine was given, but for the sheets that menus show."""
        return [paint for paint in self.engine.runs if paint.recipe.mode != "sheet"]

    @property
    def painted(self) -> list[tuple[bytes | None, bytes | None]]:
        """The pictures that the engine was given: photo and style."""
        return [(paint.photo, paint.style) for paint in self.engine.runs]


@asynccontextmanager
async def on(
    fake: FakeDiscord,
    *acts: Act,
    path: Path | None = None,
    message_content: bool = False,
    engine: Engine | None = None,
    pause: float = 0.0,
    max_photo_bytes: int = 2**20,
    open_jobs: int = 20,
    owners: Owners | None = None,
    shard: int = 0,
    shards: int = 0,
) -> AsyncIterator[DiscordBot]:
    """A bot that is connected, and stopped as an operator stops it when the context ends.

    Args:
        path: the journal; in memory where there is none.
        pause: seconds between two edits of a message.
        open_jobs: of one person.
    """
    painter = engine or EngineDouble(*acts)
    rules = Rules(max_photo_bytes=max_photo_bytes)
    limits = Limits(open_jobs=open_jobs, burst=50)
    async with assembled(painter, path=path, rules=rules, limits=limits, pace=PATIENT, owners=owners) as services:
        config = Discord(token=Secret(TOKEN), message_content=message_content, shard=shard, shards=shards)
        retry = Backoff(first=0.01, longest=0.01)
        chat = DiscordChat(config, services, clock=fake.clock, retry=retry, pause=pause)
        services.studio.add_chat(chat)
        before, fake.hurried = fake.identified, not pause
        with no_errors():
            async with at_work(services), connected(chat):
                await fake.until(lambda: fake.identified > before and fake.commands)
                yield DiscordBot(fake, chat, services, painter)


@asynccontextmanager
async def connected(chat: DiscordChat) -> AsyncIterator[None]:
    running = asyncio.create_task(chat.run())
    try:
        yield
        await handled()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def handled() -> None:
    """Return when the client has nothing left in hand."""
    kinds = ("discord.py: on_", "CommandTree-invoker", "discord-ui-")
    tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith(kinds)]
    if tasks:
        await asyncio.wait(tasks, timeout=PATIENCE)


@contextmanager
def no_errors() -> Iterator[None]:
    """Nothing may have gone so wrong that it is logged with a traceback: not of ours, and not in discord.py."""
    found: list[str] = []

    class Errors(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info:
                found.append(self.format(record))

    handler = Errors(logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert not found, "\n".join(found)
