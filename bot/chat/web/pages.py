"""The page itself: its files, and the form that asks for the access token."""

from __future__ import annotations

import asyncio
import hashlib
import html
import string
import time
from pathlib import Path

from aiohttp import web

from bot.chat.web.access import DAYS, AccessControl

STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}
COOKIE = "impasto"
GUESSES = 8  # at once, each of which takes GUESS_SECONDS when it is wrong
GUESS_SECONDS = 1.0


class Pages:
    """Read once, at the start."""

    def __init__(self, access: AccessControl) -> None:
        self._access = access
        self._files = {
            path.relative_to(STATIC).as_posix(): path.read_bytes()
            for path in STATIC.rglob("*")
            if path.suffix in TYPES
        }
        self._guesses = asyncio.Semaphore(GUESSES)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.get("/static/{file:.+}", self._static),
            web.post("/signin", self._sign_in),
        ]

    def admits(self, request: web.Request) -> bool:
        """Whether a request comes from somebody who has signed in, or knows the token."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        ticket = request.cookies.get(COOKIE, "")
        return self._access.admits(ticket, time.time()) or (kind == "Bearer" and self._access.opens(token))

    # --- files -------------------------------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.Response:
        return self._file(request, "index.html") if self.admits(request) else self._sign_in_page("")

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

    # --- signing in --------------------------------------------------------------------------------------------------

    def _sign_in_page(self, error: str) -> web.Response:
        page = string.Template(self._files["signin.html"].decode()).substitute(error=html.escape(error))
        return web.Response(text=page, status=401, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _sign_in(self, request: web.Request) -> web.Response:
        if self._guesses.locked():
            return self._sign_in_page("Too many people are signing in at the moment. Try again in a few seconds.")
        async with self._guesses:
            token = (await request.post()).get("token", "")
            if not self._access.opens(str(token)):
                await asyncio.sleep(GUESS_SECONDS)
                return self._sign_in_page("That is not the access token. It is web.access_token in the configuration.")
        response = web.Response(status=303, headers={"Location": "/"})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        ticket = self._access.ticket(time.time())
        response.set_cookie(
            COOKIE, ticket, max_age=DAYS * 86400, httponly=True, samesite="Strict", secure=secure or None, path="/"
        )
        return response
