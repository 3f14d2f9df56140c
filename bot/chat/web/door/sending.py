"""A picture on its way out, whole or in part, read from the disk as fast as the reader takes it.

So slow readers cost no memory, and browsers that play an MP4 only where they can have parts of it can have them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from aiohttp import web

PART = 2**17  # bytes of a picture that are in memory while it is sent
PART_SECONDS = 60.0  # for a reader to take them
KEEP = "private, max-age=86400, immutable"
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)

Part = Callable[[int, int], Awaitable[bytes]]  # so many bytes from there on; none where it was deleted


async def send(
    request: web.Request, headers: Mapping[str, str], size: int, part: Part, *, name: str
) -> web.StreamResponse:
    """A picture of so many bytes, or what a Range header asks for of it.

    Args:
        name: of the picture, which is another one's nowhere.
    """
    tag = f'"{name}"'
    given = {**headers, "Accept-Ranges": "bytes", "ETag": tag}
    asked = wanted(request.headers.get("Range", ""), size)
    if asked is None or request.headers.get("If-Range", tag) != tag:
        return await _send(request, web.StreamResponse(headers=given), range(size), part)
    if not asked:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    given["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
    return await _send(request, web.StreamResponse(status=206, headers=given), asked, part)


def wanted(header: str, size: int) -> range | None:
    """Which bytes of so many a Range header asks for: none where there are no such bytes, None for the whole.

    Whoever asks for several parts gets the whole (RFC 9110, section 14.2: a server may ignore the header).
    """
    found = RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    first, last = int(found[1]), int(found[2] or size)
    return range(first, min(last + 1, size)) if first <= last else None


async def part_of(data: bytes, start: int, size: int) -> bytes:
    """A part of a picture that is in memory."""
    return data[start : start + size]


async def write(response: web.StreamResponse, data: bytes) -> None:
    """
    Raises:
        TimeoutError: the reader is too slow.
    """
    async with asyncio.timeout(PART_SECONDS):
        await response.write(data)


def as_file(name: str) -> str:
    """The header by which a browser saves what it gets under this name."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "-" for c in name)
    more = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{more}'


async def _send(request: web.Request, response: web.StreamResponse, asked: range, part: Part) -> web.StreamResponse:
    response.content_length = len(asked)
    await response.prepare(request)
    for start in asked[::PART]:
        data = await part(start, min(PART, asked.stop - start))
        try:
            await write(response, data)
        except TimeoutError:
            data = b""
        if not data:  # a slow reader, or the picture was deleted: it must not look as if this were all of it
            assert request.transport is not None
            request.transport.abort()
            break
    return response
