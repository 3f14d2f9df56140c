"""Messages: a mention, a message in private, or a plain command where the bot may read it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Photo, Pictures, photos_of
from bot.chat.discord.interactions.orders import Orders
from bot.chat.discord.interactions.promises import Asked, Promises
from bot.chat.discord.interactions.reply import TEXT, send_dm
from bot.chat.discord.places import NAME, DiscordAddress, check_message, incoming_of_message
from bot.core.errors import InvalidOrder, NotAllowed, Refusal, sentence
from bot.core.messages import Accepted, Choice
from bot.dialog.carried.line import line_shown
from bot.dialog.parse import COMMANDS, Command, Name, parse
from bot.dialog.pictures import not_taken

log = logging.getLogger(__name__)

HIDDEN = (
    "I see no photo in that message. If there is one, Discord hides it from me here: right-click the photo, then"
    " Apps, then Stylize, or send it along with /stylize."
)
WHICH = "These are {count} photos. Which style are they to have? Reply to them with its name, and mention me."
LINK = re.compile(r"(\|\|)?\s*<?https?://\S+?>?\s*(\|\||(?=\s|$))")
CORRECTED_SECONDS = 900.0  # after which nobody corrects an order any more, but only what was said
CORRECTIONS_KEPT = 200
UNFOLDING = (0.5, 1.5, 3.0)  # seconds between looks for the preview of a link, which comes after its message


class Messages:
    """Answers messages."""

    def __init__(self, orders: Orders, promises: Promises) -> None:
        self._orders = orders
        self._promises = promises
        self._corrected: OrderedDict[tuple[int, datetime], None] = OrderedDict()  # edits that were looked at

    async def answer(self, message: discord.Message, client: discord.Client) -> None:
        assert client.user
        command = _command(message, client.user)
        if command is None:
            return
        reply = _Reply(client, message)
        try:
            check_message(message)
            await self._answer(message, command, reply)
        except Refusal as error:
            await reply.say(str(error))
        except Exception as error:
            log.exception("a message could not be answered")
            await reply.say(sentence(error))

    async def corrected(self, message: discord.Message, client: discord.Client) -> None:
        """Answer a message that was edited, if it is an order now and has become none before.

        Discord tells of an edit also when it adds the preview of a link.
        """
        assert client.user
        edited = message.edited_at
        if edited is None or (message.id, edited) in self._corrected:
            return
        if (edited - message.created_at).total_seconds() > CORRECTED_SECONDS:
            return
        self._corrected[message.id, edited] = None
        while len(self._corrected) > CORRECTIONS_KEPT:
            self._corrected.popitem(last=False)
        command = _command(message, client.user)
        about = bool(photos_of(message)) or message.reference is not None
        asks = command and (command.name is Name.STYLIZE or (command.name is Name.PLAIN and about))
        if command and asks and command.words and not await self._orders.was_taken(f"{NAME}:{message.id}"):
            await self.answer(message, client)

    async def take_up(self, asked: Asked, client: discord.Client) -> None:
        """An order that an earlier run of the bot was killed with."""
        address = DiscordAddress.of(asked.incoming.place)
        answer = await self._orders.take(asked)
        if not isinstance(answer, Accepted):
            message = client.get_partial_messageable(address.channel).get_partial_message(address.reply)
            try:
                await message.reply(answer.text[:TEXT], mention_author=False)
            except discord.HTTPException:
                await send_dm(client, asked.user, answer.text)

    async def _answer(self, message: discord.Message, command: Command, reply: _Reply) -> None:
        if command.name is Name.VARIATIONS and not command.words and message.reference is not None:
            command = msgspec.structs.replace(command, words=_job_shown(await _replied_to(message)))
        ours = await _replied_to_us(message, command, reply.client)
        if ours and command.name is not Name.VERIFY:  # whose picture is looked at itself
            orders = [Pictures(*photos_of(message)[:1])]
        else:
            orders = await _pictures(message, command)
        if len(orders) > 1:
            await self._answer_all(message, command, orders, reply)
            return
        pictures = orders[0]
        incoming = incoming_of_message(message, pictures)
        if ours:
            incoming = msgspec.structs.replace(incoming, replied=_job_shown(ours), line=line_shown(ours.content))
        asked = Asked(incoming=incoming, kind="message", command=command, pictures=pictures)
        async with self._promises.kept(asked):
            answer = await self._orders.take(asked)
        if isinstance(answer, Choice) and answer.cards:
            menu = await self._orders.menus.gallery(asked.incoming, pictures, settings=answer.settings)
            if pictures.photo is None:
                await menu.show(answer)
            view, files = await menu.draw()
            await reply.say(files=files, view=view)
        elif command.name is Name.ADMIN:
            await send_dm(reply.client, message.author.id, answer.text)
        elif not isinstance(answer, Accepted):
            await reply.say(answer.text, **await self._orders.suggestions(asked, answer))

    async def _answer_all(
        self, message: discord.Message, command: Command, orders: Sequence[Pictures], reply: _Reply
    ) -> None:
        """Each of several photos is an order; where no style is named, there is one question."""
        if self._orders.lacks_style(command):
            await reply.say(WHICH.format(count=len(orders)))
            return
        refused: list[str] = []
        for number, pictures in enumerate(orders):
            incoming = incoming_of_message(message, pictures)
            key = incoming.idempotency_key + (f":{number}" if number else "")
            incoming = msgspec.structs.replace(incoming, idempotency_key=key)
            asked = Asked(incoming=incoming, kind="message", command=command, pictures=pictures)
            async with self._promises.kept(asked):
                answer = await self._orders.take(asked)
            if isinstance(answer, Choice):  # what is asked of one is asked of all
                await reply.say(answer.text)
                return
            if not isinstance(answer, Accepted):
                refused.append(answer.text)
        if refused:
            await reply.say(not_taken(len(refused), len(orders), refused[0]))


async def _replied_to_us(message: discord.Message, command: Command, client: discord.Client) -> discord.Message | None:
    """The message of ours with a picture whose order is to be repeated, perhaps with other settings."""
    if message.reference is None or not (command.name in (Name.AGAIN, Name.VERIFY) or command.only_settings):
        return None
    there = await _replied_to(message)
    return there if there and client.user and there.author.id == client.user.id else None


def _command(message: discord.Message, me: discord.ClientUser) -> Command | None:
    """What a message asks the bot for; None where it is for somebody else."""
    if message.author.bot:
        return None
    text = message.content.replace(f"<@{me.id}>", "").replace(f"<@!{me.id}>", "")
    words = LINK.sub(" ", text)  # links are pictures, not names of styles
    if text != message.content:
        return parse(words, slash=False)
    command = parse(words)
    in_private = message.guild is None and (text or photos_of(message))
    return command if in_private or command.name in COMMANDS else None


async def _pictures(message: discord.Message, command: Command) -> list[Pictures]:
    """The pictures of a message and of the one that it replies to, which is the photo where there are two; for each
    order that they are for. There is always one."""
    if command.name is Name.VERIFY:
        return [await _to_verify(message)]
    own = photos_of(message) or (await _unfolded(message) if command.takes_photo else [])
    if message.reference is None or (own and not command.names_mine):
        if not command.names_mine:
            return _each(own)
        found = own
    else:
        there = await _replied(message)
        wanted = command.name in (Name.PLAIN, Name.STYLIZE) and command.takes.photo
        if not there and wanted and len(own) < 2:
            raise InvalidOrder(HIDDEN)
        if not own:
            return _each(there)
        found = [*there[:1], *own]
    if len(found) > 2:
        raise InvalidOrder(
            f"These are {len(found)} pictures, and mine takes two: the photo first, then the style. Or reply to"
            " the photo with the style's picture alone."
        )
    return [Pictures(*found)]


async def _to_verify(message: discord.Message) -> Pictures:
    """The picture that is replied to, and those that come along: which is which, they say themselves."""
    there = await _replied(message) if message.reference is not None else []
    found = [*there[:1], *photos_of(message)]
    if len(found) > len(NONE):
        raise InvalidOrder(
            f"These are {len(found)} pictures, and verify takes one of mine, its photo, and its style if that was a"
            " picture."
        )
    checked, photo, style = (*found, None, None, None)[: len(NONE)]
    return Pictures(photo, style, checked)


def _each(photos: Sequence[Photo]) -> list[Pictures]:
    """Every file that was attached is an order; of what a message only shows, such as previews, the first."""
    attached = [photo for photo in photos if photo.plausible and not photo.shown]
    return [Pictures(photo) for photo in (attached or photos[:1])] or [Pictures()]


async def _unfolded(message: discord.Message) -> list[Photo]:
    """The photos that the message's links lead to, once Discord shows them."""
    if not LINK.search(message.content):
        return []
    for seconds in UNFOLDING:
        await asyncio.sleep(seconds)
        with suppress(discord.HTTPException):
            found = photos_of(await message.channel.fetch_message(message.id))
            if found:
                return found
    return []


async def _replied(message: discord.Message) -> list[Photo]:
    """The photos of the message that this one replies to, as far as Discord shows them."""
    there = await _replied_to(message)
    return photos_of(there) if there else []


async def _replied_to(message: discord.Message) -> discord.Message | None:
    there: Any = message.reference.resolved if message.reference else None
    if not isinstance(there, discord.Message) or not photos_of(there):
        with suppress(discord.HTTPException):
            assert message.reference
            there = await message.channel.fetch_message(message.reference.message_id or 0)
    return there if isinstance(there, discord.Message) else None


def _job_shown(message: discord.Message | None) -> str:
    """The job whose picture a message shows, by its buttons; nothing where it shows none."""
    rows = message.components if message else []
    ids = (str(getattr(part, "custom_id", "")) for row in rows for part in getattr(row, "children", ()))
    return next((id.split(":")[1] for id in ids if id.startswith("do:")), "")


class _Reply(NamedTuple):
    """The answer to a message."""

    client: discord.Client
    message: discord.Message

    async def say(self, text: str = "", **more: Any) -> None:
        """Where the message was written, or else in private."""
        try:
            check_message(self.message)
            await self.message.reply(text[:TEXT] or None, mention_author=False, **more)
        except (discord.HTTPException, NotAllowed):
            text = text or "I cannot show you my styles there. /styles does."
            await send_dm(self.client, self.message.author.id, text)
