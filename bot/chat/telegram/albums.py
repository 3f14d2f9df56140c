"""Albums: their items come as messages of their own, and are put together again here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from telegram import Message

from bot.chat.telegram.messages import text_of
from bot.chat.telegram.rate_limiter import is_passing
from bot.dialog.parse import parse

MOST = 10  # pictures of an album
KEPT = 200  # albums that are remembered, for items that come late


@dataclass
class _Album:
    """What has come of one album."""

    items: dict[int, Message] = field(default_factory=dict)  # by number; the first one answers for all
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    head: Message | None = None  # the item whose text was answered


@dataclass
class IncomingAlbums:
    """Puts items together again; ``answer`` gets the item that has the text, and all of them."""

    answer: Callable[[Message, Sequence[Message]], Awaitable[None]]
    quiet_seconds: float  # after which an album counts as complete
    _albums: OrderedDict[tuple[int, str], _Album] = field(default_factory=OrderedDict)

    async def add(self, item: Message) -> None:
        """Return when the album is answered, or rather this item of it where it comes late."""
        album = self._albums.setdefault((item.chat_id, str(item.media_group_id)), _Album())
        while len(self._albums) > KEPT:
            self._albums.popitem(last=False)
        if not album.answered.is_set():
            album.items[item.message_id] = item
            album.changed.set()
            if item.message_id == next(iter(album.items)):
                await self._until_quiet(album)
                await self._answer_all(album)
            await album.answered.wait()
        if album.head and item.message_id not in album.items:  # the picture that an order lacked, or one more
            both = sorted((album.head, item), key=lambda message: message.message_id)
            await self.answer(album.head, both if parse(text_of(album.head)).names_mine else [item])

    async def _until_quiet(self, album: _Album) -> None:
        while len(album.items) < MOST:
            album.changed.clear()
            try:
                async with asyncio.timeout(self.quiet_seconds):
                    await album.changed.wait()
            except TimeoutError:
                return

    async def _answer_all(self, album: _Album) -> None:
        items = [album.items[number] for number in sorted(album.items)]
        head = next((item for item in items if text_of(item)), items[0])
        passing = False
        try:
            await self.answer(head, items)
        except Exception as error:
            passing = is_passing(error)  # and it is tried again, whole
            raise
        finally:
            if not passing:
                album.head, album.items = head, {item.message_id: item for item in items}
                album.answered.set()
