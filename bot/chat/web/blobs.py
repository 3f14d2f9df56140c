"""A room's pictures over HTTP, whole or in part: some browsers play an MP4 only where they can have parts of it."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from bot.chat.web.feed import room_of
from bot.core.journal.store import Store

PART = 2**17  # bytes of a picture that are in memory while it is sent
PART_SECONDS = 60.0  # for a reader to take them
KEEP = "private, max-age=86400, immutable"
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


async def send_blob(request: web.Request, store: Store) -> web.StreamResponse:
    """A picture, read as fast as the reader takes it."""
    id = request.match_info["blob"]
    info = await store.blob_info(id)
    if info is None or info.room != room_of(request.match_info["room"]):
        raise web.HTTPNotFound
    headers = {"Content-Type": info.kind, "Cache-Control": KEEP, "Accept-Ranges": "bytes", "ETag": f'"{id}"'}
    if "download" in request.query:
        file = request.match_info.get("file", "photo")
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    asked = wanted(request.headers.get("Range", ""), info.size)
    # Under one address there is only ever one picture, so a part fits to every other that was had from there.
    if asked is None or request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        return await _send(request, store, web.StreamResponse(headers=headers), range(info.size))
    if not asked:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{info.size}"})
    headers["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{info.size}"
    return await _send(request, store, web.StreamResponse(status=206, headers=headers), asked)


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


async def _send(request: web.Request, store: Store, response: web.StreamResponse, asked: range) -> web.StreamResponse:
    response.content_length = len(asked)
    await response.prepare(request)
    for start in asked[::PART]:
        part = await store.blob_part(request.match_info["blob"], start, min(PART, asked.stop - start))
        try:
            async with asyncio.timeout(PART_SECONDS):
                await response.write(part)
        except TimeoutError:
            part = b""
        if not part:  # a slow reader, or the picture was deleted: it must not look as if this were all of it
            assert request.transport is not None
            request.transport.abort()
            break
    return response
