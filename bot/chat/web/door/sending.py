"""A picture on its way out, read from the disk as fast as the reader takes it: so slow readers cost no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

PART = 2**17  # bytes of a picture that are in memory while it is sent
PART_SECONDS = 60.0  # for a reader to take them

Part = Callable[[int, int], Awaitable[bytes]]  # so many bytes from there on; none where it was deleted


async def send(request: web.Request, response: web.StreamResponse, size: int, part: Part) -> web.StreamResponse:
    """Send so many bytes as the response's body."""
    response.content_length = size
    await response.prepare(request)
    for start in range(0, size, PART):
        data = await part(start, PART)
        try:
            async with asyncio.timeout(PART_SECONDS):
                await response.write(data)
        except TimeoutError:
            data = b""
        if not data:  # a slow reader, or the picture was deleted: it must not look as if this were all of it
            assert request.transport is not None
            request.transport.abort()
            break
    return response
