"""Buttons: those under a picture, and those under a choice."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import ClassVar

import msgspec
from telegram import CallbackQuery, MaybeInaccessibleMessage, Message
from telegram.error import BadRequest

from bot.chat.messenger import Messenger
from bot.chat.telegram.admins import Admins
from bot.chat.telegram.gallery import GalleryMessages, Offer
from bot.chat.telegram.messages import TelegramAddress, thread_of, topic_of
from bot.chat.telegram.orders import Orders
from bot.chat.telegram.rate_limiter import ANSWER, Bot, is_passing
from bot.chat.telegram.render import ALERT, CHOOSE, JOB, NEXT, PAGE, TAGS, ChoiceButton, cut
from bot.chat.telegram.sending.posted import Posted
from bot.chat.telegram.sending.transport import FILE_BYTES
from bot.chat.transport import MessageGone, PressContext
from bot.core.errors import InvalidOrder, NotNow, NotOwner, Refusal, Undeliverable, sentence
from bot.core.jobs import UNFINISHED, Job, State
from bot.core.journal.store import JobMessage
from bot.core.messages import Accepted, Choice, Incoming, is_refusal
from bot.dialog.buttons import DOUBLE_SECONDS, Action, Press
from bot.dialog.parse import parse
from bot.dialog.services import Services

log = logging.getLogger(__name__)


@dataclass
class Presses:
    """Answers them. Every method may be called again with the same, and does nothing twice."""

    bot: Bot
    services: Services
    messenger: Messenger
    gallery: GalleryMessages
    orders: Orders
    admins: Admins

    async def pressed(self, query: CallbackQuery) -> None:
        """Do what a button asks for. The query is answered whatever happens, or it would turn for a minute."""
        try:
            text, alert = await self._do(query)
        except Exception as error:
            if is_passing(error):
                raise
            if not isinstance(error, Refusal | Undeliverable | MessageGone):
                log.exception("a button could not be answered")
            text, alert = sentence(error), True
        try:
            await self.bot.answer_callback_query(query.id, cut(text, ALERT) or None, show_alert=alert)
        except BadRequest as error:  # too late for Telegram, or answered already
            log.info("a press was not answered: %s", error)

    async def _do(self, query: CallbackQuery) -> tuple[str, bool]:
        """The answer for the person, and whether it is an alert."""
        kind, _, data = (query.data or "").partition(":")
        if query.message and kind == JOB:
            return await self._act(query, query.message, data)
        if query.message and kind in (CHOOSE, PAGE, TAGS, NEXT):
            return await self._choose(query, query.message, kind, data)
        raise InvalidOrder("This button is no longer supported.")

    # --- under a picture ---------------------------------------------------------------------------------------------

    async def _act(self, query: CallbackQuery, under: MaybeInaccessibleMessage, data: str) -> tuple[str, bool]:
        id, _, action = data.partition(":")
        job = await self.services.store.job(id)
        press = Press(
            data=data,
            user=await self.admins.presser(under.chat, query.from_user.id, job.user if job else ""),
            admin=await self.admins.may_decide(under.chat, query.from_user.id, matters=action == Action.DELETE),
            topic=topic_of(under) if isinstance(under, Message) else "",
            idempotency_key=f"telegram:{query.id}",
        )
        is_choice = job is not None and action.isdecimal() and press.user == job.user
        if job is not None and is_choice and (kept := await self.gallery.album_of(job)):
            return await self._paint_album(query, press, kept, job, int(action))
        pressed = await self.messenger.press(press, _Context(self.bot, self.orders.transport.posted, under))
        if pressed.not_now:
            raise NotNow(pressed.text)  # so that it is not confirmed, and comes again
        return pressed.text, pressed.refused

    async def _paint_album(
        self, query: CallbackQuery, press: Press, kept: str, sheet: Job, number: int
    ) -> tuple[str, bool]:
        """A style was chosen of the sheet of an album's first photo: it is for all of the album."""
        album = await self.gallery.offered(kept)
        if album is None:
            raise InvalidOrder("This album is no longer kept. Send it again.")
        if not 1 <= number <= len(sheet.cells):
            raise InvalidOrder("This picture has no such part. Order the sheet again.")
        style = sheet.cells[number - 1].label
        key = await self._idempotency_key(query, album, ChoiceButton(kept, number))
        reply = await self.orders.carry_out(album, parse(f"/stylize {style}"), press.admin, key)
        if isinstance(reply, Accepted):
            return f"{style}: coming up.", False
        return reply.text, is_refusal(reply)

    # --- under a choice ----------------------------------------------------------------------------------------------

    async def _choose(
        self, query: CallbackQuery, under: MaybeInaccessibleMessage, kind: str, data: str
    ) -> tuple[str, bool]:
        button = ChoiceButton.read(data)
        offer = await self.gallery.offered(button.offer) if button else None
        if button is None or offer is None or button.index >= len(offer.texts):
            raise InvalidOrder("This question is no longer kept. Ask again.")
        if offer.user != await self.admins.presser(under.chat, query.from_user.id, offer.user):
            raise NotOwner("This choice is for who asked. Write /styles, or reply /stylize to a photo, for your own.")
        if kind == PAGE:
            await self.gallery.turn(under, offer, button)
        elif kind == TAGS:
            await self.gallery.show_tags(under, offer, button)
        elif offer.styles and not offer.photos and kind == CHOOSE:
            await self.gallery.show_closer(under, offer, button)
        else:
            admin = await self.admins.may_decide(under.chat, query.from_user.id, matters=False)
            return await self._take(query, offer, button, kind, admin)
        return "", False

    async def _take(
        self, query: CallbackQuery, offer: Offer, button: ChoiceButton, kind: str, admin: bool
    ) -> tuple[str, bool]:
        """A choice that is more than a look."""
        if offer.lines:
            return await self._follow(query, offer, button, kind, admin)
        text = f"/start {offer.styles[button.index]}" if kind == NEXT else offer.texts[button.index]
        if kind == NEXT or not offer.photos:
            incoming = Incoming(
                user=offer.user,
                place=offer.place,
                own_room=offer.private,
                topic=offer.topic,
                idempotency_key=f"telegram:{query.id}",
            )
            return (await self.services.commands.say(incoming, text)).text, True
        key = await self._idempotency_key(query, offer, button)
        reply = await self.orders.carry_out(offer, parse(text), admin, key)
        if is_refusal(reply):
            return reply.text, True
        return f"{text.removeprefix('/stylize ')}: coming up.", False

    async def _follow(
        self, query: CallbackQuery, offer: Offer, button: ChoiceButton, kind: str, admin: bool
    ) -> tuple[str, bool]:
        """A line that was offered with an answer: about the same picture, or about none."""
        about = offer if kind == CHOOSE else msgspec.structs.replace(offer, photos=(), style=None, checked=None)
        key = await self._idempotency_key(query, offer, button)
        reply = await self.orders.carry_out(about, parse(offer.texts[button.index]), admin, key)
        if is_refusal(reply) and not isinstance(reply, Choice):
            return reply.text, True
        if isinstance(reply, Accepted):
            return "Coming up.", False
        await self.orders.say(about, reply)
        return "", False

    async def _idempotency_key(self, query: CallbackQuery, offer: Offer, button: ChoiceButton) -> str:
        """The name of the order that a choice makes; two taps are one order, another try later is another."""
        room = f"telegram choice {button.offer}:{button.index}"
        entries = await self.services.store.entries(room)
        known = dict(data.decode().split() for _, data in entries)  # by the queries' ids
        if query.id not in known:
            last = next(reversed(known.values()), "")
            known[query.id] = last if last and await self._is_coming(offer, last) else f"telegram:{query.id}"
            await self.services.store.append(room, f"{query.id} {known[query.id]}".encode())
        return known[query.id]

    async def _is_coming(self, offer: Offer, key: str) -> bool:
        """Whether what was ordered under this name is under way, or was ordered a moment ago and is here already."""
        jobs = [job for each in offer.keys(key) if (job := await self.services.store.job_by_key(each))]
        newest = [job for job in jobs if time.time() - job.created < DOUBLE_SECONDS]
        return any(job.state in UNFINISHED for job in jobs) or any(job.state is State.DELIVERED for job in newest)


@dataclass
class _Context(PressContext):
    """The message under which a button was pressed."""

    bot: Bot
    posted: Posted
    under: MaybeInaccessibleMessage
    file_limit: ClassVar[int] = FILE_BYTES

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        thread = thread_of(self.under) if isinstance(self.under, Message) else 0
        address = TelegramAddress(chat=self.under.chat.id, reply=self._picture(message) or 0, thread=thread)
        async with self.posted.posting(address.chat) as note:
            note(await self.bot.send_document(document=data, filename=name, rate_limit_args=ANSWER, **address.target))

    async def delete(self, message: JobMessage | None) -> None:
        picture = self._picture(message)
        if picture is None:
            raise Undeliverable("It is not known any more which picture that was. Please delete it yourself.")
        try:
            await self.bot.delete_message(self.under.chat.id, picture)
        except MessageGone:
            pass  # it was deleted already
        except (BadRequest, Undeliverable) as error:
            text = "Deleted from the journal. Telegram does not let the bot delete the message: please do it yourself."
            raise Undeliverable(text) from error

    def _picture(self, message: JobMessage | None) -> int | None:
        """The picture's message: as the journal knew it, or the one with the button, unless that is only text."""
        if message is not None:
            return int(message.message)
        text_only = isinstance(self.under, Message) and self.under.text
        return None if text_only else self.under.message_id
