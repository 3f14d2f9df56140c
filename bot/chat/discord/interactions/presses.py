"""What becomes of the presses of the buttons under a picture."""

from __future__ import annotations

import asyncio
import io
import logging

import discord
import msgspec

from bot.backoff import Backoff
from bot.chat.discord.interactions.promises import Asked, Promises
from bot.chat.discord.interactions.reply import ORIGINAL, Kind, WebhookReply
from bot.chat.discord.places import NAME, DiscordAddress, incoming_of
from bot.chat.discord.transport import FILE_BYTES, DiscordTransport
from bot.chat.messenger import Messenger
from bot.chat.transport import PressContext
from bot.core.errors import NotNow, Undeliverable
from bot.core.jobs import Place
from bot.core.journal.store import JobMessage
from bot.dialog.buttons import Press, Pressed, is_order

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # of Discord's three, for what is to be refused without anybody else seeing it


class Presses:
    """What was wrong, and a file that was asked for, is for who pressed; a new picture is for all.

    Args:
        retry: the pauses while the bot is not open for orders.
    """

    def __init__(
        self, messenger: Messenger, transport: DiscordTransport, promises: Promises, retry: Backoff | None = None
    ) -> None:
        self._messenger = messenger
        self._transport = transport
        self._promises = promises
        self._retry = retry or Backoff()

    async def press(self, interaction: discord.Interaction, data: str) -> None:
        incoming = incoming_of(interaction)
        place = _below(incoming.place, interaction.message)
        press = Press(
            data=data,
            user=incoming.user,
            admin=incoming.admin or interaction.permissions.manage_messages,
            topic=incoming.topic,
            place=place,
            idempotency_key=incoming.idempotency_key,
        )
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._messenger.check(press)
        except (TimeoutError, NotNow):
            pass
        kind: Kind = "public" if is_order(data) else "quiet"
        asked = Asked(incoming=msgspec.structs.replace(incoming, place=place), kind=kind, press=press)
        async with self._promises.made(interaction, asked) as reply:
            await self.carry_out(asked, reply)

    async def carry_out(self, asked: Asked, reply: WebhookReply) -> None:
        """Do what was asked for, and say what is wrong with it where it is refused."""
        pressed = await self._pressed(asked, reply)
        if pressed.refused or not (pressed.job or pressed.file or pressed.delete):
            await reply.say(pressed.text)
        if pressed.job is None:
            await self._transport.forget(asked.key)

    async def _pressed(self, asked: Asked, reply: WebhookReply) -> Pressed:
        assert asked.press
        context = _Context(reply, DiscordAddress.of(asked.incoming.place))
        for pause in self._retry:
            pressed = await self._messenger.press(asked.press, context)
            if not pressed.not_now:
                return pressed
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")


def _below(place: Place, message: discord.Message | None) -> Place:
    """Where a new picture goes: below the message with the button, in which the photo is seen already."""
    address = msgspec.structs.replace(DiscordAddress.of(place), nsfw_allowed=True)
    if message is not None and not message.flags.ephemeral:
        spoiler = any(picture.is_spoiler() for picture in message.attachments)
        address = msgspec.structs.replace(address, reply=message.id, spoiler=spoiler)
    return address.place(NAME, place.room)


class _Context(PressContext):
    """Where a button was pressed."""

    def __init__(self, reply: WebhookReply, address: DiscordAddress) -> None:
        self._reply = reply
        self._address = address

    @property
    def file_limit(self) -> int:
        return self._address.limit or FILE_BYTES

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        try:
            await self._reply.send(file=discord.File(io.BytesIO(data), name, spoiler=self._address.spoiler))
        except discord.HTTPException as error:
            await self._reply.say(f"Discord did not take the file ({error.status}). Try again in a minute.")

    async def delete(self, message: JobMessage | None) -> None:
        try:
            await self._reply.webhook.delete_message(ORIGINAL)
        except discord.NotFound:
            pass  # it is gone already
        except discord.HTTPException as error:
            log.warning("a picture's message could not be deleted: %s", error)
            text = "It is gone from my journal, but Discord does not let me delete the message."
            raise Undeliverable(text) from error
