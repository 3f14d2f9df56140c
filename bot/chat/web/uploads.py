"""Photos on their way into a room."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from bot.chat.web.conversation import checked_id
from bot.chat.web.door import bodies
from bot.chat.web.door.errors import HttpError
from bot.chat.web.entries import Photo
from bot.chat.web.feed import RoomFeed, room_of
from bot.core.errors import PictureTooLarge
from bot.core.journal.store import NewBlob
from bot.dialog import pictures

PHOTOS = 200  # in one room
AT_ONCE = 10  # of the largest photos, in bytes: what may be held of all photos that are on their way


class Uploads:
    """Takes photos of at most ``max_bytes``. Where too much is on its way the slowest makes way; it may come again."""

    def __init__(self, feed: RoomFeed, max_bytes: int) -> None:
        self._feed = feed
        self._max_bytes = max_bytes
        self._arriving: set[_Upload] = set()
        self._held = 0  # bytes, of photos that are being written down as well

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
        upload = _Upload()
        try:
            data = await self._read(request, upload)
            kind = pictures.media_type(data)
            if kind is None:
                raise HttpError(415, pictures.not_a_photo())
            blob = NewBlob(kind, data)
            name = "".join(c for c in request.query.get("name", "") if c.isprintable())[:80]
            await self._feed.append(room, Photo(id, blob.id, name or "photo"), blob)
        finally:
            self._held -= upload.size
        return blob.id

    async def _read(self, request: web.Request, upload: _Upload) -> bytes:
        too_large = HttpError(413, str(PictureTooLarge(self._max_bytes)))
        if (request.content_length or 0) > self._max_bytes:
            raise too_large
        self._arriving.add(upload)
        try:
            async with upload.patience:
                async for piece in bodies.pieces(request):
                    if upload.size + len(piece) > self._max_bytes:
                        raise too_large
                    if not self._has_room(upload, len(piece)):
                        break
                    upload.add(piece)
                    self._held += len(piece)
            if upload not in self._arriving:  # its last piece came as it was given up
                raise TimeoutError
        except TimeoutError:
            raise HttpError(503, "Too many photos are being sent at the moment. Please send it again.") from None
        finally:
            self._arriving.discard(upload)
        return upload.taken()

    def _has_room(self, upload: _Upload, size: int) -> bool:
        """Whether so many bytes more of an upload can be held, if need be instead of slower uploads."""
        while upload in self._arriving and self._held + size > AT_ONCE * self._max_bytes:
            slowest = min(self._arriving, key=lambda other: other.moved)
            self._arriving.discard(slowest)
            self._held -= slowest.size
            slowest.give_up()
        return upload in self._arriving


class _Upload:
    """A photo on its way."""

    def __init__(self) -> None:
        self.size = 0
        self.patience = asyncio.timeout(None)
        self._pieces: list[bytes] = []
        self.moved = time.monotonic()  # when its last piece came

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self.moved = time.monotonic()
        self._pieces.append(piece)

    def taken(self) -> bytes:
        """The whole; the pieces are not kept."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def give_up(self) -> None:
        """Another task's reading of it ends with a TimeoutError."""
        self.size = 0
        self._pieces.clear()
        self.patience.reschedule(0.0)
