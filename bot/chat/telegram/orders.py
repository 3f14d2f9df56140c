"""From what people write to orders, and the answers that are given at once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import msgspec
from telegram import Message, User

from bot.chat.messenger import MessageGone
from bot.chat.telegram.admins import Admins
from bot.chat.telegram.albums import AlbumPoster, IncomingAlbums
from bot.chat.telegram.attachments import Attachment, attachment_of, fetch, photo_and_style
from bot.chat.telegram.gallery import GalleryMessages, Order
from bot.chat.telegram.messages import (
    TelegramAddress,
    is_for_us,
    is_private,
    place_of,
    text_of,
    topic_of,
    user_of,
)
from bot.chat.telegram.rate_limiter import ANSWER, Bot, Crowded
from bot.chat.telegram.transport import TelegramTransport
from bot.core.errors import InvalidOrder, Refusal, Undeliverable, sentence
from bot.core.jobs import Job
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply
from bot.dialog.parse import Command, Name, parse
from bot.dialog.services import Services

log = logging.getLogger(__name__)


class Orders:
    """Answers messages. Every method may be called again with the same, and orders nothing twice."""

    def __init__(
        self,
        bot: Bot,
        services: Services,
        transport: TelegramTransport,
        gallery: GalleryMessages,
        poster: AlbumPoster,
        admins: Admins,
        *,
        max_bytes: int,
        album_seconds: float,
    ) -> None:
        self._bot = bot
        self._me: User = bot.bot
        self._commands = services.commands
        self._rooms = services.studio.rooms
        self._transport = transport
        self._gallery = gallery
        self._poster = poster
        self._admins = admins
        self._max_bytes = max_bytes
        self._albums = IncomingAlbums(self._answer, album_seconds)

    async def message(self, message: Message) -> None:
        if message.media_group_id:
            await self._albums.add(message)
        else:
            await self._answer(message, [message])

    async def _answer(self, head: Message, items: Sequence[Message]) -> None:
        """Answer ``head``, which speaks for the pictures of all ``items``."""
        command = parse(text_of(head))
        if not is_for_us(head, command, self._me):
            return
        order = Order(user=user_of(head), place=place_of(head), topic=topic_of(head))
        try:
            photos, style = self._pictures(head, items, command)
        except InvalidOrder as error:
            await self._say(order, Refused(text=str(error)))
            return
        order = msgspec.structs.replace(order, photos=tuple(photos), style=style)
        admin = await self._admins.wrote(head, matters=command.name is Name.SETTINGS)
        reply = await self.carry_out(order, command, admin, f"telegram:{head.chat_id}:{head.message_id}")
        if not isinstance(reply, Accepted):  # a job shows itself
            await self._say(order, reply)

    def _pictures(
        self, head: Message, items: Sequence[Message], command: Command
    ) -> tuple[list[Attachment], Attachment | None]:
        """What is to be painted, and the picture that is its style where the text says ``mine``."""
        if not command.takes_photo:
            return [], None
        if not command.names_mine:
            return [found for item in items if (found := attachment_of(item))], None
        alone = not is_private(head.chat) and not self._me.can_read_all_group_messages
        return photo_and_style(items, alone=alone)

    async def _say(self, order: Order, reply: Reply) -> None:
        """A reply without a job: text, and what there is to choose from."""
        try:
            if isinstance(reply, Choice):
                await self._gallery.offer(order, reply)
            else:
                await self._transport.say(TelegramAddress.of(order.place), reply.text, turn=ANSWER)
        except (Undeliverable, MessageGone) as error:
            log.info("a reply could not be delivered: %s", error)
        except Crowded:
            log.warning("a reply was left out, since Telegram lets nobody write so much to a chat")

    # --- orders ------------------------------------------------------------------------------------------------------

    async def carry_out(self, order: Order, command: Command, admin: bool, idempotency_key: str) -> Reply:
        """Hand the command over, with each picture that it is about."""
        if len(order.photos) > 1:
            return await self._carry_out_album(order, command, admin, idempotency_key)
        photo = order.photos[0] if order.photos else None
        return await self._hand_over(order, command, photo, admin, idempotency_key)

    async def _carry_out_album(self, order: Order, command: Command, admin: bool, idempotency_key: str) -> Reply:
        """Each picture a job, and the answer an album. A style that was chosen before is for all of them."""
        plain = command.name is Name.PLAIN and not command.words
        chosen = await self._commands.chosen_style(order.place.room) if plain else None
        if chosen:
            command = Command(name=Name.STYLIZE, words=chosen)
        jobs: list[tuple[Job, Attachment]] = []
        refusals: list[Reply] = []
        album = hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]
        with self._transport.posting_album(album):
            for photo in order.photos:
                key = key_of_item(idempotency_key, photo)
                reply = await self._hand_over(order, command, photo, admin, key, album)
                if isinstance(reply, Accepted):
                    jobs.append((reply.job, photo))
                    continue
                refusals.append(reply)
                if isinstance(reply, Choice):  # what is asked of one picture is asked of all
                    break
            await self._poster.post([job for job, _ in jobs], [photo for _, photo in jobs])
        if chosen and jobs:
            await self._rooms.forget_style(order.place.room)
        if not refusals:
            return Accepted(text=f"{len(jobs)} pictures are ordered.", job=jobs[0][0])
        if not jobs:
            return refusals[0]
        count = len(order.photos) - len(jobs)
        were = "was" if count == 1 else "were"
        return Refused(text=f"{count} of your {len(order.photos)} pictures {were} not taken. {refusals[0].text}")

    async def _hand_over(
        self,
        order: Order,
        command: Command,
        photo: Attachment | None,
        admin: bool,
        idempotency_key: str,
        album: str = "",
    ) -> Reply:
        place = order.place
        if photo:
            spoiler = photo.spoiler or (order.style is not None and order.style.spoiler)
            address = TelegramAddress.of(place)
            address = msgspec.structs.replace(address, reply=photo.message, spoiler=spoiler, album=album)
            place = address.place(place.chat, place.room)
        try:
            incoming = Incoming(
                user=order.user,
                place=place,
                photo=await fetch(self._bot, photo, self._max_bytes) if photo else None,
                style=await fetch(self._bot, order.style, self._max_bytes) if order.style else None,
                admin=admin,
                topic=order.topic,
                idempotency_key=idempotency_key,
            )
        except Refusal as error:
            return Refused(text=sentence(error))
        return await self._commands.handle(incoming, command)


def key_of_item(idempotency_key: str, photo: Attachment) -> str:
    """Of one picture of an album that was ordered under ``idempotency_key``."""
    return f"{idempotency_key}:{photo.message}"
