"""How much of the photos that are on their way is held: where it is too much, the slowest makes way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.chat.web.door import bodies
from bot.chat.web.door.errors import HttpError

AT_ONCE = 10  # of the largest photos, in bytes


class Intake:
    """Takes bodies in; all that are on their way, or being written down, have so many bytes."""

    def __init__(self, max_photo_bytes: int) -> None:
        self._capacity = AT_ONCE * max_photo_bytes
        self._arriving: set[_Arrival] = set()
        self._held = 0

    @asynccontextmanager
    async def body(self, request: web.Request, most: int, too_large: Exception) -> AsyncIterator[bytes]:
        """The body of a request; it counts as held until the context ends.

        Args:
            most: bytes; where there are more, ``too_large`` is raised.

        Raises:
            HttpError: it came to a standstill, or made way for others. It may come again.
        """
        arrival = _Arrival()
        try:
            yield await self._read(request, arrival, most, too_large)
        finally:
            self._held -= arrival.size

    async def _read(self, request: web.Request, arrival: _Arrival, most: int, too_large: Exception) -> bytes:
        if (request.content_length or 0) > most:
            raise too_large
        self._arriving.add(arrival)
        try:
            async with arrival.patience:
                async for piece in bodies.pieces(request):
                    if arrival.size + len(piece) > most:
                        raise too_large
                    if not self._has_room(arrival, len(piece)):
                        break
                    arrival.add(piece)
                    self._held += len(piece)
            if arrival not in self._arriving:  # its last piece came as it was given up
                raise TimeoutError
        except TimeoutError:
            raise HttpError(503, "Too many photos are being sent at the moment. Please send it again.") from None
        finally:
            self._arriving.discard(arrival)
        return arrival.taken()

    def _has_room(self, arrival: _Arrival, size: int) -> bool:
        """Whether so many bytes more of it can be held, if need be instead of slower ones."""
        while arrival in self._arriving and self._held + size > self._capacity:
            slowest = min(self._arriving, key=lambda other: other.moved)
            self._arriving.discard(slowest)
            self._held -= slowest.size
            slowest.give_up()
        return arrival in self._arriving


class _Arrival:
    """A body on its way."""

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
