"""From what people write and press to orders, and the answers that are said at once."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from telegram import (
    Bot,
    CallbackQuery,
    Chat,
    ChatMember,
    Message,
    User,
)
from telegram.error import BadRequest, Forbidden, InvalidToken

from bot.chat.telegram.attachments import (
    Attachment,
    command_of,
    is_for_us,
    is_private,
    photo_and_style,
    shot_of,
    text_of,
    topic_of,
    user_of,
)
from bot.chat.telegram.calls import WORDS_SECONDS, Calls, Crowded, Gone, is_passing
from bot.chat.telegram.gallery import Ask, GalleryView
from bot.chat.telegram.job_messages import JobMessages
from bot.chat.telegram.render import ACT, ALERT, CHOOSE, KINDS, NEXT, PAGE, Choice, cut
from bot.core.errors import InvalidOrder, Refusal, Undeliverable, sentence
from bot.core.jobs import UNFINISHED, Job, Place, State
from bot.core.journal.store import Store
from bot.core.messages import Incoming, Reply
from bot.core.rooms import Rooms
from bot.dialog.buttons import DOUBLE_SECONDS, Action, Actions, Press, Pressed
from bot.dialog.commands import Commands, names_mine

log = logging.getLogger(__name__)

ALBUM = 10  # pictures at most
ALBUMS_KEPT = 200  # whose words are remembered, for items that come late
PRESSES_KEPT = 50  # of which what came is remembered until it is said
ADMIN_SECONDS = 60.0  # for which an answer about somebody's rights is good
NEEDS_PHOTO = ("", "stylize", "stylise", "again")


class _Album:
    """Items of one album, which come as messages of their own."""

    def __init__(self, first: Message) -> None:
        self.messages = [first]
        self.touched = asyncio.Event()
        self.handled = asyncio.Event()


class Orders:
    """Answers what comes. Every method may be called again with the same, and orders nothing twice."""

    def __init__(
        self,
        bot: Bot,
        me: User,
        calls: Calls,
        desk: JobMessages,
        commands: Commands,
        actions: Actions,
        store: Store,
        showcase: GalleryView,
        *,
        max_bytes: int,
        album_seconds: float,
    ) -> None:
        self._bot = bot
        self._me = me
        self._calls = calls
        self._desk = desk
        self._commands = commands
        self._actions = actions
        self._rooms = Rooms(store)
        self._store = store
        self._max_bytes = max_bytes
        self._album_seconds = album_seconds
        self._showcase = showcase
        self._albums: dict[tuple[int, str], _Album] = {}
        self._albums_before: OrderedDict[tuple[int, str], Message] = OrderedDict()
        self._pressed: OrderedDict[str, tuple[int | None, Pressed]] = OrderedDict()  # by the queries' ids
        self._admins: dict[tuple[int, int], tuple[float, bool]] = {}

    # --- messages ----------------------------------------------------------------------------------------------------

    async def message(self, message: Message) -> None:
        if message.media_group_id:
            await self._album_item(message, (message.chat_id, message.media_group_id))
        elif is_for_us(message, self._me):
            await self._order(message, [message])

    async def _album_item(self, message: Message, key: tuple[int, str]) -> None:
        """The first item waits until all are there and speaks for them; the others wait for it."""
        album = self._albums.get(key)
        if album is None and key in self._albums_before:  # it comes late
            head = self._albums_before[key]
            if is_for_us(head, self._me):
                # An order that lacked its second picture has it now.
                both = sorted([head, message], key=lambda item: item.message_id)
                await self._order(head, both if names_mine(text_of(head)) else [message])
            return
        if album is None:
            album = self._albums[key] = _Album(message)
        elif message.message_id != album.messages[0].message_id:
            album.messages.append(message)
            album.touched.set()
            await album.handled.wait()
            return
        await self._until_quiet(album)
        items = sorted(album.messages, key=lambda item: item.message_id)
        head = next((item for item in items if text_of(item)), items[0])
        try:
            if is_for_us(head, self._me):
                await self._order(head, items)
        except Exception as error:
            if is_passing(error):
                raise  # and it is tried again, whole
            self._close(key, album, head)
            raise
        self._close(key, album, head)

    def _close(self, key: tuple[int, str], album: _Album, head: Message) -> None:
        del self._albums[key]
        self._albums_before[key] = head
        while len(self._albums_before) > ALBUMS_KEPT:
            self._albums_before.popitem(last=False)
        album.handled.set()

    async def _until_quiet(self, album: _Album) -> None:
        while len(album.messages) < ALBUM:
            album.touched.clear()
            try:
                async with asyncio.timeout(self._album_seconds):
                    await album.touched.wait()
            except TimeoutError:
                return

    async def _order(self, head: Message, items: Sequence[Message]) -> None:
        """Answer ``head``, which speaks for the pictures of all ``items``."""
        text = text_of(head)
        name = command_of(text)
        user = user_of(head)
        place = _place(head)
        try:
            shots, style = self._pictures(head, items, text) if name in NEEDS_PHOTO else ([], None)
        except InvalidOrder as error:
            await self._say(Ask(user=user, place=place, texts=()), Reply(text=str(error), refused=True))
            return
        topic = topic_of(head)
        admin = await self._is_admin(head, asked=name == "settings", room=place.room)
        ask = Ask(user=user, place=place, texts=(text,), shots=tuple(shots), style=style, topic=topic)
        reply = await self._carry_out(
            ask, text, admin=admin, idempotency_key=f"telegram:{head.chat_id}:{head.message_id}"
        )
        if reply.job is None:  # a job shows itself
            await self._say(ask, reply)

    def _pictures(
        self, head: Message, items: Sequence[Message], text: str
    ) -> tuple[list[Attachment], Attachment | None]:
        """What is to be painted, and the picture that is its style where the text says ``mine``."""
        if not names_mine(text):
            return [shot for item in items if (shot := shot_of(item))], None
        alone = not is_private(head.chat) and not self._me.can_read_all_group_messages
        return photo_and_style(items, alone=alone)

    async def _carry_out(self, ask: Ask, text: str, *, admin: bool, idempotency_key: str) -> Reply:
        """Hand the text over to the commands, with each picture that it is about."""
        if len(ask.shots) > 1:
            return await self._carry_out_album(ask, text, admin=admin, idempotency_key=idempotency_key)
        return await self._handed_over(
            ask, text, ask.shots[0] if ask.shots else None, admin=admin, idempotency_key=idempotency_key
        )

    async def _carry_out_album(self, ask: Ask, text: str, *, admin: bool, idempotency_key: str) -> Reply:
        """Each picture a job, and the answer an album. A style that was chosen before is for all of them."""
        chosen = await self._commands.chosen(ask.place.room) if not text else None
        if chosen:
            text = f"/stylize {chosen}"
        jobs: list[Job] = []
        shots: list[Attachment] = []
        refusals: list[Reply] = []
        name = hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]
        with self._desk.album(name):
            for shot in ask.shots:
                reply = await self._handed_over(
                    ask, text, shot, admin=admin, idempotency_key=_name(idempotency_key, shot), album=name
                )
                if reply.job is not None:
                    jobs.append(reply.job)
                    shots.append(shot)
                else:
                    refusals.append(reply)
                    if reply.cards or reply.suggestions:  # what is asked of one picture is asked of all
                        break
            await self._desk.post_album(jobs, shots)
        if chosen and jobs:
            await self._rooms.forget(ask.place.room)
        if not refusals:
            return Reply(text=f"{len(jobs)} pictures are ordered.", job=jobs[0])
        reply = refusals[0]
        if jobs:
            count = len(ask.shots) - len(jobs)
            were = "was" if count == 1 else "were"
            text = f"{count} of your {len(ask.shots)} pictures {were} not taken. {reply.text}"
            reply = Reply(text=text, refused=True)
        return reply

    async def _handed_over(
        self, ask: Ask, text: str, shot: Attachment | None, *, admin: bool, idempotency_key: str, album: str = ""
    ) -> Reply:
        place = ask.place
        try:
            photo = await self._fetched(shot) if shot else None
            style = await self._fetched(ask.style) if ask.style else None
        except Refusal as error:
            return Reply(text=sentence(error), refused=True)
        if shot:
            more: dict[str, str | int] = {"reply": shot.message}
            if shot.spoiler or (ask.style and ask.style.spoiler):
                more["spoiler"] = 1
            if album:
                more["album"] = album
            place = Place(place.chat, place.room, place.address | more)
        elif command_of(text) == "again":
            place = Place(place.chat, place.room, place.address | await self._of_last(ask.user))
        return await self._commands.handle(
            Incoming(
                user=ask.user,
                place=place,
                text=text,
                photo=photo,
                style=style,
                admin=admin,
                topic=ask.topic,
                idempotency_key=idempotency_key,
            )
        )

    async def _of_last(self, user: str) -> dict[str, str | int]:
        """What an order that repeats the last one takes over from it."""
        for job in await self._store.of_user(user, 1):
            return {key: value for key, value in job.place.address.items() if key == "spoiler"}
        return {}

    async def _fetched(self, shot: Attachment) -> bytes:
        """The picture's bytes.

        Raises:
            InvalidOrder: it is too large, or Telegram has it no more.
        """
        limit = f"{self._max_bytes / 2**20:g} MB"
        large = InvalidOrder(
            f"This picture has more than {limit}, which is the limit here. Send it as a photo instead of a file, or a"
            " smaller copy."
        )
        if shot.size > self._max_bytes:
            raise large
        try:
            file = await self._bot.get_file(shot.file)
            return bytes(await file.download_as_bytearray())
        except InvalidToken as error:  # what the library makes of "not found" for a file, too
            raise InvalidOrder("Telegram does not have this picture any more. Send it again.") from error
        except BadRequest as error:
            if "too big" in str(error).lower():
                raise large from error
            raise InvalidOrder("Telegram would not give me this picture. Send it again.") from error

    # --- choices -----------------------------------------------------------------------------------------------------

    async def _say(self, ask: Ask, reply: Reply) -> None:
        """A reply without a job: words, and what there is to choose from."""
        try:
            if reply.cards or reply.suggestions:
                await self._showcase.offer(ask, reply)
            else:
                await self._desk.say(ask.place.address, reply.text, patience=WORDS_SECONDS)
        except (Undeliverable, Gone) as error:
            log.info("a reply had nowhere to go: %s", error)
        except Crowded:
            log.warning("a reply was left out, for Telegram lets nobody write so much to a chat")

    # --- buttons -----------------------------------------------------------------------------------------------------

    async def pressed(self, query: CallbackQuery) -> None:
        """Do what a button asks for. The query is answered whatever happens, or it would turn for a minute."""
        text, alert = "", False
        try:
            kind, _, data = (query.data or "").partition(":")
            if kind == ACT:
                text, alert = await self._act(query, data)
            elif kind in (CHOOSE, PAGE, KINDS, NEXT):
                text, alert = await self._chosen(query, kind, data)
            else:
                text, alert = "I do not know this button any more.", True
        except Exception as error:
            if is_passing(error):
                raise
            if not isinstance(error, Refusal | Undeliverable | Gone):
                log.exception("a button could not be answered")
            text, alert = sentence(error), True
        try:
            await self._bot.answer_callback_query(query.id, cut(text, ALERT) or None, show_alert=alert)
        except BadRequest as error:  # too late for Telegram, or answered already
            log.info("a press was not answered: %s", error)
        self._pressed.pop(query.id, None)

    async def _act(self, query: CallbackQuery, data: str) -> tuple[str, bool]:
        job_id, _, letter = data.partition(":")
        job = await self._store.job(job_id)
        user = await self._presser(query, job.user if job else "")
        chat = query.message.chat if query.message else None
        message = query.message if isinstance(query.message, Message) else None
        asked = letter == Action.DELETE
        admin = chat is not None and await self._is_admin_of(chat, query.from_user.id, asked=asked)
        press = Press(
            data=data,
            user=user,
            admin=admin,
            topic=topic_of(message) if message else "",
            idempotency_key=f"telegram:{query.id}",
        )
        if query.id not in self._pressed:  # where the network fails below, this is not done again
            posted = await self._desk.message_of(job_id) or _picture_of(query)
            self._pressed[query.id] = posted, await self._actions.press(press)
            while len(self._pressed) > PRESSES_KEPT:
                self._pressed.popitem(last=False)
        posted, pressed = self._pressed[query.id]
        if pressed.file and chat:
            address: dict[str, str | int] = {"chat": chat.id}
            if posted:
                address["reply"] = posted
            if message and message.is_topic_message and message.message_thread_id:
                address["thread"] = message.message_thread_id
            await self._desk.send_file(address, pressed.file.name, pressed.file.data)
        if pressed.delete and chat:
            try:
                if not posted:
                    return "I do not know any more which picture that was: please delete it yourself.", True
                await self._calls.call(chat.id, lambda id: self._bot.delete_message(id, posted), free=True)
            except Gone:
                pass  # already, which was the wish
            except (BadRequest, Undeliverable):
                return "It is gone from my journal. Telegram does not let me delete the message: please do.", True
        return pressed.text, pressed.refused

    async def _chosen(self, query: CallbackQuery, kind: str, data: str) -> tuple[str, bool]:
        choice = Choice.read(data)
        ask = await self._showcase.ask(choice.ask) if choice else None
        if choice is None or ask is None or choice.index >= len(ask.texts):
            return "I do not remember this question any more. Ask me again.", True
        if ask.user != await self._presser(query, ask.user):
            return "This choice is for who asked. Write /styles, or reply /stylize to a photo, for your own.", True
        if kind == PAGE:
            await self._showcase.turn(query, ask, choice)
        elif kind == KINDS:
            await self._showcase.offer_kinds(query, ask, choice)
        elif ask.styles and not ask.shots and kind == CHOOSE:
            await self._showcase.show_closer(query, ask, choice)
        else:
            return await self._taken(query, ask, choice, kind)
        return "", False

    async def _taken(self, query: CallbackQuery, ask: Ask, choice: Choice, kind: str) -> tuple[str, bool]:
        """A choice that is more than a look."""
        text = f"/start {ask.styles[choice.index]}" if kind == NEXT else ask.texts[choice.index]
        if kind == NEXT or not ask.shots:
            reply = await self._commands.handle(Incoming(user=ask.user, place=ask.place, text=text, topic=ask.topic))
            return reply.text, True
        chat = query.message.chat if query.message else None
        admin = chat is not None and await self._is_admin_of(chat, query.from_user.id, asked=False)
        idempotency_key = await self._idempotency_key(query, ask, choice)
        reply = await self._carry_out(ask, text, admin=admin, idempotency_key=idempotency_key)
        return (reply.text, True) if reply.refused else (f"{text.removeprefix('/stylize ')}: coming up.", False)

    async def _idempotency_key(self, query: CallbackQuery, ask: Ask, choice: Choice) -> str:
        """The name of the order that a choice makes; two taps are one order, another try later is another."""
        room = f"telegram choice {choice.ask}:{choice.index}"
        known = dict(data.decode().split() for _, data in await self._store.entries(room))  # by the queries' ids
        if query.id not in known:
            last = next(reversed(known.values()), "")
            known[query.id] = last if last and await self._is_coming(ask, last) else f"telegram:{query.id}"
            await self._store.append(room, f"{query.id} {known[query.id]}".encode())
        return known[query.id]

    async def _is_coming(self, ask: Ask, idempotency_key: str) -> bool:
        """Whether what was ordered under this name is under way, or was ordered a moment ago and is here already."""
        names = [_name(idempotency_key, shot) for shot in ask.shots] if len(ask.shots) > 1 else [idempotency_key]
        jobs = [job for name in names if (job := await self._store.ordered(name))]
        newest = [job for job in jobs if time.time() - job.created < DOUBLE_SECONDS]
        return any(job.state in UNFINISHED for job in jobs) or any(job.state is State.DELIVERED for job in newest)

    # --- rights ------------------------------------------------------------------------------------------------------

    async def _is_admin(self, message: Message, *, asked: bool, room: str) -> bool:
        """Whether the writer may decide about the chat; asked of Telegram only where it matters."""
        if message.sender_chat and message.sender_chat.id == message.chat_id:
            return True  # an anonymous admin, or the channel itself
        if message.from_user is None or message.sender_chat is not None:
            return is_private(message.chat)
        return await self._is_admin_of(message.chat, message.from_user.id, asked=asked)

    async def _is_admin_of(self, chat: Chat, user: int, *, asked: bool) -> bool:
        if is_private(chat):
            return True
        if not asked and (await self._rooms.get(_room(chat.id))).who != "admins":
            return False
        return await self._administers(chat, user)

    async def _presser(self, query: CallbackQuery, owner: str) -> str:
        """Who presses a button. What is for an anonymous admin, or a channel, is for all who administer the chat."""
        chat = query.message.chat if query.message else None
        ours = chat is not None and not is_private(chat) and owner == _room(chat.id)
        if chat is not None and ours and await self._administers(chat, query.from_user.id):
            return owner
        return f"telegram:{query.from_user.id}"

    async def _administers(self, chat: Chat, user: int) -> bool:
        if is_private(chat):
            return True
        now = time.monotonic()
        self._admins = {key: value for key, value in self._admins.items() if now - value[0] < ADMIN_SECONDS}
        known = self._admins.get((chat.id, user))
        if known is None:
            known = self._admins[chat.id, user] = now, await self._asked_of_telegram(chat, user)
        return known[1]

    async def _asked_of_telegram(self, chat: Chat, user: int) -> bool:
        try:
            member = await self._bot.get_chat_member(chat.id, user)
        except (BadRequest, Forbidden) as error:
            log.info("Telegram does not say who administers a chat: %s", error)
            return False
        return member.status in (ChatMember.ADMINISTRATOR, ChatMember.OWNER)


def _name(idempotency_key: str, shot: Attachment) -> str:
    """The name of one picture of an album that was ordered under ``idempotency_key``."""
    return f"{idempotency_key}:{shot.message}"


def _room(chat: int) -> str:
    return f"telegram:{chat}"


def _picture_of(query: CallbackQuery) -> int | None:
    """The message under which a button was pressed; the buttons of an album are no picture."""
    words_only = isinstance(query.message, Message) and query.message.text
    return query.message.message_id if query.message and not words_only else None


def _place(message: Message) -> Place:
    address: dict[str, Any] = {"chat": message.chat_id, "reply": message.message_id}
    if message.is_topic_message and message.message_thread_id:
        address["thread"] = message.message_thread_id
    return Place("telegram", _room(message.chat_id), address)
