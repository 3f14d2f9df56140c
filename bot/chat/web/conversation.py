"""What the person writes and presses: handed to the dialog, and the answer written into the room."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

import msgspec

from bot.chat.web.door.errors import HttpError
from bot.chat.web.entries import Answer, Deleted, Forgotten, Message, WebAddress, pictures_of, sheet_of
from bot.chat.web.feed import RoomFeed
from bot.core.errors import NotNow, Refusal
from bot.core.jobs import Job, Place
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply, Text, is_refusal
from bot.dialog.buttons import Press, job_id
from bot.dialog.parse import parse
from bot.dialog.services import Services
from engine.recipe import titles

NAME = "web"
ENTRIES = 1500  # in one room
MESSAGE_LENGTH = 2000  # characters
WAITING = 32  # messages of one room that wait for their turn; the page sends one after the other
AT_ONCE = 8  # messages that are answered at once; each may have two photos in memory


class PageMessage(msgspec.Struct, frozen=True):
    """A line that the page sends."""

    id: str  # the page's name for it: sent again, it is not taken again
    text: str
    photo: str | None = None  # the blob that it replies to
    style: str | None = None  # the blob that is to be the style
    quiet: bool = False  # from a control of the page: not shown as a message
    silent: bool = False  # and if it is refused, that need not be shown either


class PagePress(msgspec.Struct, frozen=True):
    """A button that was pressed."""

    id: str  # the page's name for the press: sent again, it is not taken again
    data: str


class Conversation:
    """Answers what the page sends; once, however often it is sent."""

    def __init__(self, services: Services, feed: RoomFeed) -> None:
        self._services = services
        self._feed = feed
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by room
        self._waiting: Counter[str] = Counter()  # by room
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def write(self, room: str, message: PageMessage, *, told: bool = False) -> None:
        """Write the line down, hand it to the commands, write down the answer.

        Args:
            told: the answer is shown, also where the line is not.

        Raises:
            HttpError
        """
        if len(message.text) > MESSAGE_LENGTH:
            raise HttpError(413, f"A message may have {MESSAGE_LENGTH} characters; this one has {len(message.text)}.")
        async with self._turn(room), self._once(room, message.id) as is_new:
            if is_new:
                await self._write(room, message, told=told)

    async def arrived(self, room: str, id: str, photo: str, *, ours: bool) -> None:
        """A photo has come: the order that waited for it is complete; and a picture of ours is known again.

        Args:
            id: of the photo's message.
            photo: its blob.
        """
        if ours or await self._services.commands.waiting_order(_incoming(room, id, WebAddress(photo=photo))):
            with contextlib.suppress(HttpError):  # the photo is there all the same, with a button to choose a style
                await self.write(room, PageMessage(f"{id[:60]}word", "", photo, quiet=True), told=True)

    async def press(self, room: str, press: PagePress) -> None:
        """Do what a button asks for, and write down the answer.

        Raises:
            HttpError
        """
        async with self._turn(room), self._once(room, press.id) as is_new:
            if is_new:
                await self._press(room, press)

    @contextlib.asynccontextmanager
    async def _turn(self, room: str) -> AsyncIterator[None]:
        """One message of a room at a time, and so many in all, because each may have two photos loaded."""
        if self._waiting[room] >= WAITING:
            raise HttpError(429, "Too many messages came from this room at once. Wait for their answers.")
        turn = self._turns.setdefault(room, asyncio.Lock())
        self._waiting[room] += 1
        try:
            async with turn, self._at_once:
                yield
        finally:
            self._waiting[room] -= 1
            if not self._waiting[room]:
                del self._waiting[room]

    @contextlib.asynccontextmanager
    async def _once(self, room: str, id: str) -> AsyncIterator[bool]:
        """Whether what has this id is to be answered: it was not yet."""
        checked_id(id)
        entries = await self._feed.entries(room)
        deleted = {answered for entry in entries if isinstance(entry, Deleted) for answered in entry.answered}
        is_new = id not in deleted | {entry.to for entry in entries if isinstance(entry, Answer | Deleted | Forgotten)}
        if is_new and len(entries) >= ENTRIES:
            raise HttpError(429, "This room is full. Open a new tab for a new one; your pictures stay here.")
        yield is_new

    async def _write(self, room: str, message: PageMessage, *, told: bool) -> None:
        for id in filter(None, (message.photo, message.style)):
            await self._check_picture(room, id)
        if not message.quiet and not await self._has_message(room, message.id):
            await self._feed.append(room, Message(message.id, message.text, message.photo, message.style))
        reply = await self._reply(room, message)
        if isinstance(reply, Accepted):
            await self._feed.append(room, self._accepted(message.id, reply.text, reply.job, message))
            return
        if isinstance(reply, Refused) and reply.not_now:
            raise HttpError(503, reply.text)  # the page sends it again
        if isinstance(reply, Text) and reply.forgot:
            await self._feed.append(room, Forgotten(message.id, reply.text))
            return
        refused = is_refusal(reply)
        answer = Answer(
            to=message.id,
            text=reply.text,
            photo=message.photo,
            style=message.style,
            quiet=message.silent or (message.quiet and not refused and not told),
            refused=refused,
            cards=reply.cards if isinstance(reply, Choice) else (),
            lines=tuple(map(reply.line, reply.suggestions)) if isinstance(reply, Choice) else (),
            more=reply.lines if isinstance(reply, Text) else (),
        )
        await self._feed.append(room, answer)

    async def _reply(self, room: str, message: PageMessage) -> Reply:
        incoming = _incoming(room, message.id, WebAddress(photo=message.photo, style=message.style))
        command = parse(message.text)
        if command.takes_photo or message.style:
            try:  # first of all: to load large pictures for orders that are refused would be an attack for free
                await self._services.studio.check_limits(incoming)
            except NotNow as error:
                return Refused(text=str(error), not_now=True)
            except Refusal as error:
                return Refused(text=str(error))
            photo = await self._picture(room, message.photo) if message.photo else None
            style = await self._picture(room, message.style) if message.style else None
            incoming = msgspec.structs.replace(incoming, photo=photo, style=style)
        return await self._services.commands.handle(incoming, command)

    async def _has_message(self, room: str, id: str) -> bool:
        """Whether a line was written down, though its answer was not."""
        return any(isinstance(entry, Message) and entry.id == id for entry in await self._feed.entries(room))

    async def _press(self, room: str, press: PagePress) -> None:
        job = await self._services.store.job(job_id(press.data))
        pressed = await self._services.buttons.press(
            Press(
                data=press.data,
                user=_user(room),
                admin=job is None or job.place.room == room,  # as in every line; not over the pictures of others
                place=_place(room, WebAddress()),
                idempotency_key=_key(room, press.id),
            )
        )
        if pressed.not_now:
            raise HttpError(503, pressed.text)
        if pressed.delete:
            await self._feed.delete_job(room, job_id(press.data), press.id)
        elif pressed.job is not None:
            await self._feed.append(room, self._accepted(press.id, pressed.text, pressed.job))
        else:
            answer = Answer(to=press.id, text=pressed.text, quiet=not pressed.refused, refused=pressed.refused)
            await self._feed.append(room, answer)

    def _accepted(self, to: str, text: str, job: Job, message: PageMessage | None = None) -> Answer:
        own_sheet = message is not None and message.silent and job.recipe.mode == "sheet"
        pictures, title = pictures_of(job), " and ".join(titles(job.recipe, self._services.gallery))
        return Answer(
            to=to,
            text=text,
            photo=pictures.photo,
            style=pictures.style,
            quiet=message is not None and message.quiet,
            job=job.id,
            title=title,
            sheet_of=WebAddress.of(job.place).photo if own_sheet else sheet_of(job),
            asked=message.text if message is not None and own_sheet else "",
        )

    async def _check_picture(self, room: str, id: str) -> None:
        info = await self._services.store.blob_info(id)
        if info is None or info.room != room:
            raise _gone()

    async def _picture(self, room: str, id: str) -> bytes:
        blob = await self._services.store.blob(id)
        if blob is None or blob.room != room:
            raise _gone()
        return blob.data


def checked_id(text: str) -> str:
    """The page's name for a message, a photo or a press.

    Raises:
        HttpError
    """
    if not re.fullmatch(r"[A-Za-z0-9]{8,64}", text):
        raise HttpError(400, "The id of this message is invalid.")
    return text


def _gone() -> HttpError:
    return HttpError(404, "This photo is no longer kept. Send it again.")


def _user(room: str) -> str:
    return f"{NAME}:{room[:16]}"


def _incoming(room: str, id: str, pictures: WebAddress) -> Incoming:
    return Incoming(
        user=_user(room),
        place=_place(room, pictures),
        admin=True,
        own_room=True,
        idempotency_key=_key(room, id),
    )


def _key(room: str, id: str) -> str:
    return f"{NAME}:{room}:{id}"


def _place(room: str, address: WebAddress) -> Place:
    return address.place(NAME, room)
