"""Buttons: those under a picture, and those under a choice."""

from __future__ import annotations

import logging
import time

from telegram import CallbackQuery, Message
from telegram.error import BadRequest

from bot.chat.messenger import MessageGone, Messenger, PressContext
from bot.chat.telegram.admins import Admins
from bot.chat.telegram.gallery import GalleryMessages, Offer
from bot.chat.telegram.messages import TelegramAddress, thread_of, topic_of
from bot.chat.telegram.orders import Orders, key_of_item
from bot.chat.telegram.rate_limiter import ANSWER, Bot, is_passing
from bot.chat.telegram.render import ALERT, CHOOSE, JOB, NEXT, PAGE, TAGS, ChoiceButton, cut
from bot.chat.telegram.transport import FILE_BYTES
from bot.core.errors import InvalidOrder, NotOwner, Refusal, Undeliverable, sentence
from bot.core.jobs import UNFINISHED, State
from bot.core.journal.store import JobMessage
from bot.core.messages import Choice, Incoming, Refused
from bot.dialog.buttons import DOUBLE_SECONDS, Action, Press
from bot.dialog.parse import parse
from bot.dialog.services import Services

log = logging.getLogger(__name__)


class Presses:
    """Answers them. Every method may be called again with the same, and does nothing twice."""

    def __init__(
        self,
        bot: Bot,
        services: Services,
        messenger: Messenger,
        gallery: GalleryMessages,
        orders: Orders,
        admins: Admins,
    ) -> None:
        self._bot = bot
        self._store = services.store
        self._commands = services.commands
        self._messenger = messenger
        self._gallery = gallery
        self._orders = orders
        self._admins = admins

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
            await self._bot.answer_callback_query(query.id, cut(text, ALERT) or None, show_alert=alert)
        except BadRequest as error:  # too late for Telegram, or answered already
            log.info("a press was not answered: %s", error)

    async def _do(self, query: CallbackQuery) -> tuple[str, bool]:
        """What the person is told, and whether as an alert."""
        kind, _, data = (query.data or "").partition(":")
        if kind == JOB:
            return await self._act(query, data)
        if kind in (CHOOSE, PAGE, TAGS, NEXT):
            return await self._choose(query, kind, data)
        raise InvalidOrder("This button is no longer supported.")

    # --- under a picture ---------------------------------------------------------------------------------------------

    async def _act(self, query: CallbackQuery, data: str) -> tuple[str, bool]:
        id, _, action = data.partition(":")
        job = await self._store.job(id)
        press = Press(
            data=data,
            user=await self._admins.presser(query, job.user if job else ""),
            admin=await self._may_decide(query, matters=action == Action.DELETE),
            topic=topic_of(query.message) if isinstance(query.message, Message) else "",
            idempotency_key=f"telegram:{query.id}",
        )
        pressed = await self._messenger.press(press, _Context(self._bot, query))
        return pressed.text, pressed.refused

    async def _may_decide(self, query: CallbackQuery, *, matters: bool) -> bool:
        chat = query.message.chat if query.message else None
        return chat is not None and await self._admins.may_decide(chat, query.from_user.id, matters=matters)

    # --- under a choice ----------------------------------------------------------------------------------------------

    async def _choose(self, query: CallbackQuery, kind: str, data: str) -> tuple[str, bool]:
        button = ChoiceButton.read(data)
        offer = await self._gallery.offered(button.offer) if button else None
        if button is None or offer is None or button.index >= len(offer.texts):
            raise InvalidOrder("This question is no longer kept. Ask again.")
        if offer.user != await self._admins.presser(query, offer.user):
            raise NotOwner("This choice is for who asked. Write /styles, or reply /stylize to a photo, for your own.")
        if kind == PAGE:
            await self._gallery.turn(query, offer, button)
        elif kind == TAGS:
            await self._gallery.show_tags(query, offer, button)
        elif offer.styles and not offer.photos and kind == CHOOSE:
            await self._gallery.show_closer(query, offer, button)
        else:
            return await self._take(query, offer, button, kind)
        return "", False

    async def _take(self, query: CallbackQuery, offer: Offer, button: ChoiceButton, kind: str) -> tuple[str, bool]:
        """A choice that is more than a look."""
        text = f"/start {offer.styles[button.index]}" if kind == NEXT else offer.texts[button.index]
        if kind == NEXT or not offer.photos:
            incoming = Incoming(user=offer.user, place=offer.place, topic=offer.topic)
            return (await self._commands.say(incoming, text)).text, True
        admin = await self._may_decide(query, matters=False)
        key = await self._idempotency_key(query, offer, button)
        reply = await self._orders.carry_out(offer, parse(text), admin, key)
        if isinstance(reply, Refused) or (isinstance(reply, Choice) and reply.refused):
            return reply.text, True
        return f"{text.removeprefix('/stylize ')}: coming up.", False

    async def _idempotency_key(self, query: CallbackQuery, offer: Offer, button: ChoiceButton) -> str:
        """The name of the order that a choice makes; two taps are one order, another try later is another."""
        room = f"telegram choice {button.offer}:{button.index}"
        known = dict(data.decode().split() for _, data in await self._store.entries(room))  # by the queries' ids
        if query.id not in known:
            last = next(reversed(known.values()), "")
            known[query.id] = last if last and await self._is_coming(offer, last) else f"telegram:{query.id}"
            await self._store.append(room, f"{query.id} {known[query.id]}".encode())
        return known[query.id]

    async def _is_coming(self, offer: Offer, key: str) -> bool:
        """Whether what was ordered under this name is under way, or was ordered a moment ago and is here already."""
        keys = [key_of_item(key, photo) for photo in offer.photos] if len(offer.photos) > 1 else [key]
        jobs = [job for each in keys if (job := await self._store.job_by_key(each))]
        newest = [job for job in jobs if time.time() - job.created < DOUBLE_SECONDS]
        return any(job.state in UNFINISHED for job in jobs) or any(job.state is State.DELIVERED for job in newest)


class _Context(PressContext):
    """The message under which a button was pressed."""

    file_limit = FILE_BYTES

    def __init__(self, bot: Bot, query: CallbackQuery) -> None:
        self._bot = bot
        self._message = query.message

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        if self._message is None:  # so old that Telegram does not say where it is
            raise Undeliverable("Telegram does not say where this button is. Order the picture again.")
        thread = thread_of(self._message) if isinstance(self._message, Message) else 0
        address = TelegramAddress(chat=self._message.chat.id, reply=self._picture(message) or 0, thread=thread)
        await self._bot.send_document(document=data, filename=name, rate_limit_args=ANSWER, **address.target)

    async def delete(self, message: JobMessage | None) -> None:
        picture = self._picture(message)
        if self._message is None or picture is None:
            raise Undeliverable("It is not known any more which picture that was. Please delete it yourself.")
        try:
            await self._bot.delete_message(self._message.chat.id, picture)
        except MessageGone:
            pass  # it was deleted already
        except (BadRequest, Undeliverable) as error:
            text = "Deleted from the journal. Telegram does not let the bot delete the message: please do it yourself."
            raise Undeliverable(text) from error

    def _picture(self, message: JobMessage | None) -> int | None:
        """The picture's message: as the journal knew it, or the one with the button, unless it has only words."""
        if message is not None:
            return int(message.message)
        words_only = isinstance(self._message, Message) and self._message.text
        return self._message.message_id if self._message and not words_only else None
