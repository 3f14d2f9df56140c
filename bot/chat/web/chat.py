"""The web chat: one page, and a room of its own for every tab that opens it.

The page is told of everything by number over a WebSocket and asks after a lost connection for what it missed, so the
room in the store is the only truth: neither a reload, a lost line nor a restart of the bot loses anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html
import logging
import re
import string
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientConnectionError, WSCloseCode, web

from bot.chat.web.access import DAYS, AccessControl
from bot.chat.web.gallery import Shelf
from bot.chat.web.rooms import ENTRIES, PHOTOS, Answer, Finished, Live, Photo, Rooms, Said, Told, key_of
from bot.config import Web
from bot.core.errors import ConfigError, LimitReached, sentence
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import NewBlob, Store
from bot.core.messages import Hook, Incoming, Reply, Result, Status
from bot.dialog.commands import COMMANDS, Commands
from bot.health import Health
from engine.gallery import Gallery
from engine.recipe import SETTINGS, titles

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}
COOKIE = "impasto"
KEEP = "private, max-age=86400, immutable"

MESSAGE_BYTES = 64 * 2**10
MESSAGE_LENGTH = 2000  # characters
UPLOADS = 8  # at once; each is held in memory while it arrives
GUESSES = 8  # at once, each of which takes GUESS_SECONDS when it is wrong
GUESS_SECONDS = 1.0
UPLOAD_SECONDS = 300.0
BEAT_SECONDS = 20.0  # the page gives a line up after 50 s of silence
SLOW_SECONDS = 15.0  # a reader that takes nothing for so long is dropped and may come back
AGAIN = re.compile(r"\s*/again\b", re.IGNORECASE)
TOO_MANY = 4429  # close code; those from 4000 are ours to give

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, with which browsers send the sign-in form with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Say(msgspec.Struct, frozen=True):
    """A line that the page sends."""

    id: str  # the page's name for it: sent again, it is not taken again
    text: str
    photo: str | None = None  # the blob that it replies to
    style: str | None = None  # the blob that is to be the style
    quiet: bool = False  # from a button: not shown as said


class Numbered(msgspec.Struct, frozen=True):
    """An entry on its way to the page."""

    seq: int
    entry: msgspec.Raw


class HttpError(Exception):
    """A request that is answered with an error status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebChat:
    """A Chat whose platform is this process's own page.

    Args:
        hooks: by path, where other platforms post to. They prove themselves, so neither token nor host is asked for.

    Raises:
        ConfigError: the page would be open to other machines without a token.
    """

    name = "web"

    def __init__(
        self,
        config: Web,
        commands: Commands,
        store: Store,
        gallery: Gallery,
        health: Health,
        *,
        max_photo_bytes: int = 20 * 2**20,
        hooks: Mapping[str, Hook] | None = None,
    ) -> None:
        self._config = config
        self._hooks = hooks or {}
        self._commands = commands
        self._store = store
        self._gallery = gallery
        self._health = health
        self._max_photo = max_photo_bytes
        self._door = AccessControl(config)
        self._rooms = Rooms(store)
        self._shelf = Shelf(gallery)
        self._files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}
        self._sockets: set[web.WebSocketResponse] = set()
        self._answering: set[tuple[str, str]] = set()
        self._uploads = asyncio.Semaphore(UPLOADS)
        self._guesses = asyncio.Semaphore(GUESSES)
        health.gauge("web_tabs", "Pages that are connected.", lambda: self._rooms.listening)

    # --- the Chat ----------------------------------------------------------------------------------------------------

    async def show(self, job: Job, status: Status) -> None:
        self._rooms.show(job.place.room, job.id, status)

    async def deliver(self, job: Job, result: Result) -> None:
        room = job.place.room
        if not await self._rooms.settled(room, job.id):
            picture = NewBlob("image/png", result.picture)
            entry = Finished(
                job=job.id,
                picture=picture.id,
                photo=_picture_of(job, "photo"),
                file=job.file_name,
                width=result.width,
                height=result.height,
                credit=result.credit,
                line=result.line,
                seconds=result.seconds,
                notes=result.notes,
                style=_picture_of(job, "style"),
            )
            await self._rooms.append(room, entry, picture)
        self._rooms.settle(room, job.id)

    async def tell(self, job: Job, text: str) -> None:
        room = job.place.room
        if not await self._rooms.settled(room, job.id):
            await self._rooms.append(room, Told(job.id, text, job.state is State.CANCELLED))
        self._rooms.settle(room, job.id)

    # --- serving -----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """The page, for as long as the context lasts; yields its address.

        Raises:
            ConfigError: the address cannot be had.
        """
        # No access log: the addresses name the rooms, and who knows a room may enter it.
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._config.host.strip("[]"), self._config.port).start()
            except OSError as error:
                raise ConfigError(
                    f"The chat page cannot be opened on {self._config.host}, port {self._config.port}:"
                    f" {error.strerror}. Give another with --port."
                ) from error
            host, port = runner.addresses[0][:2]
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MESSAGE_BYTES)
        room = "/r/{room:[A-Za-z0-9]{32,64}}"
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/static/{file}", self._static),
                *self._shelf.routes(),
                web.get("/gallery.json", self._gallery_json),
                web.get("/health", self._readiness),
                web.get("/metrics", self._metrics),
                web.post("/signin", self._sign_in),
                web.get(room + "/events", self._events),
                web.post(room + "/photo", self._photo),
                web.post(room + "/say", self._say),
                web.get(room + "/blob/{blob}", self._blob),
                web.get(room + "/blob/{blob}/{file:[a-z0-9-]+\\.png}", self._blob),
                web.get(room + "/preview/{job}/{count}.jpg", self._preview),
            ]
        )
        app.add_routes([web.post(path, self._hook) for path in self._hooks])
        app.on_response_prepare.append(_with_headers)
        app.on_shutdown.append(self._close)
        return app

    async def _close(self, app: web.Application) -> None:
        closing = (ws.close(code=WSCloseCode.GOING_AWAY, message=b"restart") for ws in set(self._sockets))
        await asyncio.gather(*closing, return_exceptions=True)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may come in, and turn errors into sentences."""
        try:
            if request.path not in self._hooks:
                self._check(request)
            return await handler(request)
        except HttpError as error:
            return web.json_response({"error": str(error)}, status=error.status)
        except (web.HTTPException, ConnectionError, ClientConnectionError):
            raise
        except Exception as error:
            log.exception("the web chat failed")
            return web.json_response({"error": sentence(error)}, status=500)

    def _check(self, request: web.Request) -> None:
        if not self._door.knows_host(request.host):
            raise HttpError(403, "This page answers to localhost and 127.0.0.1 only.")
        changes = request.method != "GET" or "upgrade" in request.headers.get("Connection", "").lower()
        if changes and not self._door.same_origin(request.headers.get("Origin"), request.host):
            raise HttpError(403, "This request comes from another site's page.")
        is_open = request.path in ("/", "/health", "/signin") or request.path.startswith("/static/")
        if not is_open and not self._knows(request):
            raise HttpError(401, "Sign in first: open the page's address and give the access token.")

    def _knows(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        ticket = request.cookies.get(COOKIE, "")
        return self._door.admits(ticket, time.time()) or (kind == "Bearer" and self._door.opens(token))

    # --- the page and what it is made of -----------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        return self._file(request, "index.html") if self._knows(request) else self._sign_in_page("")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name not in self._files or name.endswith(".html"):
            raise web.HTTPNotFound
        return self._file(request, name)

    def _file(self, request: web.Request, name: str) -> web.Response:
        body = self._files[name]
        response = web.Response(body=body, content_type=TYPES[Path(name).suffix], charset="utf-8")
        response.headers["Cache-Control"] = "no-cache"
        tag = response.etag = hashlib.sha256(body).hexdigest()[:16]
        if any(known.value == tag for known in request.if_none_match or ()):
            return web.Response(status=304)
        return response

    async def _gallery_json(self, request: web.Request) -> web.Response:
        about = {
            "styles": self._shelf.styles(),
            "commands": [{"name": f"/{name}", "what": text} for name, text in COMMANDS.items()],
            "settings": list(SETTINGS),
            "max_bytes": self._max_photo,
        }
        return web.json_response(about, headers={"Cache-Control": "no-cache"})

    async def _readiness(self, request: web.Request) -> web.Response:
        found = self._health.readiness()
        return web.json_response(found, status=200 if found["ok"] else 503, headers={"Cache-Control": "no-store"})

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._health.metrics(), headers={"Content-Type": self._health.content_type})

    async def _hook(self, request: web.Request) -> web.Response:
        return web.Response(status=await self._hooks[request.path](request.headers, await request.read()))

    # --- signing in --------------------------------------------------------------------------------------------------

    def _sign_in_page(self, said: str) -> web.Response:
        page = string.Template(self._files["signin.html"].decode()).substitute(said=html.escape(said))
        return web.Response(text=page, status=401, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _sign_in(self, request: web.Request) -> web.Response:
        if self._guesses.locked():
            return self._sign_in_page("Many are trying to sign in just now. Wait a few seconds and try again.")
        async with self._guesses:
            token = (await request.post()).get("token", "")
            if not self._door.opens(str(token)):
                await asyncio.sleep(GUESS_SECONDS)
                return self._sign_in_page(
                    "That is not the access token. The configuration has it, as web.access_token."
                )
        response = web.Response(status=303, headers={"Location": "/"})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        ticket = self._door.ticket(time.time())
        response.set_cookie(
            COOKIE, ticket, max_age=DAYS * 86400, httponly=True, samesite="Strict", secure=secure or None, path="/"
        )
        return response

    # --- from the person ---------------------------------------------------------------------------------------------

    async def _photo(self, request: web.Request) -> web.Response:
        room = key_of(request.match_info["room"])
        id = _id(request.query.get("id", ""))
        known = [entry for entry in await self._rooms.entries(room) if isinstance(entry, Photo)]
        for entry in known:
            if entry.id == id:
                return web.json_response({"photo": entry.photo})
        if len(known) >= PHOTOS:
            raise HttpError(429, f"This room holds {PHOTOS} photos, and that is the limit. Open a new tab for more.")
        data = await self._upload(request)
        kind = media_type(data)
        if kind is None:
            raise HttpError(415, "This file is no picture that I can read. Send a JPEG, PNG, WebP, GIF, AVIF or HEIC.")
        blob = NewBlob(kind, data)
        name = "".join(c for c in request.query.get("name", "") if c.isprintable())[:80]
        await self._rooms.append(room, Photo(id, blob.id, name or "photo"), blob)
        return web.json_response({"photo": blob.id})

    async def _upload(self, request: web.Request) -> bytes:
        large = HttpError(
            413, f"This photo is larger than {self._max_photo / 2**20:.3g} MB, which is the limit. Send a smaller one."
        )
        if (request.content_length or 0) > self._max_photo:
            raise large
        data = bytearray()
        try:
            async with asyncio.timeout(UPLOAD_SECONDS), self._uploads:
                async for chunk in request.content.iter_chunked(2**16):
                    data += chunk
                    if len(data) > self._max_photo:
                        raise large
        except TimeoutError:
            raise HttpError(408, "The photo took too long to arrive. Please send it again.") from None
        return bytes(data)

    async def _say(self, request: web.Request) -> web.Response:
        room = key_of(request.match_info["room"])
        try:
            say = msgspec.json.decode(await request.read(), type=Say)
        except msgspec.DecodeError:
            raise HttpError(400, "This message cannot be read.") from None
        if len(say.text) > MESSAGE_LENGTH:
            raise HttpError(413, f"A message may have {MESSAGE_LENGTH} characters; this one has {len(say.text)}.")
        turn = (room, _id(say.id))
        if turn not in self._answering:
            self._answering.add(turn)
            try:
                await self._answer(room, say)
            finally:
                self._answering.discard(turn)
        return web.json_response({})

    async def _answer(self, room: str, say: Say) -> None:
        """Write the line down, hand it to the commands, write down what they say; once, however often it is sent."""
        entries = await self._rooms.entries(room)
        if any(isinstance(entry, Answer) and entry.to == say.id for entry in entries):
            return
        if len(entries) >= ENTRIES:
            raise HttpError(429, "This room is full. Open a new tab for a new one; your pictures stay here.")
        photo = await self._picture(room, say.photo) if say.photo else None
        style = await self._picture(room, say.style) if say.style else None
        if not say.quiet and not any(isinstance(entry, Said) and entry.id == say.id for entry in entries):
            await self._rooms.append(room, Said(say.id, say.text, say.photo, say.style))
        # /again brings no pictures along: the studio has them, and the page shows those of the last job.
        repeated = [e for e in entries if isinstance(e, Answer) and e.job] if AGAIN.match(say.text) else []
        shown = {"photo": say.photo or (repeated[-1].photo if repeated else None)}
        shown["style"] = say.style or (repeated[-1].style if repeated else None)
        place = Place(self.name, room, {what: blob for what, blob in shown.items() if blob})
        incoming = Incoming(
            user=f"web:{room[:16]}",
            place=place,
            text=say.text,
            photo=photo,
            style=style,
            admin=True,
            idempotency_key=f"web:{room}:{say.id}",
        )
        await self._rooms.append(room, self._entry(say, await self._commands.handle(incoming)))

    def _entry(self, say: Say, reply: Reply) -> Answer:
        job = reply.job
        return Answer(
            to=say.id,
            text=reply.text,
            photo=_picture_of(job, "photo") if job else say.photo,
            style=_picture_of(job, "style") if job else say.style,
            quiet=say.quiet and not reply.refused and job is None,
            refused=reply.refused,
            cards=reply.cards,
            job=job.id if job else None,
            title=" and ".join(titles(job.recipe, self._gallery)) if job else "",
        )

    async def _picture(self, room: str, id: str) -> bytes:
        blob = await self._store.blob(id)
        if blob is None or blob.room != room:
            raise HttpError(404, "I do not have this photo any more. Send it again, please.")
        return blob.data

    # --- to the person -----------------------------------------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        room = key_of(request.match_info["room"])
        after = request.query.get("after", "0")
        ws = web.WebSocketResponse(heartbeat=BEAT_SECONDS, max_msg_size=1024)
        await ws.prepare(request)
        self._sockets.add(ws)
        try:
            with self._rooms.listen(room) as woken:
                async with asyncio.TaskGroup() as tasks:
                    pouring = tasks.create_task(
                        self._pour(request, ws, room, int(after) if after.isdecimal() else 0, woken)
                    )
                    async for _ in ws:  # the page says nothing here, but pongs and its goodbye must be read
                        pass
                    pouring.cancel()
        except LimitReached as error:
            await ws.close(code=TOO_MANY, message=str(error).encode())
        finally:
            self._sockets.discard(ws)
        return ws

    async def _pour(
        self, request: web.Request, ws: web.WebSocketResponse, room: str, after: int, woken: asyncio.Event
    ) -> None:
        """Send what the room has after this number and whatever it gets, as fast as the reader takes it.

        It is read from the store when the last of it has gone out, so a slow reader makes nothing pile up here.
        """
        try:
            backlog = await self._rooms.raw(room, 0)
            if after and (not backlog or backlog[-1][0] < after):
                after = 0  # the page remembers more than the store does: pruned, or another journal
                await _send(ws, {"anew": True})
            shown: dict[str, Live] = {}
            caught_up = False
            while True:
                woken.clear()
                for number, entry in await self._rooms.raw(room, after):
                    await _send(ws, Numbered(number, msgspec.Raw(entry)))
                    after = number
                live = {status.job: status for status in self._rooms.live(room)}
                for job, status in live.items():
                    if shown.get(job) is not status:
                        await _send(ws, {"live": _without_picture(status)})
                shown = live
                if not caught_up:
                    caught_up = True
                    await _send(ws, {"now": True})
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        await woken.wait()
                except TimeoutError:
                    await _send(ws, {"beat": True})
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()  # too slow, or gone; it may come back and ask for the rest
        except Exception:
            log.exception("a page's line broke")
            await ws.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _blob(self, request: web.Request) -> web.Response:
        blob = await self._store.blob(request.match_info["blob"])
        if blob is None or blob.room != key_of(request.match_info["room"]):
            raise web.HTTPNotFound
        headers = {"Content-Type": blob.kind, "Cache-Control": KEEP}
        if "download" in request.query:
            headers["Content-Disposition"] = f'attachment; filename="{request.match_info.get("file", "photo")}"'
        return web.Response(body=blob.data, headers=headers)

    async def _preview(self, request: web.Request) -> web.Response:
        """The newest preview of a job; the number in the address only keeps browsers from showing an old one."""
        for live in self._rooms.live(key_of(request.match_info["room"])):
            if live.job == request.match_info["job"] and live.picture is not None:
                return web.Response(body=live.picture, content_type="image/jpeg", headers={"Cache-Control": KEEP})
        raise web.HTTPNotFound


async def _send(ws: web.WebSocketResponse, message: Any) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await ws.send_str(msgspec.json.encode(message).decode())


async def _with_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _without_picture(live: Live) -> dict[str, Any]:
    return {"job": live.job, "text": live.text, "done": live.done, "preview": live.preview}


def _picture_of(job: Job, what: str) -> str | None:
    """The blob of a job's photo, or of its style where that is a picture."""
    blob = job.place.address.get(what) if what == "photo" or job.recipe.mine else None
    return str(blob) if blob else None


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{8,64}", text):
        raise HttpError(400, "This message has no name that I can use.")
    return text


def media_type(data: bytes) -> str | None:
    """The type of an image file by its first bytes, or None for anything that a photo cannot be.

    It decides only what a browser is told of it: whether it can be painted is found out in the engine process.
    """
    for start, kind in ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF8", "gif")):
        if data.startswith(start):
            return f"image/{kind}"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        brands = {data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4]), 64), 4))}
        if brands & {b"avif", b"avis"}:
            return "image/avif"
        if brands & {b"heic", b"heix", b"mif1", b"msf1"}:
            return "image/heic"
    return None
