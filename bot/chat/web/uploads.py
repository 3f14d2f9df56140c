"""Photos on their way into a room."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web

from bot.chat.web.conversation import checked_id
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.intake import Intake
from bot.chat.web.entries import Photo
from bot.chat.web.feed import RoomFeed, room_of
from bot.core.errors import PictureTooLarge
from bot.core.journal.store import NewBlob
from bot.dialog import pictures
from bot.dialog.carried.line import carried

PHOTOS = 200  # in one room


class Taken(NamedTuple):
    """A photo that has come."""

    blob: str
    ours: bool  # a picture of ours that has just come back


class Uploads:
    """Takes photos of at most ``max_bytes``."""

    def __init__(self, feed: RoomFeed, intake: Intake, max_bytes: int) -> None:
        self._feed = feed
        self._intake = intake
        self._max_bytes = max_bytes

    async def take(self, request: web.Request) -> Taken:
        """Write a photo down; what is taken once is the same for the same ``id`` of the page.

        Raises:
            HttpError
        """
        room, id = room_of(request.match_info["room"]), checked_id(request.query.get("id", ""))
        known = [entry for entry in await self._feed.entries(room) if isinstance(entry, Photo)]
        for entry in known:
            if entry.id == id:
                return Taken(entry.photo, ours=False)
        if len(known) >= PHOTOS:
            raise HttpError(429, f"This room holds {PHOTOS} photos, and that is the limit. Open a new tab for more.")
        too_large = HttpError(413, str(PictureTooLarge(self._max_bytes)))
        async with self._intake.body(request, self._max_bytes, too_large) as data:
            kind = pictures.media_type(data)
            if kind is None:
                raise HttpError(415, pictures.not_a_photo())
            blob = NewBlob(kind, data)
            name = "".join(c for c in request.query.get("name", "") if c.isprintable())[:80]
            await self._feed.append(room, Photo(id, blob.id, name or "photo"), blob)
        return Taken(blob.id, ours=carried(data) is not None)
