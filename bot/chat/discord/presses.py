"""What becomes of the presses of the buttons under a picture."""

from __future__ import annotations

import io
import logging

import discord
import msgspec

from bot.chat.discord.interaction_reply import InteractionReply
from bot.chat.discord.places import NAME, DiscordAddress, incoming_of
from bot.chat.discord.transport import DiscordTransport, FollowUp
from bot.chat.messenger import Messenger, PressContext
from bot.core.errors import Undeliverable
from bot.core.jobs import Place
from bot.core.journal.store import JobMessage
from bot.dialog.buttons import Press

log = logging.getLogger(__name__)


class Presses:
    """Who pressed sees nothing but what was wrong, or the file that was asked for."""

    def __init__(self, messenger: Messenger, transport: DiscordTransport) -> None:
        self._messenger = messenger
        self._transport = transport

    async def press(self, interaction: discord.Interaction, data: str) -> None:
        reply = PressReply(interaction)
        await reply.acknowledge("quiet")
        incoming = incoming_of(interaction)
        key = incoming.idempotency_key
        press = Press(
            data=data,
            user=incoming.user,
            admin=incoming.admin or interaction.permissions.manage_messages,
            topic=incoming.topic,
            place=_below(incoming.place, interaction.message),
            idempotency_key=key,
        )
        if not reply.late:
            self._transport.answer_by(key, FollowUp(interaction, original=False))
        pressed = await self._messenger.press(press, reply)
        if pressed.job is None:
            self._transport.forget(key)
        if pressed.refused or not (pressed.job or pressed.file or pressed.delete):
            await reply.say(pressed.text)


def _below(place: Place, message: discord.Message | None) -> Place:
    """Where a new picture goes: below the message with the button, in which the photo is seen already."""
    address = msgspec.structs.replace(DiscordAddress.of(place), nsfw_allowed=True)
    if message is not None and not message.flags.ephemeral:
        address = msgspec.structs.replace(address, reply=message.id)
    return address.place(NAME, place.room)


class PressReply(InteractionReply, PressContext):
    """The answer to a press."""

    @property
    def file_limit(self) -> int:
        return self.interaction.filesize_limit

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        pressed = self.interaction.message
        spoiler = pressed is not None and any(picture.is_spoiler() for picture in pressed.attachments)
        try:
            await self.send(file=discord.File(io.BytesIO(data), name, spoiler=spoiler))
        except discord.HTTPException as error:
            await self.say(f"Discord did not take the file ({error.status}). Try again in a minute.")

    async def delete(self, message: JobMessage | None) -> None:
        try:
            await self.interaction.delete_original_response()
        except discord.NotFound:
            pass  # it is gone already
        except discord.HTTPException as error:
            log.warning("a picture's message could not be deleted: %s", error)
            text = "It is gone from my journal, but Discord does not let me delete the message."
            raise Undeliverable(text) from error
