"""My pictures over HTTP, and the open page of a picture that is shared."""

from __future__ import annotations

import html
import string
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from aiohttp import web

from bot.chat.web.album.archive import Incomplete, zipped
from bot.chat.web.album.owner import owner_of
from bot.chat.web.album.pictures import Album, Kept, SharedPicture
from bot.chat.web.door import bodies, sending
from bot.chat.web.door.blobs import Blobs
from bot.chat.web.door.errors import HttpError
from bot.chat.web.entries import Finished
from bot.chat.web.feed import RoomFeed
from bot.dialog.services import Services
from engine.wire import PNG

T = TypeVar("T")
OPEN = "/shared/"  # what begins so is for everybody who has the address
ENDED = "This picture is not shared, or not any more."


class Change(msgspec.Struct, frozen=True):
    """What the person does with a picture; None leaves it as it is."""

    starred: bool | None = None
    shared: bool | None = None


class Deletion(msgspec.Struct, frozen=True):
    """The pictures to be deleted."""

    pictures: set[str]


class AlbumRoutes:
    """
    Args:
        page: of a shared picture, with places for its parts.
    """

    def __init__(self, services: Services, feed: RoomFeed, blobs: Blobs, page: string.Template) -> None:
        self._store = services.store
        self._blobs = blobs
        self._rules = services.studio.rules
        self._album = Album(services.store, feed)
        self._page = page
        self._zipping: set[str] = set()  # owners

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/album.json", self._list),
            web.get("/album.zip", self._zip),
            web.post("/album/delete", self._delete),
            web.post("/album/{picture:[\\w-]{8,64}}", self._change),
            web.get("/album/{picture:[\\w-]{8,64}}/{file}", self._picture),
            web.get(OPEN + "{share:[\\w-]{24}}", self._shared),
            web.get(OPEN + "{share:[\\w-]{24}}/{file}", self._shared_picture),
        ]

    async def join(self, request: web.Request, room: str) -> None:
        """What is painted in this room is among the pictures of who asks."""
        if owner := owner_of(request):
            await self._store.join_album(room, owner)

    # --- the person's own --------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        kept = await self._album.pictures(owner_of(request))
        hours = {"keep_hours": self._rules.keep_hours, "keep_marked_hours": self._rules.keep_marked_hours}
        about = {**hours, "pictures": list(map(_described, kept))}
        return web.Response(body=msgspec.json.encode(about), content_type="application/json", headers=_unkept())

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        picture = request.match_info["picture"]
        await self._album.check(owner_of(request), picture)
        return await self._sent(request, picture, {"Cache-Control": sending.KEEP})

    async def _change(self, request: web.Request) -> web.Response:
        picture, change = request.match_info["picture"], await _body(request, Change)
        mark = await self._album.mark(owner_of(request), picture, starred=change.starred, shared=change.shared)
        return web.json_response({"starred": mark.starred, "share": _share(mark.share)})

    async def _delete(self, request: web.Request) -> web.Response:
        deletion = await _body(request, Deletion)
        return web.json_response({"deleted": await self._album.delete(owner_of(request), deletion.pictures)})

    async def _zip(self, request: web.Request) -> web.StreamResponse:
        """All of them, or those that are starred; one such file at a time for each person."""
        owner, starred = owner_of(request), "starred" in request.query
        pictures = [kept for kept in await self._album.pictures(owner) if kept.mark.starred or not starred]
        if not pictures:
            raise HttpError(404, "There are no pictures to download.")
        if owner in self._zipping:
            raise HttpError(429, "Your pictures are being downloaded already. Wait for the end of it.")
        self._zipping.add(owner)
        try:
            return await self._send_zip(request, pictures)
        finally:
            self._zipping.discard(owner)

    async def _send_zip(self, request: web.Request, pictures: list[Kept]) -> web.StreamResponse:
        response = web.StreamResponse(headers=_unkept() | {"Content-Type": "application/zip"})
        response.headers["Content-Disposition"] = sending.as_file("impasto-pictures.zip")
        await response.prepare(request)
        try:
            async for part in zipped(self._store, pictures):
                await sending.write(response, part)
        except (Incomplete, TimeoutError):
            assert request.transport is not None
            request.transport.abort()
        return response

    # --- for everybody who has the address ---------------------------------------------------------------------------

    async def _found(self, request: web.Request) -> SharedPicture:
        found = await self._album.shared(request.match_info["share"])
        if found is None:
            raise web.HTTPNotFound(text=ENDED, headers=_unkept())
        return found

    async def _shared(self, request: web.Request) -> web.Response:
        entry = (await self._found(request)).entry
        address = html.escape(f"{request.path}/{quote(entry.file)}")
        words = {name: html.escape(getattr(entry, name)) for name in ("credit", "line", "file")}
        text = self._page.substitute(
            words, picture=_element(entry, address), address=address, jpeg=_jpeg(entry, address)
        )
        return web.Response(text=text, content_type="text/html", headers=_unkept() | {"X-Robots-Tag": "noindex"})

    async def _shared_picture(self, request: web.Request) -> web.StreamResponse:
        found = await self._found(request)
        return await self._sent(request, found.picture, _unkept() | {"X-Robots-Tag": "noindex"})

    async def _sent(self, request: web.Request, picture: str, headers: dict[str, str]) -> web.StreamResponse:
        info = await self._store.blob_info(picture)
        if info is None:
            raise web.HTTPNotFound
        return await self._blobs.send(request, picture, info, request.match_info["file"], headers)


def _described(kept: Kept) -> dict[str, Any]:
    entry = kept.entry
    fields = {name: getattr(entry, name) for name in ("file", "credit", "line", "width", "height", "media_type")}
    address = f"/album/{entry.picture}/{quote(entry.file)}"
    marks = {"starred": kept.mark.starred, "share": _share(kept.mark.share)}
    return {"id": entry.picture, "at": kept.at, "src": address, **fields, **marks}


def _share(secret: str | None) -> str | None:
    return OPEN + secret if secret else None


def _jpeg(entry: Finished, address: str) -> str:
    """The link to the smaller file; clips have none."""
    if entry.media_type != PNG.media_type:
        return ""
    name = html.escape(f"{entry.file.removesuffix('.png')}.jpg")
    return f' <a class="button" href="{address}?download&amp;jpeg" download="{name}">JPEG</a>'


def _element(entry: Finished, address: str) -> str:
    about = html.escape(f"A picture in the style of {entry.credit}")
    if entry.media_type.startswith("video/"):
        return f'<video src="{address}" aria-label="{about}" controls loop muted playsinline></video>'
    return f'<img src="{address}" alt="{about}" width="{entry.width}" height="{entry.height}">'


def _unkept() -> dict[str, str]:
    """A shared picture must be gone everywhere once it is not shared any more."""
    return {"Cache-Control": "no-store"}


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await bodies.whole(request), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HttpError(400, "This message cannot be read.") from None
