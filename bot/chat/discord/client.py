"""One connection to Discord: what the bot asks to be sent, and who handles it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import app_commands

from bot.chat.discord.interactions.orders import Orders
from bot.chat.discord.interactions.presses import Presses
from bot.chat.discord.interactions.reply import InteractionReply
from bot.chat.discord.messages import Messages
from bot.core.errors import InvalidOrder

log = logging.getLogger(__name__)


class Tree(app_commands.CommandTree["Client"]):
    """Turns whatever goes wrong in a command into a sentence."""

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, /) -> None:
        original = getattr(error, "original", error)
        if isinstance(error, app_commands.CheckFailure):
            original = InvalidOrder("You may not use this command here.")
        elif isinstance(error, app_commands.TransformerError | app_commands.CommandSignatureMismatch):
            original = InvalidOrder("Discord shows you an old form of this command. Restart Discord and try again.")
        await InteractionReply(interaction).fail(original)

    def fingerprint(self) -> str:
        """Changes when what Discord should know of the commands does."""
        payload = [command.to_dict(self) for command in self.get_commands()]
        return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]


class Client(discord.AutoShardedClient):
    """Commands find who handles them here, by ``interaction.client``."""

    def __init__(
        self,
        orders: Orders,
        messages: Messages,
        presses: Presses,
        greet: Callable[[discord.Guild], Awaitable[None]],
        *,
        message_content: bool,
        shard: tuple[int, int] | None = None,
    ) -> None:
        """``shard`` is its number, and how many there are; without it there are as many as Discord recommends, and
        all of them are here."""
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = message_content
        which: dict[str, Any] = {"shard_ids": [shard[0]], "shard_count": shard[1]} if shard else {}
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            **which,
            # The library waits for the last server to introduce itself, also beyond the end of the connection.
            guild_ready_timeout=0.0,
        )
        self.orders = orders
        self.messages = messages
        self.presses = presses
        self._greet = greet
        self.tree = Tree(
            self,
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
        )

    async def on_ready(self) -> None:
        shards = f", by {len(self.shards)} connections" if len(self.shards) > 1 else ""
        log.info("connected to Discord as %s, in %d servers%s", self.user, len(self.guilds), shards)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._greet(guild)

    async def on_message(self, message: discord.Message) -> None:
        await self.messages.answer(message, self)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self.messages.corrected(event.message, self)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Buttons and menus by their custom ids, so that they outlive a restart; commands come by the tree."""
        data: Mapping[str, Any] = interaction.data or {}
        try:
            match data.get("custom_id", "").split(":"):
                case "do", job, action:
                    await self.presses.press(interaction, f"{job}:{action}")
                case "pick", *_:
                    await self.presses.press(interaction, next(iter(data.get("values", ())), ""))
                case "menu", key, part:
                    await self.orders.menus.press(interaction, key, part)
        except Exception as error:
            await InteractionReply(interaction).fail(error)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("%s could not be handled", event_method)
