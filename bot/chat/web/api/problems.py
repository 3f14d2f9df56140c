"""Errors as application/problem+json."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from bot.chat.web.api.schema import PREFIX, Problem
from bot.core.errors import (
    ImpastoError,
    InvalidOrder,
    LimitReached,
    NotAllowed,
    NotNow,
    NotOwner,
    PictureTooLarge,
    sentence,
)

STATUSES: tuple[tuple[type[ImpastoError], int], ...] = (  # the first that fits
    (PictureTooLarge, 413),
    (InvalidOrder, 422),
    (LimitReached, 429),
    (NotAllowed, 403),
    (NotOwner, 403),
    (NotNow, 503),
)
AGAIN_SECONDS = 10  # after which something that is not possible now may be


def concerns(request: web.Request) -> bool:
    """Whether a request is for the API."""
    return request.path.startswith(f"{PREFIX}/")


def status_of(error: BaseException) -> int:
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def of_error(error: BaseException) -> web.Response:
    return problem(status_of(error), sentence(error))


def problem(status: int, detail: str) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(AGAIN_SECONDS)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Impasto"'
    body = msgspec.json.encode(Problem(status=status, title=HTTPStatus(status).phrase, detail=detail))
    return web.Response(body=body, status=status, content_type="application/problem+json", headers=headers)
