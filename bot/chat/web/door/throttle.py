"""How fast access tokens can be guessed, however they are sent: in turn, and no faster than so many a second.

A right guess waits for its turn as well where wrong ones came from the same address: an answer that comes at once for
the right token, and only for that one, would tell as much as an unthrottled one. Who has signed in never waits.
"""

from __future__ import annotations

import math

import msgspec
from aiohttp import web

from bot.chat.web.door.connections import address_of
from bot.chat.web.door.errors import HttpError
from bot.config import is_loopback

PER_SECOND = 8.0  # guesses from one address ...
FREE = 8  # ... after so many at once
PER_SECOND_IN_ALL = 64.0  # from all addresses, but for the free ones
LONGEST = 30.0  # seconds that a guess may have to wait; more are refused unread
ADDRESSES = 1024  # remembered before the idle ones are dropped


class _Pace(msgspec.Struct):
    """Turns at an even pace after the first few, which are free (the generic cell rate algorithm)."""

    seconds: float  # between two turns
    free: int
    next: float = -math.inf  # when the next would be due if none had been free

    def wait(self, now: float) -> float:
        return max(0.0, self.next - self.free * self.seconds - now)

    def take(self, now: float) -> None:
        self.next = max(self.next, now) + self.seconds

    def give_back(self) -> None:
        self.next -= self.seconds


class Throttle:
    """Pure: the clock is an argument, in seconds."""

    def __init__(self) -> None:
        self._all = _Pace(1 / PER_SECOND_IN_ALL, 8 * FREE)
        self._of: dict[str, _Pace] = {}

    def take(self, address: str, now: float) -> float:
        """Take a turn; returns the seconds to wait for it. Guesses from elsewhere hold up no address that is new.

        Raises:
            HttpError: too many wait already.
        """
        pace = self._of.get(address) or _Pace(1 / PER_SECOND, FREE)
        wait = pace.wait(now)
        if wait:
            wait = max(wait, self._all.wait(now))
        if wait > LONGEST:
            raise HttpError(429, "Too many wrong access tokens came from your address. Try again in a minute.")
        self._of[address] = pace
        pace.take(now)
        self._all.take(now)
        if len(self._of) > ADDRESSES:
            self._of = {address: pace for address, pace in self._of.items() if pace.next > now}
        return wait

    def was_right(self, address: str) -> None:
        """The token was right, so the turn does not count."""
        self._all.give_back()
        if address in self._of:
            self._of[address].give_back()


def address_behind(request: web.BaseRequest) -> str:
    """Who asks: behind a proxy on this machine, whom the proxy says that it serves."""
    peer = request.remote or ""
    served = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return address_of(served if served and is_loopback(peer) else peer)
