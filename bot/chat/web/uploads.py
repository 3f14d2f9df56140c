"""Photos on their way into a room."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.chat.web.conversation import checked_id
from bot.chat.web.entries import Photo
from bot.chat.web.errors import HttpError
from bot.chat.web.feed import RoomFeed, room_of
from bot.core.errors import PictureTooLarge
from bot.core.journal.store import NewBlob
from bot.dialog import pictures

PHOTOS = 200  # in one room
UPLOADS = 8  # at once; each is held in memory while it arrives
UPLOAD_SECONDS = 300.0


class Uploads:
    """Takes photos of at most ``max_bytes``."""

    def __init__(self, feed: RoomFeed, max_bytes: int) -> None:
        self._feed = feed
        self._max_bytes = max_bytes
        self._at_once = asyncio.Semaphore(UPLOADS)

    async def take(self, request: web.Request) -> str:
        """Write a photo down; returns its blob, which is the same for the same ``id`` of the page.

        Raises:
            HttpError
        """
        room, id = room_of(request.match_info["room"]), checked_id(request.query.get("id", ""))
        known = [entry for entry in await self._feed.entries(room) if isinstance(entry, Photo)]
        for entry in known:
            if entry.id == id:
                return entry.photo
        if len(known) >= PHOTOS:
            raise HttpError(429, f"This room holds {PHOTOS} photos, and that is the limit. Open a new tab for more.")
        data = await self._read(request)
        kind = pictures.media_type(data)
        if kind is None:
            raise HttpError(415, pictures.not_a_photo())
        blob = NewBlob(kind, data)
        name = "".join(c for c in request.query.get("name", "") if c.isprintable())[:80]
        await self._feed.append(room, Photo(id, blob.id, name or "photo"), blob)
        return blob.id

    async def _read(self, request: web.Request) -> bytes:
        too_large = HttpError(413, str(PictureTooLarge(self._max_bytes)))
        if (request.content_length or 0) > self._max_bytes:
            raise too_large
        data = bytearray()
        try:
            async with asyncio.timeout(UPLOAD_SECONDS), self._at_once:
                async for chunk in request.content.iter_chunked(2**16):
                    data += chunk
                    if len(data) > self._max_bytes:
                        raise too_large
        except TimeoutError:
            raise HttpError(408, "The photo took too long to arrive. Please send it again.") from None
        return bytes(data)
