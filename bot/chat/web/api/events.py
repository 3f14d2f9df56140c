"""How a picture stands, whenever that changes, as server-sent events; the stream ends with the picture's end."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from bot.chat.web.api.chat import ApiChat
from bot.chat.web.api.pictures import Pictures
from bot.chat.web.api.schema import ENDED
from bot.chat.web.door.errors import HttpError
from bot.core.jobs import Job

BEAT_SECONDS = 15.0  # a comment after so much silence, or proxies give the connection up
SLOW_SECONDS = 15.0  # a reader that takes nothing for so long is dropped
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Events:
    """Every listener's stream."""

    def __init__(self, pictures: Pictures, chat: ApiChat) -> None:
        self._pictures = pictures
        self._chat = chat
        self._stopping = False

    async def stream(self, request: web.Request, job: Job) -> web.StreamResponse:
        """Send what there is, and then what comes.

        Raises:
            LimitReached: too many listen already.
        """
        with self._chat.listen(job.id) as woken:
            response = web.StreamResponse(headers=HEADERS)
            await response.prepare(request)
            try:
                await self._send_all(response, request.match_info["id"], woken)
            except (TimeoutError, ConnectionError):  # too slow, or gone
                if request.transport is not None:
                    request.transport.abort()
        return response

    def close(self) -> None:
        """End every stream: the server stops. Listeners may come again."""
        self._stopping = True
        self._chat.close()

    async def _send_all(self, response: web.StreamResponse, id: str, woken: asyncio.Event) -> None:
        shown = b""
        while not self._stopping:
            woken.clear()
            try:
                picture = await self._pictures.described(await self._pictures.find(id))
            except HttpError:  # it was deleted
                return
            data = msgspec.json.encode(picture)
            if data != shown:
                await _write(response, b"event: picture\ndata: " + data + b"\n\n")
                shown = data
            if picture.state in ENDED:
                return
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await woken.wait()
            except TimeoutError:
                await _write(response, b": still here\n\n")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await response.write(data)
