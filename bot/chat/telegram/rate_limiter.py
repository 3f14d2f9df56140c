"""When Telegram may be written to: its limits are kept here, so that it has to say no only rarely.

Telegram counts edits like messages: about one a second in a chat, 20 a minute in a group, 30 a second in all. When it
says how long to wait, that holds for everybody who writes to that chat, however many began to wait before.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

import msgspec

WINDOW = 60.0  # seconds
SECOND = 1.0


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be written."""

    group: int = 20  # a minute
    private: int = 60  # a minute
    overall: int = 25  # a second; Telegram's limit is about 30
    spare: float = 0.5  # the share of a chat's minute that progress may use up: the rest is for answers


class RateLimiter:
    """Whose turn it is.

    Args:
        clock: seconds, from any beginning.
        sleep: waits so many of them.
    """

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.rates = rates or Rates()
        self._clock = clock
        self._sleep = sleep
        self._chats: defaultdict[int, deque[float]] = defaultdict(deque)  # when each was written to
        self._all: deque[float] = deque()
        self._closed: dict[int, float] = {}  # until when

    async def turn(self, chat: int, *, count: int = 1, patience: float = math.inf) -> bool:
        """Wait until ``count`` messages may be written to the chat, and count them as written.

        Args:
            patience: seconds; False when the turn would not come within them.
        """
        end = self.now() + patience
        while (wait := self._wait(chat, count, spare=False)) > 0:
            if self.now() + wait > end:
                return False
            await self._sleep(wait)
        self._written(chat, count)
        return True

    async def spare_turn(
        self, chat: int, patience: float = math.inf, *, after: float = -math.inf, soon: bool = False
    ) -> bool:
        """A turn for what may as well be left out, and may be given up while it waits.

        Args:
            patience: seconds; False when the turn would not come within them.
            after: not before this time.
            soon: do not spread these evenly over the minute.
        """
        end = self.now() + patience
        while (wait := max(after - self.now(), self._wait(chat, 1, spare=True, soon=soon))) > 0:
            if self.now() + wait > end:
                return False
            await self._sleep(wait)
        self._written(chat, 1)
        return True

    def now(self) -> float:
        return self._clock()

    def close(self, chat: int, seconds: float) -> None:
        """Telegram said to wait. A shorter wait never opens what a longer one has closed."""
        self._closed[chat] = max(self._closed.get(chat, 0.0), self.now() + seconds)

    def _wait(self, chat: int, count: int, *, spare: bool, soon: bool = False) -> float:
        now = self.now()
        self._forget(now)
        waits = [self._closed.get(chat, now) - now]
        most = self.rates.group if chat < 0 else self.rates.private
        written = self._chats.get(chat, deque())
        if spare:
            most = max(1, int(most * self.rates.spare))
            if written:  # evenly, not all at the minute's beginning
                waits.append(written[-1] + (SECOND if soon else WINDOW / most) - now)
        waits.append(_until_room(written, min(count, most), most, now, WINDOW))
        waits.append(_until_room(self._all, min(count, self.rates.overall), self.rates.overall, now, SECOND))
        return max(waits)

    def _written(self, chat: int, count: int) -> None:
        now = self.now()
        self._chats[chat].extend([now] * count)
        self._all.extend([now] * count)

    def _forget(self, now: float) -> None:
        while self._all and self._all[0] <= now - SECOND:
            self._all.popleft()
        for chat, written in list(self._chats.items()):
            while written and written[0] <= now - WINDOW:
                written.popleft()
            if not written:
                del self._chats[chat]
        self._closed = {chat: until for chat, until in self._closed.items() if until > now}


def _until_room(written: deque[float], count: int, most: int, now: float, window: float) -> float:
    """Seconds until ``count`` more fit among the ``most`` of a window."""
    excess = len(written) + count - most
    return written[excess - 1] + window - now if excess > 0 else 0.0
