"""Who has signed in: tickets for browsers, the list of them, and guesses at the access token."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from bot.chat.web.door.access import DAYS, AccessControl
from bot.chat.web.door.throttle import Throttle, address_behind
from bot.core.errors import StoreError
from bot.core.journal.rows.sign_ins import SignIn
from bot.core.journal.store import Store

COOKIE = "impasto"
SIGN_IN = web.RequestKey("sign_in", str)  # the id of the sign-in that a request comes from
MOST = 500  # sign-ins at once
BROWSER = 160  # characters kept of what a browser calls itself
NOTICED_SECONDS = 2.0  # until what another process has ended is over


class SignIns:
    """Kept in the journal, and in memory, for every request asks. `load` comes first."""

    def __init__(self, access: AccessControl, store: Store) -> None:
        self._access = access
        self._store = store
        self._throttle = Throttle()
        self._known: dict[str, SignIn] = {}

    async def load(self) -> None:
        self._known = {one.id: one for one in await self._store.sign_ins()}

    async def watch(self, ended: Callable[[list[str]], Awaitable[None]]) -> None:
        """Notice what the command line ends, until cancelled; ``ended`` is told which."""
        while True:
            await asyncio.sleep(NOTICED_SECONDS)
            with suppress(StoreError):
                if await self._store.visited():
                    before = set(self._known)
                    await self.load()
                    await ended(sorted(before - set(self._known)))

    def listed(self) -> list[SignIn]:
        """Newest first."""
        now = time.time()
        return [one for one in reversed(self._known.values()) if one.until > now]

    async def admits(self, request: web.Request) -> bool:
        """Whether a request comes from somebody who has signed in, or knows the token.

        Raises:
            HttpError: too many guesses wait for their turn.
        """
        if not self._access.guarded:
            return True
        id = self._access.sign_in_of(request.cookies.get(COOKIE, ""), time.time())
        if id in self._known:
            request[SIGN_IN] = id
            return True
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and await self.opens(request, token.strip())

    async def opens(self, request: web.Request, guess: str) -> bool:
        """Whether this is the access token; found out when it is this guess's turn.

        Raises:
            HttpError: too many guesses wait for their turn.
        """
        address = address_behind(request)
        await asyncio.sleep(self._throttle.take(address, time.monotonic()))
        if not self._access.opens(guess):
            return False
        self._throttle.was_right(address)
        return True

    async def begin(self, browser: str) -> str:
        """Sign a browser in; returns its ticket."""
        now = time.time()
        shown = "".join(c for c in browser if c.isprintable())[:BROWSER]
        one = SignIn(id=secrets.token_hex(8), browser=shown, since=now, until=now + DAYS * 86400)
        await self._store.add_sign_in(one, MOST)
        await self.load()
        return self._access.ticket(one.id, one.until)

    async def end(self, ids: list[str]) -> None:
        await self._store.end_sign_ins(ids)
        for id in ids:
            self._known.pop(id, None)
