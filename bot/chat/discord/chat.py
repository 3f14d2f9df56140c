"""Discord as a chat: the connection, and jobs' messages through the messenger."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

import discord

from bot.backoff import Backoff
from bot.chat.discord import places
from bot.chat.discord.client import Client
from bot.chat.discord.interactions import commands
from bot.chat.discord.interactions.orders import Orders
from bot.chat.discord.interactions.presses import Presses
from bot.chat.discord.interactions.promises import Left, Promises
from bot.chat.discord.interactions.reply import send_dm
from bot.chat.discord.messages import Messages
from bot.chat.discord.transport import DiscordTransport
from bot.chat.messenger import Messenger
from bot.config import Discord
from bot.core.errors import StoreError, Undeliverable
from bot.core.jobs import Job, Place
from bot.core.messages import Platform, Result, Status
from bot.dialog.services import Services
from bot.dialog.talk.help import first_words
from engine.wire import GIF, MP4

log = logging.getLogger(__name__)

SYNC_ROOM, SYNC_KEY = "discord", "commands"  # where the store keeps the fingerprint of the commands that Discord has
BAD_TOKEN = 4004  # close code
NO_CONTENT = (
    "Discord does not grant the message-content intent that discord.message_content asks for: switch it on in the"
    " developer portal, under Bot. Until then I do without; mentions and menus work."
)
REFUSED = (
    "Discord does not accept discord.token, so I am not on Discord. Copy the token from the developer portal again"
    " (Bot, Reset Token), and restart me. Everything else goes on."
)
ORDER_AGAIN = "That was too long ago for me to answer there, so please order it again."
HOW = "Right-click a photo (on a phone, hold it), then Apps, Stylize; or write /stylize."
SHARE = "Be a member of a server that the bot is on, and let its members send you direct messages."
TRIES = 20  # to take up an order of the last run
RETRY = Backoff(first=5.0, longest=300.0)


class DiscordChat(Platform):
    """The bot on Discord.

    Args:
        clock: seconds since the epoch.
        retry: the pauses between attempts to connect.
        pause: seconds between two edits of a message.
    """

    name = places.NAME
    plays = (GIF.media_type, MP4.media_type)

    def __init__(
        self,
        config: Discord,
        services: Services,
        *,
        clock: Callable[[], float] = time.time,
        retry: Backoff = RETRY,
        pause: float = 3.0,
    ) -> None:
        self.trouble = "not connected yet"  # why there is no connection, as a sentence; empty where there is one
        self._config = config
        self._store = services.store
        self._owners = services.owners
        self._retry = retry
        self._transport = DiscordTransport(services.store, clock, pause)
        self._messenger = Messenger(self._transport, services, clock)
        self._promises = Promises(services.store, self._transport, clock)
        self._orders = Orders(services, self._transport, self._promises, clock)
        self._messages = Messages(self._orders, self._promises)
        self._presses = Presses(self._messenger, self._transport, self._promises)
        self._up = asyncio.Event()
        services.health.gauge(
            "discord_connected", "Whether Discord has let the bot in.", lambda: float(self._up.is_set())
        )

    # --- the connection ----------------------------------------------------------------------------------------------

    def client(self, *, message_content: bool = False) -> Client:
        """A client with every command, not yet connected."""
        client = Client(
            self._orders,
            self._messages,
            self._presses,
            self._greet,
            message_content=message_content,
            shard=(self._config.shard, self._config.shards) if self._config.shards else None,
        )
        for command in commands.COMMANDS:
            client.tree.add_command(command)
        if any(user.startswith(f"{self.name}:") for user in self._owners.people):
            client.tree.add_command(commands.admin)
        return client

    async def run(self) -> None:
        left = await self._left()
        async with self._messenger, asyncio.TaskGroup() as tasks:
            taking_up = tasks.create_task(self._take_up(left))
            await self._stay_connected()
            taking_up.cancel()

    # --- what the last run was killed with ---------------------------------------------------------------------------

    async def _left(self) -> Sequence[Left]:
        for pause in self._retry:
            try:
                return await self._promises.left()
            except StoreError as error:
                log.warning("what the last run left undone cannot be read yet: %s", error)
                await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    async def _take_up(self, left: Sequence[Left]) -> None:
        """Do what was promised and not done."""
        await self._up.wait()
        async with asyncio.TaskGroup() as tasks:
            for one in left:
                tasks.create_task(self._take_up_one(one))

    async def _take_up_one(self, left: Left) -> None:
        for pause in islice(self._retry, TRIES):
            try:
                await self._up.wait()
                await self._carry_out(left)
                break
            except Exception as error:  # whatever the network may do
                log.warning("an order of the last run could not be taken up, next try in %.0f s: %r", pause, error)
                await asyncio.sleep(pause)
        if not self._transport.answers_by_interaction(left.asked.key):
            await self._promises.end(left.asked.key)

    async def _carry_out(self, left: Left) -> None:
        asked, client = left.asked, self._transport.connected()
        if asked.kind == "message":
            await self._messages.take_up(asked, client)
        elif self._promises.has_expired(left):
            if asked.is_order:
                await send_dm(
                    client,
                    asked.user,
                    f"I was away when you ordered a picture <t:{left.promise.at:.0f}:R>. {ORDER_AGAIN}",
                )
        elif reply := await self._promises.resumed(left):
            await (self._presses if asked.press else self._orders).carry_out(asked, reply)

    async def _stay_connected(self) -> None:
        """Returns where Discord does not accept the bot at all, having logged why."""
        message_content = self._config.message_content
        pauses = iter(self._retry)
        while True:
            try:
                await self._connect(self.client(message_content=message_content))
                self._lost("Discord has closed the connection.")
            except discord.PrivilegedIntentsRequired:
                self._lost(NO_CONTENT)
                message_content = False
                continue
            except (discord.LoginFailure, discord.ConnectionClosed) as error:
                if isinstance(error, discord.LoginFailure) or error.code == BAD_TOKEN:
                    self._lost(REFUSED)
                    return
                self._lost(f"Discord has closed the connection ({error.code}).")
            except Exception as error:  # whatever the network may do; the other platforms continue meanwhile
                self._lost(f"Discord cannot be reached: {error!r}.")
            await asyncio.sleep(next(pauses))

    async def _connect(self, client: Client) -> None:
        """One connection, until it ends."""
        try:
            async with client:
                await client.login(self._config.token.reveal())
                self._transport.client = client
                await self._sync(client)
                self.trouble = ""
                self._up.set()
                await client.connect()
        finally:
            self._up.clear()
            self._transport.client = None

    async def _sync(self, client: Client) -> None:
        """Give Discord the commands, if they are not those that it has."""
        now = f"{client.application_id}:{client.tree.fingerprint()}"
        if await self._store.setting(SYNC_ROOM, SYNC_KEY) == now:
            return
        try:
            await client.tree.sync()
        except discord.HTTPException as error:
            log.error("Discord did not take the commands, so they are as they were: %s", error)
        else:
            await self._store.set_setting(SYNC_ROOM, SYNC_KEY, now)
            log.info("Discord has the current commands")

    async def _greet(self, guild: discord.Guild) -> None:
        """Say hello on a server that the bot was added to, once, where it may write."""
        channels = (it for it in (guild.system_channel, *guild.text_channels) if it is not None)
        channel = next((it for it in channels if places.may_write(it.permissions_for(guild.me))), None)
        if channel and (words := await first_words(self._store, f"{self.name}:{guild.id}", HOW)):
            with suppress(discord.HTTPException):
                await channel.send(words)

    def _lost(self, why: str) -> None:
        self.trouble = why
        log.error("%s", why)

    # --- the chat ----------------------------------------------------------------------------------------------------

    def most_bytes(self, job: Job) -> int:
        return self._transport.file_limit(job)

    async def wait_to_show(self, job: Job, status: Status) -> None:
        if places.is_look(job.place):
            return
        await self._messenger.wait_to_show(job, status)

    async def show(self, job: Job, status: Status) -> None:
        if places.is_look(job.place):
            return
        await self._up.wait()
        await self._messenger.show(job, status)

    async def deliver(self, job: Job, result: Result) -> None:
        if places.is_look(job.place):
            await self._orders.menus.looked(job)
            return
        await self._up.wait()
        await self._messenger.deliver(job, result)

    async def notify(self, job: Job, text: str) -> None:
        if places.is_look(job.place):
            return
        await self._up.wait()
        await self._messenger.notify(job, text)

    async def tell(self, user: str, text: str) -> None:
        await self._up.wait()
        try:
            await (await self._transport.connected().create_dm(discord.Object(int(user.partition(":")[2])))).send(text)
        except discord.HTTPException as error:
            raise Undeliverable(f"Discord does not take it ({error.text or error.status}). {SHARE}") from error

    def repeated(self, place: Place, last: Place) -> Place:
        return places.repeated(place, last)
