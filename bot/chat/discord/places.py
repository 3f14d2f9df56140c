"""Where on Discord an order comes from and its answer goes, and whether it may go there."""

from __future__ import annotations

from typing import Any

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Pictures, is_nsfw
from bot.core.errors import InvalidOrder, NotAllowed
from bot.core.jobs import Address, Place
from bot.core.messages import Incoming

NAME = "discord"
NEEDED = ("view_channel", "send_messages", "attach_files", "read_message_history")
AGE = "That photo comes from an age-restricted channel, so I paint it in such channels only."


class DiscordAddress(Address, frozen=True, kw_only=True, omit_defaults=True):
    """Where an answer goes, and how; the journal keeps it with the job."""

    channel: int
    guild: int = 0  # 0 is a private conversation
    limit: int = 0  # bytes of a file there, where Discord tells it
    reply: int = 0  # the message that the answer is a reply to
    spoiler: bool = False  # a picture of the order is hidden until it is clicked
    nsfw: bool = False  # a picture of the order comes from an age-restricted channel
    nsfw_allowed: bool = False  # and such a one may be shown there
    asked: int = 0  # who ordered it by a command or a button, which no message shows; 0 where a message shows it
    look: str = ""  # the menu that a sheet is painted for, which shows it in place of the styles' own pictures
    outside: bool = False  # the bot is not a member there: only the interaction can carry the answer


def is_look(place: Place) -> bool:
    """Whether what is painted for there is for a menu alone, so that no message shows it."""
    return bool(place.address.get("look"))


def repeated(place: Place, last: Place) -> Place:
    """See `Chat.repeated`."""
    here, there = DiscordAddress.of(place), DiscordAddress.of(last)
    if there.nsfw and not here.nsfw_allowed:
        raise InvalidOrder(AGE)
    kept = msgspec.structs.replace(here, spoiler=here.spoiler or there.spoiler, nsfw=here.nsfw or there.nsfw)
    return kept.place(place.chat, place.room)


def incoming_of(interaction: discord.Interaction[Any], pictures: Pictures = NONE, *, topic: str = "") -> Incoming:
    """Without the bytes of the pictures."""
    address = DiscordAddress(
        channel=interaction.channel_id or 0,
        guild=interaction.guild_id or 0,
        limit=interaction.filesize_limit,
        reply=pictures.photo.reply if pictures.photo else 0,
        spoiler=pictures.spoiler,
        nsfw=pictures.nsfw,
        nsfw_allowed=is_nsfw(interaction.channel),
        asked=interaction.user.id,
        outside=is_outside(interaction),
    )
    return Incoming(
        user=user_of(interaction),
        place=_place(address),
        own_room=_is_alone(address),
        admin=interaction.guild_id is None or interaction.permissions.manage_guild,
        topic=topic or _topic(interaction.channel),
        idempotency_key=f"{NAME}:{interaction.id}",
    )


def incoming_of_message(message: discord.Message, pictures: Pictures) -> Incoming:
    """Without the bytes of the pictures."""
    address = DiscordAddress(
        channel=message.channel.id,
        guild=message.guild.id if message.guild else 0,
        reply=message.id,
        spoiler=pictures.spoiler,
        nsfw=pictures.nsfw,
        nsfw_allowed=is_nsfw(message.channel),
    )
    member = message.author if isinstance(message.author, discord.Member) else None
    return Incoming(
        user=f"{NAME}:{message.author.id}",
        place=_place(address),
        own_room=_is_alone(address),
        admin=message.guild is None or bool(member and member.guild_permissions.manage_guild),
        topic=_topic(message.channel),
        idempotency_key=f"{NAME}:{message.id}",
    )


def _is_alone(address: DiscordAddress) -> bool:
    """Whether it is the private conversation of one person with the bot; where the bot is no member, others may be."""
    return not address.guild and not address.outside


def user_of(interaction: discord.Interaction[Any]) -> str:
    return f"{NAME}:{interaction.user.id}"


def _place(address: DiscordAddress) -> Place:
    """Settings are kept per server, and per private conversation."""
    room = f"{NAME}:{address.guild}" if address.guild else f"{NAME}:dm:{address.channel}"
    return address.place(NAME, room)


def _topic(channel: Any) -> str:
    """The channel, or the one that a thread belongs to."""
    return str(getattr(channel, "parent_id", None) or getattr(channel, "id", ""))


def is_outside(interaction: discord.Interaction[Any]) -> bool:
    """Whether the bot is there by somebody's own installation only, not as a member of the server or conversation."""
    if interaction.guild_id is None:
        return interaction.context.private_channel
    return interaction.client.get_guild(interaction.guild_id) is None


def check_age(incoming: Incoming) -> None:
    """Raises InvalidOrder: what comes from an age-restricted channel must not be shown here."""
    address = DiscordAddress.of(incoming.place)
    if address.nsfw and not address.nsfw_allowed:
        raise InvalidOrder(AGE)


def check_interaction(interaction: discord.Interaction[Any]) -> None:
    """Whether the answer could be posted there, also when the interaction's time is over; raises NotAllowed."""
    if interaction.guild_id is not None and not is_outside(interaction):
        _check_permissions(interaction.app_permissions, interaction.channel)


def check_message(message: discord.Message) -> None:
    """Whether the answer can be posted there; raises NotAllowed."""
    if message.guild is not None:
        _check_permissions(message.channel.permissions_for(message.guild.me), message.channel)


def may_write(permissions: discord.Permissions) -> bool:
    return permissions.view_channel and permissions.send_messages


def _check_permissions(permissions: discord.Permissions, channel: Any) -> None:
    thread = isinstance(channel, discord.Thread)
    names = ["send_messages_in_threads" if thread and name == "send_messages" else name for name in NEEDED]
    missing = [name for name in names if not getattr(permissions, name)]
    if missing:
        listed = ", ".join(name.replace("_", " ").title() for name in missing)
        raise NotAllowed(
            f"I cannot answer in that channel: I lack the permission {listed}. Ask who runs this server to give it to"
            " me, or try another channel."
        )
