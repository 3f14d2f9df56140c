"""The API's addresses, and who answers there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from bot.chat.web.api import description, page, problems
from bot.chat.web.api.chat import ApiChat
from bot.chat.web.api.events import Events
from bot.chat.web.api.orders import Received, T, most_bytes, received
from bot.chat.web.api.pictures import Pictures
from bot.chat.web.api.schema import PREFIX, Order, Style, Verification
from bot.chat.web.door import sending
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.intake import Intake
from bot.chat.web.gallery import GalleryFiles
from bot.core.errors import ImpastoError, PictureTooLarge
from bot.core.jobs import Job
from bot.core.messages import Incoming
from bot.dialog.services import Services

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NO_STORE = {"Cache-Control": "no-store"}
AT_ONCE = 4  # orders that are read and written down at once; each may have two or three pictures in memory


class Api:
    """Everything that is asked for under /api."""

    def __init__(self, services: Services, chat: ApiChat, styles: GalleryFiles, intake: Intake) -> None:
        self._services = services
        self._styles = styles
        self._intake = intake
        self._pictures = Pictures(services, chat)
        self._events = Events(self._pictures, chat)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> Sequence[web.RouteDef]:
        one = PREFIX + "/pictures/{id:[a-z0-9]{32}}"
        return [
            web.get("/api", self._page),
            web.get(f"{PREFIX}/openapi.json", self._description),
            web.get(f"{PREFIX}/styles", _explained(self._list_styles)),
            web.post(f"{PREFIX}/pictures", _explained(self._order)),
            web.post(f"{PREFIX}/verifications", _explained(self._verify)),
            web.get(one, _explained(self._picture)),
            web.delete(one, _explained(self._take_back)),
            web.get(f"{one}/events", _explained(self._listen)),
            web.get(f"{one}/preview", _explained(self._preview)),
            web.get(f"{one}/result", _explained(self._result)),
        ]

    def close(self) -> None:
        """The server stops."""
        self._events.close()

    async def _order(self, request: web.Request) -> web.StreamResponse:
        return await self._taken(request, Order, self._pictures.order)

    async def _verify(self, request: web.Request) -> web.StreamResponse:
        return await self._taken(request, Verification, self._pictures.verify)

    async def _taken(
        self, request: web.Request, kind: type[T], order: Callable[[Incoming, Received[T]], Awaitable[Job]]
    ) -> web.StreamResponse:
        incoming = self._pictures.incoming(request)
        await self._services.studio.check_limits(incoming)  # before large pictures are read for nothing
        most = self._services.max_photo_bytes
        async with self._intake.body(request, most_bytes(most, kind), PictureTooLarge(most)) as body, self._at_once:
            job = await order(incoming, await received(request, body, kind))
        picture = await self._pictures.described(job)
        return _json(picture, status=202, headers={"Location": picture.links.self_})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        job = await self._pictures.find(request.match_info["id"])
        return _json(await self._pictures.described(job))

    async def _take_back(self, request: web.Request) -> web.StreamResponse:
        job = await self._pictures.find(request.match_info["id"])
        if not await self._pictures.take_back(job):
            return web.Response(status=204)
        return _json(await self._pictures.described(job))

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        return await self._events.stream(request, await self._pictures.find(request.match_info["id"]))

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        job = await self._pictures.find(request.match_info["id"])
        return web.Response(body=await self._pictures.preview(job), content_type="image/jpeg", headers=NO_STORE)

    async def _result(self, request: web.Request) -> web.StreamResponse:
        job = await self._pictures.find(request.match_info["id"])
        name = (await self._pictures.described(job)).file.encode("ascii", "replace").decode()
        async with self._pictures.result(job) as picture:
            headers = {
                "Content-Type": picture.kind.media_type,
                "Cache-Control": "private",
                "Content-Disposition": f'inline; filename="{name}"',
            }
            return await sending.send(request, headers, picture.size, picture.part, name=job.id)

    async def _list_styles(self, request: web.Request) -> web.StreamResponse:
        return _json([msgspec.convert(style, Style) for style in self._styles.described()])

    async def _description(self, request: web.Request) -> web.StreamResponse:
        return _json(description.document(), headers={"Cache-Control": "no-cache"})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        text = page.text(f"{request.scheme}://{request.host}")
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})


def _explained(handler: Handler) -> Handler:
    """Turn errors into problems."""

    async def explained(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except HttpError as error:
            return problems.problem(error.status, str(error))
        except ImpastoError as error:
            return problems.of_error(error)

    return explained


def _json(value: Any, status: int = 200, headers: dict[str, str] = NO_STORE) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
