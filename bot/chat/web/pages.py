"""The page itself: its files, the form that asks for the access token, and the list of sign-ins."""

from __future__ import annotations

import hashlib
import html
import string
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web

from bot.chat.web.album.owner import give_cookie
from bot.chat.web.door import bodies
from bot.chat.web.door.access import DAYS
from bot.chat.web.door.errors import HttpError
from bot.chat.web.door.sign_ins import COOKIE, SIGN_IN, SignIns
from bot.core.journal.rows.sign_ins import SignIn

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".jpg": "image/jpeg",
}
FORM_BYTES = 4096


class Pages:
    """Files are read once, at the start.

    Args:
        ended: is told which sign-ins were ended.
    """

    def __init__(self, sign_ins: SignIns, ended: Callable[[list[str]], Awaitable[None]]) -> None:
        self._sign_ins = sign_ins
        self._ended = ended
        self._files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in STATIC.rglob("*")
            if path.suffix in TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.get("/static/{file:.+}", self._static),
            web.post("/signin", self._sign_in),
            web.get("/signins", self._list),
            web.post("/signins", self._end),
        ]

    # --- files -------------------------------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.Response:
        if not await self._sign_ins.admits(request):
            return self._sign_in_page("")
        response = self._file(request, "index.html")
        give_cookie(request, response)
        return response

    def template(self, name: str) -> string.Template:
        """A page with places to be filled in."""
        return string.Template(self._files[name].decode())

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name not in self._files or name.endswith(".html"):
            raise web.HTTPNotFound
        return self._file(request, name)

    def _file(self, request: web.Request, name: str) -> web.Response:
        body = self._files[name]
        kind = TYPES[Path(name).suffix]
        charset = None if kind == "image/jpeg" else "utf-8"
        response = web.Response(body=body, content_type=kind, charset=charset)
        response.headers["Cache-Control"] = "no-cache"
        tag = response.etag = hashlib.sha256(body).hexdigest()[:16]
        if any(known.value == tag for known in request.if_none_match or ()):
            return web.Response(status=304)
        return response

    # --- signing in --------------------------------------------------------------------------------------------------

    def _sign_in_page(self, error: str, status: int = 401) -> web.Response:
        return self._filled("signin.html", status, error=html.escape(error))

    def _filled(self, name: str, status: int = 200, **parts: str) -> web.Response:
        page = self.template(name).substitute(parts)
        return web.Response(text=page, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _sign_in(self, request: web.Request) -> web.Response:
        guess = _field("token", await bodies.whole(request, FORM_BYTES))
        try:
            if not await self._sign_ins.opens(request, guess):
                return self._sign_in_page("That is not the access token. It is web.access_token in the configuration.")
        except HttpError as error:
            return self._sign_in_page(str(error), error.status)
        response = web.Response(status=303, headers={"Location": "/"})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        ticket = await self._sign_ins.begin(request.headers.get("User-Agent", ""))
        response.set_cookie(
            COOKIE, ticket, max_age=DAYS * 86400, httponly=True, samesite="Strict", secure=secure or None, path="/"
        )
        return response

    async def _list(self, request: web.Request) -> web.Response:
        rows = [_row(one, request.get(SIGN_IN)) for one in self._sign_ins.listed()]
        return self._filled("signins.html", rows="".join(rows) or "<li>Nobody is signed in.</li>")

    async def _end(self, request: web.Request) -> web.Response:
        """End one sign-in, or all but the one that asks for it."""
        wanted, own = _field("end", await bodies.whole(request, FORM_BYTES)), request.get(SIGN_IN)
        known = [one.id for one in self._sign_ins.listed()]
        ids = [id for id in known if (id != own if wanted == "others" else id == wanted)]
        await self._sign_ins.end(ids)
        await self._ended(ids)
        return web.Response(status=303, headers={"Location": "/" if own in ids else "/signins"})


def _row(one: SignIn, own: str | None) -> str:
    """A sign-in and its button; the button is the form's, and names the sign-in."""
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.since))
    what = html.escape(one.browser) or "a browser without a name"
    label = "End this one, yours" if one.id == own else "End"
    button = f'<button type="submit" class="quiet" name="end" value="{html.escape(one.id)}">{label}</button>'
    return f"<li>{what}, since {since} {button}</li>"


def _field(name: str, form: bytes) -> str:
    """What was entered there; nothing where it is missing."""
    return parse_qs(form.decode("utf-8", "replace")).get(name, [""])[0]
