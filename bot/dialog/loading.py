"""Photos on their way from a platform into the journal: one order of a person at a time, and so many bytes in all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

BYTES = 256 * 2**20  # of all platforms' photos in memory at once


class Loading:
    """Whose turn it is to load photos.

    Args:
        most: bytes in all; what is larger alone waits until there is nothing else.
    """

    def __init__(self, most: int = BYTES) -> None:
        self._most = most
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Event]] = deque()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by person

    @asynccontextmanager
    async def turn(self, user: str) -> AsyncIterator[None]:
        """One order of this person at a time: of many at once, all would pass limits that the first uses up."""
        lock = self._turns.setdefault(user, asyncio.Lock())
        async with lock:
            yield

    @asynccontextmanager
    async def room_for(self, size: int) -> AsyncIterator[None]:
        """While so many bytes are in memory; who came first has them first, so that nobody waits for ever."""
        size, mine = min(size, self._most), asyncio.Event()
        self._waiting.append((size, mine))
        self._let_in()
        try:
            await mine.wait()
            yield
        finally:
            if mine.is_set():
                self._held -= size
            else:
                self._waiting.remove((size, mine))
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._held + self._waiting[0][0] <= self._most:
            size, entered = self._waiting.popleft()
            self._held += size
            entered.set()
