"""The WebSocket: everything that a room has, by number, and then whatever it gets."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import msgspec
from aiohttp import WSCloseCode, web

from bot.chat.web.door.sign_ins import SIGN_IN
from bot.chat.web.feed import LiveStatus, RoomFeed, room_of
from bot.core.errors import LimitReached

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20.0  # the page gives a connection up after 50 s of silence
SLOW_SECONDS = 15.0  # a reader that takes nothing for so long is dropped and may come back
CLOSE_SECONDS = 2.0  # for a page to take leave
TOO_MANY = 4429  # close code; those from 4000 are ours to give
NUMBER = re.compile("[0-9]{1,18}")  # of an entry; SQLite's have at most as many digits

HEARTBEAT = {"beat": True}
CAUGHT_UP = {"now": True}  # what follows is new
START_OVER = {"anew": True}  # the page is to forget everything; all entries follow


class NumberedEntry(msgspec.Struct, frozen=True):
    """An entry on its way to the page."""

    seq: int
    entry: msgspec.Raw


class Events:
    """Every page's connection."""

    def __init__(self, feed: RoomFeed) -> None:
        self._feed = feed
        self._sockets: dict[web.WebSocketResponse, str | None] = {}  # with the sign-in of each

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        room = room_of(request.match_info["room"])
        after = request.query.get("after", "")
        known = int(after) if NUMBER.fullmatch(after) else 0
        socket = web.WebSocketResponse(timeout=CLOSE_SECONDS, heartbeat=HEARTBEAT_SECONDS, max_msg_size=1024)
        await socket.prepare(request)
        self._sockets[socket] = request.get(SIGN_IN)
        try:
            with self._feed.listen(room) as woken:
                async with asyncio.TaskGroup() as tasks:
                    sending = tasks.create_task(self._send_all(request, socket, room, known, woken))
                    async for _ in socket:  # the page sends nothing here, but pongs and the closing must be read
                        pass
                    sending.cancel()
        except LimitReached as error:
            await socket.close(code=TOO_MANY, message=str(error).encode())
        finally:
            del self._sockets[socket]
        return socket

    async def close(self) -> None:
        """Tell every page that the bot stops."""
        await self._close(list(self._sockets), WSCloseCode.GOING_AWAY, b"restart")

    async def close_signed_in(self, sign_ins: list[str]) -> None:
        """Close the pages of sign-ins that were ended."""
        ended = [socket for socket, sign_in in self._sockets.items() if sign_in in sign_ins]
        await self._close(ended, WSCloseCode.POLICY_VIOLATION, b"signed out")

    async def _close(self, sockets: list[web.WebSocketResponse], code: int, why: bytes) -> None:
        await asyncio.gather(*(socket.close(code=code, message=why) for socket in sockets), return_exceptions=True)

    async def _send_all(
        self, request: web.Request, socket: web.WebSocketResponse, room: str, after: int, woken: asyncio.Event
    ) -> None:
        """Send what the room has after this number and whatever it gets, as fast as the reader takes it."""
        try:
            await self._stream(socket, room, after, woken)
        except (TimeoutError, ConnectionError):
            if request.transport is not None and not socket.closed:  # which we may be doing ourselves
                request.transport.abort()  # too slow, or gone; it may come back and ask for the rest
        except Exception:
            log.exception("the connection to a page failed")
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _stream(self, socket: web.WebSocketResponse, room: str, after: int, woken: asyncio.Event) -> None:
        # Read from the store only when the last of it has gone out, so a slow reader makes nothing pile up here.
        backlog = await self._feed.for_page(room, 0)
        if after and (not backlog or backlog[-1][0] < after):
            after = 0  # the page remembers more than the store does: pruned, or another journal
            await _send(socket, START_OVER)
        shown: dict[str, LiveStatus] = {}
        caught_up = False
        while True:
            woken.clear()
            for number, entry in await self._feed.for_page(room, after):
                await _send(socket, NumberedEntry(number, msgspec.Raw(entry)))
                after = number
            statuses = {status.job: status for status in self._feed.statuses(room)}
            for job, status in statuses.items():
                if shown.get(job) is not status:
                    await _send(socket, {"live": _without_picture(status)})
            shown = statuses
            if not caught_up:
                caught_up = True
                await _send(socket, CAUGHT_UP)
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await woken.wait()
            except TimeoutError:
                await _send(socket, HEARTBEAT)


async def _send(socket: web.WebSocketResponse, message: Any) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await socket.send_str(msgspec.json.encode(message).decode())


def _without_picture(status: LiveStatus) -> dict[str, Any]:
    fields = {"job": status.job, "text": status.text, "done": status.done, "preview": status.preview}
    return fields | ({"cells": status.cells} if status.cells else {})
