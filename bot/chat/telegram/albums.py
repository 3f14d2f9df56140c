"""Albums: their items come as messages of their own, and what they order is posted back as one album."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from telegram import InputMediaPhoto, Message
from telegram.error import BadRequest

from bot.chat.messenger import Messenger
from bot.chat.telegram.attachments import Attachment
from bot.chat.telegram.messages import TelegramAddress, text_of
from bot.chat.telegram.rate_limiter import Barred, Bot, is_passing
from bot.chat.telegram.render import album_buttons
from bot.chat.telegram.transport import ALBUM, PHOTO_BYTES, TelegramTransport
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage
from bot.dialog.parse import parse
from bot.dialog.services import Services
from bot.engine_process import thumbnails

log = logging.getLogger(__name__)

MOST = 10  # pictures of an album
KEPT = 200  # albums whose text is remembered, for items that come late


class _Album:
    """What has come of one album."""

    def __init__(self, first: Message) -> None:
        self.items = [first]
        self.touched = asyncio.Event()
        self.handled = asyncio.Event()


class IncomingAlbums:
    """Puts items together again.

    Args:
        answer: called with the item that has the text, and with all of them.
        quiet_seconds: silence after which an album counts as complete.
    """

    def __init__(self, answer: Callable[[Message, Sequence[Message]], Awaitable[None]], quiet_seconds: float) -> None:
        self._answer = answer
        self._quiet_seconds = quiet_seconds
        self._open: dict[tuple[int, str], _Album] = {}
        self._heads: OrderedDict[tuple[int, str], Message] = OrderedDict()  # of albums that were answered

    async def add(self, item: Message) -> None:
        """The first item waits until all are there and speaks for them; the others wait for it."""
        key = item.chat_id, str(item.media_group_id)
        album = self._open.get(key)
        if album is None and key in self._heads:
            await self._add_late(self._heads[key], item)
        elif album is None:
            album = self._open[key] = _Album(item)
            await self._until_quiet(album)
            await self._complete(key, album)
        elif item.message_id == album.items[0].message_id:  # it is tried again
            await self._until_quiet(album)
            await self._complete(key, album)
        else:
            album.items.append(item)
            album.touched.set()
            await album.handled.wait()

    async def _add_late(self, head: Message, item: Message) -> None:
        """An order that lacked its second picture has it now; to others it is one picture more."""
        both = sorted([head, item], key=lambda message: message.message_id)
        await self._answer(head, both if parse(text_of(head)).names_mine else [item])

    async def _until_quiet(self, album: _Album) -> None:
        while len(album.items) < MOST:
            album.touched.clear()
            try:
                async with asyncio.timeout(self._quiet_seconds):
                    await album.touched.wait()
            except TimeoutError:
                return

    async def _complete(self, key: tuple[int, str], album: _Album) -> None:
        items = sorted(album.items, key=lambda message: message.message_id)
        head = next((item for item in items if text_of(item)), items[0])
        try:
            await self._answer(head, items)
        except Exception as error:
            if is_passing(error):
                raise  # and it is tried again, whole
            self._close(key, album, head)
            raise
        self._close(key, album, head)

    def _close(self, key: tuple[int, str], album: _Album, head: Message) -> None:
        del self._open[key]
        self._heads[key] = head
        while len(self._heads) > KEPT:
            self._heads.popitem(last=False)
        album.handled.set()


class AlbumPoster:
    """Posts one album, in which each photo becomes its picture; below it the buttons."""

    def __init__(self, bot: Bot, transport: TelegramTransport, messenger: Messenger, services: Services) -> None:
        self._bot = bot
        self._transport = transport
        self._messenger = messenger
        self._services = services

    async def post(self, jobs: Sequence[Job], attachments: Sequence[Attachment]) -> None:
        """Done before, it is not done again."""
        store = self._services.store
        if len(jobs) < 2 or any([await store.job_message(job.id) for job in jobs]):
            return
        media = [await self._photo(job, each) for job, each in zip(jobs, attachments, strict=True)]
        photos = [photo for photo in media if photo]
        if len(photos) < len(media):
            return
        address = TelegramAddress.of(jobs[0].place)
        try:
            messages = await self._bot.send_media_group(media=photos, **address.target)
        except (BadRequest, Barred) as error:
            log.warning("an album could not be posted, so its pictures come one by one: %s", error)
            return
        for job, message in zip(jobs, messages, strict=True):
            await self._messenger.adopt(job, JobMessage(message=message.message_id, kind=ALBUM))
        await self._transport.say(address, "For each picture of the album, its buttons:", album_buttons(jobs))

    async def _photo(self, job: Job, attachment: Attachment) -> InputMediaPhoto | None:
        """Until it is painted, what is no photo to Telegram is stood for by the style's own picture."""
        style = self._services.gallery[job.recipe.styles[0].name]
        picture = attachment.file if attachment.photo else await thumbnails.preview(style, PHOTO_BYTES)
        if picture is None:
            return None
        text = self._transport.titled(job, "waiting")
        return InputMediaPhoto(picture, caption=text, has_spoiler=attachment.spoiler or None)
