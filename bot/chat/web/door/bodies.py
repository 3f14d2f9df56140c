"""What a request brings along, which has to arrive at some speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from bot.chat.web.door.errors import HttpError

MESSAGE_BYTES = 64 * 2**10  # of anything but a photo
MESSAGE_SECONDS = 30.0  # for a message to arrive
PIECE = 2**16  # bytes of a photo ...
PIECE_SECONDS = 30.0  # ... that are to arrive in this time; the whole may take as long as it takes


async def whole(request: web.Request, most: int = MESSAGE_BYTES) -> bytes:
    """A message's body.

    Raises:
        HttpError: it is too large, or too slow.
    """
    body = await _next(request, most + 1, MESSAGE_SECONDS)
    if len(body) > most:
        raise HttpError(413, f"This is too long: {most} bytes are the limit.")
    return body


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """A photo as it arrives.

    Raises:
        HttpError: it has come to a standstill, or almost.
    """
    while piece := await _next(request, PIECE, PIECE_SECONDS):
        yield piece


async def _next(request: web.Request, size: int, seconds: float) -> bytes:
    """So many bytes, or what there is left."""
    try:
        async with asyncio.timeout(seconds):
            return await request.content.readexactly(size)
    except asyncio.IncompleteReadError as end:
        return end.partial
    except TimeoutError:
        raise HttpError(408, "This took too long to arrive. Please send it again.") from None
