"""A room's picture on its way out: as it is, small, or as a JPEG to be saved."""

from __future__ import annotations

import functools
from typing import Any

from aiohttp import web

from bot.chat import formats
from bot.chat.web.door import sending
from bot.chat.web.door.converting import Converting
from bot.chat.web.door.errors import HttpError
from bot.core.journal.rows.blobs import BlobInfo
from bot.core.journal.store import Store
from bot.engine_process import thumbnails
from engine.wire import JPEG, PNG, VIDEOS

SMALL = 480  # pixels, long side of a thumbnail
GONE = "This picture is no longer kept."


class Blobs:
    """Sends them; who may have one is asked before."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._converting = Converting()

    async def send(
        self, request: web.Request, picture: str, info: BlobInfo, file: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        """With ``?small`` in the address a thumbnail; with ``?download`` to be saved, with ``&jpeg`` as that."""
        headers = {**headers, "Content-Type": info.kind}
        if "small" in request.query and info.kind not in {kind.media_type for kind in VIDEOS}:
            data = await self._converting.thumbnail(picture, lambda: self._small(picture))
            return web.Response(body=data, headers={**headers, "Content-Type": JPEG.media_type})
        if "download" not in request.query:
            return await self._whole(request, picture, info, headers)
        if "jpeg" in request.query and info.kind == PNG.media_type:
            return await self._as_jpeg(request, picture, file, headers)
        headers["Content-Disposition"] = sending.as_file(file)
        return await self._whole(request, picture, info, headers)

    async def _whole(
        self, request: web.Request, picture: str, info: BlobInfo, headers: dict[str, str]
    ) -> web.StreamResponse:
        part = functools.partial(self._store.blob_part, picture)
        return await sending.send(request, headers, info.size, part, name=picture)

    async def _as_jpeg(
        self, request: web.Request, picture: str, file: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        more: dict[str, Any] = {"Content-Type": JPEG.media_type}
        more["Content-Disposition"] = sending.as_file(f"{file.removesuffix('.png')}.jpg")
        async with self._converting.made(lambda: self._jpeg(picture)) as data:
            part = functools.partial(sending.part_of, data)
            return await sending.send(request, headers | more, len(data), part, name=f"{picture}.jpg")

    async def _jpeg(self, picture: str) -> bytes:
        return await formats.converted(await self._read(picture), PNG, JPEG)

    async def _small(self, picture: str) -> bytes | None:
        return await thumbnails.small(await self._read(picture), SMALL)

    async def _read(self, picture: str) -> bytes:
        blob = await self._store.blob(picture)
        if blob is None:
            raise HttpError(404, GONE)
        return blob.data
