"""The page's server: who may ask what, and who answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import msgspec
from aiohttp import ClientConnectionError, web

from bot.chat.web.album.routes import OPEN, AlbumRoutes
from bot.chat.web.api import problems
from bot.chat.web.api.chat import ApiChat
from bot.chat.web.api.routes import Api
from bot.chat.web.conversation import Conversation, PageMessage, PagePress
from bot.chat.web.door import bodies, sending
from bot.chat.web.door.access import AccessControl
from bot.chat.web.door.blobs import Blobs
from bot.chat.web.door.connections import Door, raised_capacity
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.intake import Intake
from bot.chat.web.door.sign_ins import SignIns
from bot.chat.web.events import Events
from bot.chat.web.feed import RoomFeed, room_of
from bot.chat.web.gallery import GalleryFiles
from bot.chat.web.pages import Pages
from bot.chat.web.uploads import Uploads
from bot.config import Web
from bot.core.errors import ConfigError, sentence
from bot.core.messages import Hook
from bot.dialog.parse import ALIASES, COMMANDS, MODE_OF, Name
from bot.dialog.pictures import not_a_photo
from bot.dialog.services import Services
from engine.recipe import MEANINGS, TABLE, values
from engine.wire import MAX_PIXELS, MAX_SIDE

log = logging.getLogger(__name__)
T = TypeVar("T")

NO_SUCH_ADDRESS = "There is nothing at this address, or not by this method. See /api."
OPEN_PATHS = ("/", "/health", "/signin")  # to everybody; the page itself shows the form then

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, with which browsers send the sign-in form with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "Impasto",  # else the library names itself, Python, and the versions of both
}

# The commands that are followed by a style.
STYLED = [f"/{word}" for word in (Name.STYLIZE, *ALIASES) if ALIASES.get(word, word) is Name.STYLIZE]
STYLED += [f"/{name}" for name, mode in MODE_OF.items() if TABLE[mode].styles in ("some", "any")]
# Those that go out with the pictures above the text box.
ORDERS = [*STYLED, *(f"/{name}" for name, mode in MODE_OF.items() if TABLE[mode].photo and f"/{name}" not in STYLED)]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Everything that is asked for over HTTP.

    Args:
        hooks: by path, where other platforms post to. They prove themselves, so neither token nor host is asked for.

    Raises:
        ConfigError: the page would be open to other machines without a token.
    """

    def __init__(
        self, config: Web, services: Services, feed: RoomFeed, api: ApiChat, hooks: Mapping[str, Hook]
    ) -> None:
        self._config = config
        self._services = services
        self._feed = feed
        self._hooks = hooks
        self._access = AccessControl(config)
        self._sign_ins = SignIns(self._access, services.store)
        self._styles = GalleryFiles(services.gallery)
        intake = Intake(services.max_photo_bytes)
        self._uploads = Uploads(feed, intake, services.max_photo_bytes)
        self._api = Api(services, api, self._styles, intake)
        self._conversation = Conversation(services, feed)
        self._events = Events(feed)
        self._pages = Pages(self._sign_ins, self._events.close_signed_in)
        self._blobs = Blobs(services.store)
        self._album = AlbumRoutes(services, feed, self._blobs, self._pages.template("shared.html"))
        self._door = Door(0)

    @property
    def connections(self) -> int:
        return len(self._door)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """See `WebChat.serve`."""
        runner = web.AppRunner(self._application(), shutdown_timeout=2.0)
        await self._sign_ins.load()
        await runner.setup()
        assert runner.server is not None
        self._door = Door(raised_capacity())
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            try:
                listening = self._door.listen(runner.server, self._config.host.strip("[]"), self._config.port)
                host, port = await stack.enter_async_context(listening)
            except OSError as error:
                raise ConfigError(
                    f"The chat page cannot be opened on {self._config.host}, port {self._config.port}:"
                    f" {error.strerror}. Choose another port with --port."
                ) from error
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._counted, self._guard])
        room = "/r/{room:[A-Za-z0-9]{32,64}}"
        app.add_routes(
            [
                *self._pages.routes(),
                *self._styles.routes(),
                *self._api.routes(),
                *self._album.routes(),
                web.get("/gallery.json", self._gallery_json),
                web.get("/health", self._readiness),
                web.get("/metrics", self._metrics),
                web.get(room + "/events", self._connect),
                web.post(room + "/photo", self._photo),
                web.post(room + "/say", self._message),
                web.post(room + "/press", self._press),
                web.get(room + "/blob/{blob}", self._blob),
                web.get(room + "/blob/{blob}/{file}", self._blob),
                web.get(room + "/preview/{job}/{count}.jpg", self._preview),
            ]
        )
        app.add_routes([web.post(path, self._hook) for path in self._hooks])
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._shut_down)
        app.cleanup_ctx.append(self._watch_sign_ins)
        return app

    async def _watch_sign_ins(self, app: web.Application) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._sign_ins.watch(self._events.close_signed_in))
            yield
            watching.cancel()

    async def _shut_down(self, app: web.Application) -> None:
        self._api.close()
        await self._events.close()

    # --- who may ask -------------------------------------------------------------------------------------------------

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        with self._door.answering(request):
            return await handler(request)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may come in, and turn errors into sentences."""
        try:
            if request.path not in self._hooks:
                await self._check(request)
            return await handler(request)
        except HttpError as error:
            return _failed(request, error.status, str(error))
        except web.HTTPException as error:
            if error.status < 400 or not problems.concerns(request):
                raise
            return problems.problem(error.status, NO_SUCH_ADDRESS)
        except (ConnectionError, ClientConnectionError):
            raise
        except web.RequestPayloadError:
            raise web.HTTPBadRequest(text="This is not a valid HTTP request.\n") from None
        except Exception as error:
            log.exception("the web chat failed")
            return _failed(request, 500, sentence(error))

    async def _check(self, request: web.Request) -> None:
        if not self._access.knows_host(request.host):
            raise HttpError(403, "This page can only be opened as localhost or 127.0.0.1.")
        # A handshake has this header; what it says beside it, and how often, differs.
        changes = request.method != "GET" or "Upgrade" in request.headers
        if changes and not self._access.same_origin(request.headers.get("Origin"), request.host):
            raise HttpError(403, "This request comes from another site's page.")
        is_open = request.path in OPEN_PATHS or request.path.startswith(("/static/", OPEN))
        if not is_open and not await self._sign_ins.admits(request):
            if problems.concerns(request):
                raise HttpError(
                    401, "This Impasto has an access token: send it along as “Authorization: Bearer TOKEN”."
                )
            raise HttpError(401, "Sign in first: open the page and enter the access token.")

    # --- from the person ---------------------------------------------------------------------------------------------

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        await self._room(request)
        return await self._events.connect(request)

    async def _photo(self, request: web.Request) -> web.Response:
        taken = await self._uploads.take(request)
        await self._conversation.arrived(await self._room(request), request.query["id"], taken.blob, ours=taken.ours)
        return web.json_response({"photo": taken.blob})

    async def _message(self, request: web.Request) -> web.Response:
        message = await _body(request, PageMessage)
        await self._conversation.write(await self._room(request), message)
        return web.json_response({})

    async def _press(self, request: web.Request) -> web.Response:
        press = await _body(request, PagePress)
        await self._conversation.press(await self._room(request), press)
        return web.json_response({})

    async def _room(self, request: web.Request) -> str:
        """The room, which is the person's also after they had it forgotten."""
        room = room_of(request.match_info["room"])
        await self._album.join(request, room)
        return room

    async def _hook(self, request: web.Request) -> web.Response:
        return web.Response(status=await self._hooks[request.path](request.headers, await bodies.whole(request)))

    # --- to the person -----------------------------------------------------------------------------------------------

    async def _gallery_json(self, request: web.Request) -> web.Response:
        """What the page knows before anything was written."""
        about = {
            "commands": [{"name": f"/{name}", "what": text} for name, text in COMMANDS.items()],
            "orders": ORDERS,
            "styled": STYLED,
            "settings": [{"name": name, "what": f"{values(name)}: {what}"} for name, what in MEANINGS.items()],
            "sign_ins": self._access.guarded,
            "max_bytes": self._services.max_photo_bytes,
            "max_pixels": MAX_PIXELS,
            "max_side": MAX_SIDE,
            "not_a_photo": not_a_photo(),
        }
        return web.json_response(about, headers={"Cache-Control": "no-cache"})

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        """A picture of a room."""
        id, store = request.match_info["blob"], self._services.store
        info = await store.blob_info(id)
        if info is None or info.room != room_of(request.match_info["room"]):
            raise web.HTTPNotFound
        file = request.match_info.get("file", "photo")
        return await self._blobs.send(request, id, info, file, {"Cache-Control": sending.KEEP})

    async def _preview(self, request: web.Request) -> web.Response:
        """The newest preview of a job; the number in the address only keeps browsers from showing an old one."""
        for status in self._feed.statuses(room_of(request.match_info["room"])):
            if status.job == request.match_info["job"] and status.picture is not None:
                return web.Response(
                    body=status.picture, content_type="image/jpeg", headers={"Cache-Control": sending.KEEP}
                )
        raise web.HTTPNotFound

    # --- to the operator ---------------------------------------------------------------------------------------------

    async def _readiness(self, request: web.Request) -> web.Response:
        found = self._services.health.readiness()
        return web.json_response(found, status=200 if found["ok"] else 503, headers={"Cache-Control": "no-store"})

    async def _metrics(self, request: web.Request) -> web.Response:
        health = self._services.health
        return web.Response(body=health.metrics(), headers={"Content-Type": health.content_type})


def _failed(request: web.Request, status: int, text: str) -> web.Response:
    """An error, as the page or as the API has it."""
    if problems.concerns(request):
        return problems.problem(status, text)
    return web.json_response({"error": text}, status=status)


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await bodies.whole(request), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise HttpError(400, "This message cannot be read.") from None


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
