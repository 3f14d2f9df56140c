"""Whose pictures: a browser is known by a cookie, and its person by the cookie's hash."""

from __future__ import annotations

import hashlib
import re
import secrets

from aiohttp import web

COOKIE = "impasto-album"
DAYS = 400  # which browsers allow a cookie at most


def owner_of(request: web.Request) -> str:
    """What the person is called in the journal: who reads it there cannot make the cookie of it. Empty without one."""
    secret = _secret(request)
    return hashlib.sha256(f"album {secret}".encode()).hexdigest()[:32] if secret else ""


def give_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser known from now on, or for longer."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    secret = _secret(request) or secrets.token_hex(32)
    # Not "Strict": who follows a link to the page would come without the cookie, and be given another.
    more = dict(httponly=True, samesite="Lax", secure=secure or None, path="/")
    response.set_cookie(COOKIE, secret, max_age=DAYS * 86400, **more)  # type: ignore[arg-type]


def _secret(request: web.Request) -> str:
    given = request.cookies.get(COOKIE, "")
    return given if re.fullmatch("[0-9a-f]{64}", given) else ""
