"""From what people write to orders, and the answers that are given at once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from telegram import Chat, ChatMember, ChatMemberUpdated, Message
from telegram.error import BadRequest, InvalidToken

from bot.chat.messenger import Messenger
from bot.chat.telegram.admins import Admins
from bot.chat.telegram.gallery import GalleryMessages
from bot.chat.telegram.messages import (
    VERIFIED,
    Attachment,
    Order,
    TelegramAddress,
    is_for_us,
    order_of,
    own_picture,
    pictures_of,
    pictures_to_verify,
    room_of,
    text_of,
    user_of,
)
from bot.chat.telegram.rate_limiter import ANSWER, Bot, Crowded
from bot.chat.telegram.render import album_buttons, job_under
from bot.chat.telegram.sending.transport import ALBUM, TelegramTransport
from bot.chat.transport import MessageGone
from bot.core.errors import InvalidOrder, NotNow, PictureTooLarge, Refusal, Undeliverable, sentence
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply, Text
from bot.dialog.carried.line import line_shown
from bot.dialog.parse import Command, Name, parse
from bot.dialog.pictures import not_taken
from bot.dialog.services import Services
from bot.dialog.talk.help import first_words

log = logging.getLogger(__name__)

OUT = (ChatMember.LEFT, ChatMember.BANNED)
HOW = "Reply /stylize starrynight to a photo."
CORRECTED_SECONDS = 900.0  # after which nobody corrects an order any more, but only what was said


@dataclass
class Orders:
    """Answers messages. Every method may be called again with the same, and orders nothing twice."""

    bot: Bot
    services: Services
    transport: TelegramTransport
    gallery: GalleryMessages
    messenger: Messenger
    admins: Admins
    max_bytes: int  # of a photo

    async def answer(self, head: Message, items: Sequence[Message]) -> None:
        """Answer ``head``, which speaks for the pictures of all ``items``."""
        command = self.services.commands.known_to(user_of(head), parse(text_of(head)))
        if not is_for_us(head, command, self.bot.bot):
            return
        order = order_of(head)
        if command.name is Name.VARIATIONS and not command.words and head.reply_to_message:
            command = msgspec.structs.replace(command, words=job_under(head.reply_to_message.reply_markup))
        replied = await self._replied_job(head, order)
        try:
            order = self._with_pictures(order, items, command)
        except InvalidOrder as error:
            await self.say(order, Refused(text=str(error)))
            return
        line = self._replied_line(head)
        if (replied or line) and (command.name is Name.AGAIN or command.only_settings):
            photos = () if own_picture(head) is None else order.photos  # its photo, and not its picture
            order = msgspec.structs.replace(order, photos=photos, replied=replied, line=line)
        if command.name is Name.VERIFY:
            order = msgspec.structs.replace(order, replied=replied, line=line)
        admin = await self.admins.wrote(head, matters=command.name is Name.SETTINGS)
        reply = await self.carry_out(order, command, admin, f"telegram:{head.chat_id}:{head.message_id}")
        if command.name is Name.ADMIN and not order.private:
            await self._say_in_private(order, reply)
        elif not isinstance(reply, Accepted):  # a job shows itself
            await self.say(order, reply)

    def _with_pictures(self, order: Order, items: Sequence[Message], command: Command) -> Order:
        """Raises InvalidOrder."""
        if command.name is Name.VERIFY:
            return _to_verify(order, pictures_to_verify(items))
        photos, style = pictures_of(items, command, self.bot.bot) if command.takes_photo else ([], None)
        return msgspec.structs.replace(order, photos=tuple(photos), style=style)

    async def _replied_job(self, head: Message, order: Order) -> str:
        replied = self._ours(head)
        return await self.services.store.job_of_message(order.place.room, replied.message_id) if replied else ""

    def _replied_line(self, head: Message) -> str:
        """The line in the message replied to: in a picture that was sent as a photo Telegram keeps nothing else."""
        replied = self._ours(head)
        return line_shown(text_of(replied)) if replied else ""

    def _ours(self, head: Message) -> Message | None:
        """The message of ours that this one replies to."""
        replied = head.reply_to_message
        return replied if replied and replied.from_user and replied.from_user.id == self.bot.id else None

    async def corrected(self, message: Message) -> None:
        """Answer a message that was edited, if it is an order now and has become none before."""
        command = parse(text_of(message))
        age = (message.edit_date - message.date).total_seconds() if message.edit_date else 0.0
        asks = command.name is Name.STYLIZE or (command.name is Name.PLAIN and own_picture(message) is not None)
        if asks and command.words and age < CORRECTED_SECONDS:
            key = f"telegram:{message.chat_id}:{message.message_id}"
            if await self.services.store.job_by_key(key) is None:
                await self.answer(message, [message])

    async def say(self, order: Order, reply: Reply) -> None:
        """A reply without a job: text, and what there is to choose from, or may follow."""
        try:
            if isinstance(reply, Choice):
                await self.gallery.offer(order, reply)
            elif isinstance(reply, Text) and reply.lines:
                await self.gallery.offer_lines(order, reply)
            else:
                await self.transport.say(TelegramAddress.of(order.place), reply.text, turn=ANSWER)
        except (Undeliverable, MessageGone) as error:
            log.info("a reply could not be delivered: %s", error)
        except Crowded:
            log.warning("a reply was left out, since Telegram lets nobody write so much to a chat")

    async def _say_in_private(self, order: Order, reply: Reply) -> None:
        """What is no business of the group that it was asked in."""
        person = TelegramAddress(chat=int(order.user.partition(":")[2]))
        try:
            await self.transport.say(person, reply.text, turn=ANSWER)
        except (Undeliverable, MessageGone):
            await self.say(order, Refused(text="I answer that in private: open a chat with me, and write it there."))
        except Crowded:
            log.warning("a reply was left out, since Telegram lets nobody write so much to a chat")

    async def greet(self, change: ChatMemberUpdated) -> None:
        """Say hello in a group that the bot was added to, once."""
        chat, before = change.chat, change.old_chat_member.status
        joined = before in OUT and change.new_chat_member.status in (ChatMember.MEMBER, ChatMember.ADMINISTRATOR)
        if not joined or chat.type not in (Chat.GROUP, Chat.SUPERGROUP):
            return
        words = await first_words(self.services.store, room_of(chat.id), HOW)
        try:
            if words:
                await self.transport.say(TelegramAddress(chat=chat.id), words, turn=ANSWER)
        except (Undeliverable, MessageGone, Crowded) as error:
            log.info("a group could not be greeted: %s", error)

    async def carry_out(self, order: Order, command: Command, admin: bool, idempotency_key: str) -> Reply:
        """Hand the command over, with each picture that it is about."""
        if len(order.photos) > 1:
            return await self._carry_out_album(order, command, admin, idempotency_key)
        photo = order.photos[0] if order.photos else None
        return await self._hand_over(order, command, photo, admin, idempotency_key)

    async def _carry_out_album(self, order: Order, command: Command, admin: bool, idempotency_key: str) -> Reply:
        """Each picture a job, and the answer an album. A style that was chosen before is for all of them."""
        plain = command.name is Name.PLAIN and not self.services.commands.names_style(command)
        incoming = Incoming(user=order.user, place=order.place)
        chosen = await self.services.commands.waiting_order(incoming) if plain else None
        if chosen and chosen.name is Name.VERIFY:  # the photo of a picture, and its style
            both = _to_verify(order, order.photos[:VERIFIED])
            return await self._hand_over(both, chosen, both.photos[0], admin, idempotency_key)
        if chosen:
            command = chosen
        elif plain:
            return await self._sheet_for_all(order, admin, idempotency_key)
        jobs: list[Job] = []
        photos: list[Attachment] = []
        refusals: list[Reply] = []
        album = hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]
        with self.transport.posting_album(album):
            for photo, key in zip(order.photos, order.keys(idempotency_key), strict=True):
                reply = await self._hand_over(order, command, photo, admin, key, album)
                if isinstance(reply, Accepted):
                    jobs.append(reply.job)
                    photos.append(photo)
                    continue
                refusals.append(reply)
                if isinstance(reply, Choice):  # what is asked of one picture is asked of all
                    break
            await self._post_album(jobs, photos)
        if chosen and jobs:
            await self.services.commands.forget_words(incoming)
        if not refusals:
            return Accepted(text=f"{len(jobs)} pictures are ordered.", job=jobs[0])
        if not jobs:
            return refusals[0]
        return Refused(text=not_taken(len(order.photos) - len(jobs), len(order.photos), refusals[0].text))

    async def _sheet_for_all(self, order: Order, admin: bool, idempotency_key: str) -> Reply:
        """One question for all of an album: the first photo in every style, of which one is for all of them; or where
        that would not come soon, the styles' own pictures."""
        first = msgspec.structs.replace(order, photos=order.photos[:1])
        if not self.services.commands.shows_soon(order.user):
            return self.services.commands.which_style()
        reply = await self._hand_over(first, parse("/sheet"), first.photos[0], admin, f"{idempotency_key}:sheet")
        if not isinstance(reply, Accepted):
            return self.services.commands.which_style()
        await self.gallery.keep_album(reply.job, order)
        return reply

    async def _post_album(self, jobs: Sequence[Job], photos: Sequence[Attachment]) -> None:
        """Done before, it is not done again."""
        if len(jobs) < 2 or any([await self.services.store.job_message(job.id) for job in jobs]):
            return
        messages = await self.transport.post_album(jobs, photos)
        for job, message in zip(jobs, messages, strict=False):
            await self.messenger.adopt(job, JobMessage(message=message.message_id, kind=ALBUM))
        if messages:
            address = TelegramAddress.of(jobs[0].place)
            buttons = album_buttons([await self.services.buttons.under(job) for job in jobs])
            await self.transport.say(address, "For each picture of the album, its buttons:", buttons)

    async def _hand_over(
        self, order: Order, command: Command, photo: Attachment | None, admin: bool, key: str, album: str = ""
    ) -> Reply:
        """Raises NotNow, TelegramError."""
        place = order.place
        if photo:
            spoiler = any(picture.spoiler for picture in (photo, order.style, order.checked) if picture)
            address = TelegramAddress.of(place)
            address = msgspec.structs.replace(address, reply=photo.message, spoiler=spoiler, album=album)
            place = address.place(place.chat, place.room)
        pictures = [picture for picture in (photo, order.style, order.checked) if picture]
        incoming = Incoming(
            user=order.user,
            place=place,
            admin=admin,
            own_room=order.private,
            replied=order.replied,
            line=order.line,
            topic=order.topic,
            idempotency_key=key,
        )
        loading, size = self.services.loading, sum(picture.size or self.max_bytes for picture in pictures)
        try:
            async with loading.turn(order.user), loading.room_for(size):
                if pictures:
                    await self.services.studio.check_limits(incoming)
                whole = msgspec.structs.replace(
                    incoming,
                    photo=await self._fetch(photo) if photo else None,
                    style=await self._fetch(order.style) if order.style else None,
                    checked=await self._fetch(order.checked) if order.checked else None,
                )
                reply = await self.services.commands.handle(whole, command)
        except Refusal as error:
            return Refused(text=sentence(error))
        if isinstance(reply, Refused) and reply.not_now:
            raise NotNow(reply.text)  # so that the update is not confirmed, and comes again
        return reply

    async def _fetch(self, attachment: Attachment) -> bytes:
        """The picture's bytes.

        Raises:
            InvalidOrder: it is too large, or Telegram does not have it any more.
        """
        size = attachment.size if attachment.size > self.max_bytes else 0
        too_big = (
            f"{PictureTooLarge(self.max_bytes, what='picture', size=size)} Or send it as a photo instead of a file."
        )
        if size:
            raise InvalidOrder(too_big)
        try:
            file = await self.bot.get_file(attachment.file)
            return bytes(await file.download_as_bytearray())
        except InvalidToken as error:  # what the library makes of "not found" for a file, too
            raise InvalidOrder("Telegram does not have this picture any more. Send it again.") from error
        except BadRequest as error:
            refused = "Telegram does not hand out this picture. Send it again."
            raise InvalidOrder(too_big if "too big" in str(error).lower() else refused) from error


def _to_verify(order: Order, found: Sequence[Attachment]) -> Order:
    """The order with these pictures; which of them is to be verified, their files say."""
    checked, photo, style = (*((None,) if len(found) == 1 else ()), *found, None, None, None)[:3]
    return msgspec.structs.replace(order, checked=checked, photos=(photo,) if photo else (), style=style)
