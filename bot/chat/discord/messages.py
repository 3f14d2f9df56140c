"""Messages: a mention, a message in private, or a plain command where the bot may read it."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import discord
import msgspec

from bot.chat.discord.attachments import Photo, Pictures, photos_of
from bot.chat.discord.interaction_reply import TEXT, send_dm
from bot.chat.discord.orders import Orders
from bot.chat.discord.places import check_age, check_message, incoming_of_message
from bot.core.errors import InvalidOrder, NotAllowed, Refusal, sentence
from bot.core.messages import Accepted, Choice
from bot.dialog.parse import COMMANDS, Command, Name, parse
from bot.dialog.services import Services

log = logging.getLogger(__name__)

HIDDEN = (
    "I see no photo in that message. If there is one, Discord hides it from me here: right-click the photo, then"
    " Apps, then Stylize, or send it along with /stylize."
)


class Messages:
    """Answers messages."""

    def __init__(self, services: Services, orders: Orders) -> None:
        self._commands = services.commands
        self._max_photo = services.max_photo_bytes
        self._orders = orders

    async def answer(self, message: discord.Message, me: discord.ClientUser) -> None:
        command = _command(message, me)
        if command is None:
            return
        try:
            check_message(message)
            await self._answer(message, command)
        except Refusal as error:
            await _reply(message, str(error))
        except Exception as error:
            log.exception("a message could not be answered")
            await _reply(message, sentence(error))

    async def _answer(self, message: discord.Message, command: Command) -> None:
        if command.name is Name.VARIATIONS and not command.words and message.reference is not None:
            command = msgspec.structs.replace(command, words=_job_shown(await _replied_to(message)))
        pictures = await _pictures(message, command)
        check_age(pictures, message.channel)
        photo, style = await pictures.read(self._max_photo)
        incoming = incoming_of_message(message, pictures, photo, style)
        answer = await self._commands.handle(incoming, command)
        if isinstance(answer, Choice) and answer.cards:
            menu = self._orders.menu(incoming, pictures, settings=answer.settings)
            if photo is None:
                menu.show(answer)
            view, files = await menu.draw()
            await _reply(message, files=files, view=view)
        elif not isinstance(answer, Accepted):
            await _reply(message, answer.text)


def _command(message: discord.Message, me: discord.ClientUser) -> Command | None:
    """What a message asks the bot for; None where it is for somebody else."""
    if message.author.bot:
        return None
    text = message.content.replace(f"<@{me.id}>", "").replace(f"<@!{me.id}>", "")
    if text != message.content:
        return parse(text, slash=False)
    command = parse(text)
    in_private = message.guild is None and (text or message.attachments)
    return command if in_private or command.name in COMMANDS else None


async def _pictures(message: discord.Message, command: Command) -> Pictures:
    """The pictures of a message and of the one that it replies to, which is the photo where there are two."""
    own = photos_of(message)
    if message.reference is None or (own and not command.names_mine):
        found = own if command.names_mine else own[:1]
    else:
        there = await _replied(message)
        wanted = command.name in (Name.PLAIN, Name.STYLIZE) and command.takes.photo
        if not there and wanted and len(own) < 2:
            raise InvalidOrder(HIDDEN)
        found = [*there[:1], *own]
    if len(found) > 2:
        raise InvalidOrder(
            f"These are {len(found)} pictures, and mine takes two: the photo first, then the style. Or reply to"
            " the photo with the style's picture alone."
        )
    return Pictures(*found)


async def _replied(message: discord.Message) -> list[Photo]:
    """The photos of the message that this one replies to, as far as Discord shows them."""
    there = await _replied_to(message)
    return photos_of(there) if there else []


async def _replied_to(message: discord.Message) -> discord.Message | None:
    there: Any = message.reference.resolved if message.reference else None
    if not isinstance(there, discord.Message) or not there.attachments:
        with suppress(discord.HTTPException):
            assert message.reference
            there = await message.channel.fetch_message(message.reference.message_id or 0)
    return there if isinstance(there, discord.Message) else None


def _job_shown(message: discord.Message | None) -> str:
    """The job whose picture a message shows, by its buttons; nothing where it shows none."""
    rows = message.components if message else []
    ids = (str(getattr(part, "custom_id", "")) for row in rows for part in getattr(row, "children", ()))
    return next((id.split(":")[1] for id in ids if id.startswith("do:")), "")


async def _reply(message: discord.Message, text: str = "", **more: Any) -> None:
    """Where the message was written, or else in private."""
    try:
        check_message(message)
        await message.reply(text[:TEXT] or None, mention_author=False, **more)
    except (discord.HTTPException, NotAllowed):
        await send_dm(message.author, text or "I cannot show you my styles there. /styles does.")
