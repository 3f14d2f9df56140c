"""Where an order on Discord comes from and its answer goes, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.chat.discord.attachments import Pair, is_nsfw
from bot.core.errors import InvalidOrder, NotAllowed
from bot.core.jobs import Place
from bot.core.messages import Incoming

NAME = "discord"
NEEDED = ("view_channel", "send_messages", "attach_files", "read_message_history")
AGE = "That photo comes from an age-restricted channel, so I paint it in such channels only."


def check_age(pair: Pair, channel: Any) -> None:
    """Raises InvalidOrder: what comes from an age-restricted channel must not be shown here."""
    if pair.address.get("nsfw") and not is_nsfw(channel):
        raise InvalidOrder(AGE)


def check_permissions(permissions: discord.Permissions, channel: Any) -> None:
    """Raises NotAllowed: an answer could not be posted there."""
    needed = [name for name in NEEDED if not getattr(permissions, name)]
    if isinstance(channel, discord.Thread):
        needed = [name for name in needed if name != "send_messages"]
        needed += [] if permissions.send_messages_in_threads else ["send_messages_in_threads"]
    if needed:
        names = ", ".join(name.replace("_", " ").title() for name in needed)
        raise NotAllowed(
            f"I cannot answer in that channel: I lack the permission {names}. Ask who runs this server to give it to"
            " me, or try another channel."
        )


def is_outside(interaction: discord.Interaction) -> bool:
    """Whether the bot is there by somebody's own installation only, and is no member of the server or conversation."""
    if interaction.guild_id is None:
        return interaction.context.private_channel
    return interaction.client.get_guild(interaction.guild_id) is None


def room_of(guild: Any, channel: Any) -> str:
    """Settings are kept per server, and per private conversation."""
    return f"discord:{guild.id}" if guild is not None else f"discord:dm:{getattr(channel, 'id', 0)}"


def topic_of(channel: Any) -> str:
    """The channel, or the one that a thread belongs to."""
    return str(getattr(channel, "parent_id", None) or getattr(channel, "id", ""))


def address_of(message: discord.Message) -> dict[str, str | int]:
    guild: dict[str, str | int] = {"guild": message.guild.id} if message.guild is not None else {}
    return {"channel": message.channel.id} | guild


def incoming_of(
    interaction: discord.Interaction,
    text: str,
    *,
    photo: bytes | None = None,
    style: bytes | None = None,
    address: Mapping[str, str | int] | None = None,
    idempotency_key: str = "",
    topic: str = "",
) -> Incoming:
    where: dict[str, str | int] = {"channel": interaction.channel_id or 0, "limit": interaction.filesize_limit}
    if interaction.guild_id is not None:
        where["guild"] = interaction.guild_id
    if is_outside(interaction):
        where["outside"] = 1
    room = f"discord:{interaction.guild_id}" if interaction.guild_id else f"discord:dm:{interaction.channel_id}"
    return Incoming(
        user=f"discord:{interaction.user.id}",
        place=Place(NAME, room, where | dict(address or {})),
        text=text,
        photo=photo,
        style=style,
        admin=interaction.guild_id is None or interaction.permissions.manage_guild,
        topic=topic or topic_of(interaction.channel),
        idempotency_key=idempotency_key,
    )
