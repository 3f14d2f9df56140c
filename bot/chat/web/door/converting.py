"""Other files of finished pictures, made when they are asked for: so many at once, and so many in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.chat.web.door.errors import HttpError
from bot.core.errors import InternalError

AT_ONCE = 2  # that are made
SENT = 16  # that are in memory while they are sent
KEPT_BYTES = 12 * 2**20  # of thumbnails, each of some 20 KB


class Converting:
    """Makes them; `make` is asked for the bytes, which may take a while and another process."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._sent = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()  # the latest used last

    @asynccontextmanager
    async def made(self, make: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        """One that is large, for as long as it is sent.

        Raises:
            HttpError: too many are on their way.
        """
        if self._sent >= SENT:
            raise HttpError(503, "Too many pictures are being fetched at the moment. Please try again.")
        self._sent += 1
        try:
            async with self._turn:
                data = await make()
            yield data
        finally:
            self._sent -= 1

    async def thumbnail(self, picture: str, make: Callable[[], Awaitable[bytes | None]]) -> bytes:
        """One that is small, by the name of its picture, and kept.

        Raises:
            InternalError: it could not be made.
        """
        if picture not in self._kept:
            async with self._turn:
                found = self._kept.get(picture) or await make()
            if found is None:
                raise InternalError("No small picture could be made of it.")
            self._kept[picture] = found
        self._kept.move_to_end(picture)
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
        return self._kept.get(picture, b"")
