"""Our own client of the API: orders a picture from an Impasto that runs elsewhere, and waits for it."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession, ClientTimeout, FormData

from bot.backoff import Backoff
from bot.chat.web.api.schema import ENDED, PREFIX, Order, Picture, Problem
from bot.core.errors import InternalError, InvalidOrder, LimitReached
from bot.core.messages import Result, Status

Show = Callable[[Status], None]
LOST_SECONDS = 60.0  # for a connection that was lost to come back
BUSY_SECONDS = 900.0  # for a server that is busy to take an order
SILENCE = ClientTimeout(total=None, sock_connect=10, sock_read=60)  # a stream of events beats every 15 s
CANCEL_SECONDS = 5.0
ANSWER_BYTES = 2**20  # of anything but a picture
PICTURE_BYTES = 2**28
PAUSES = Backoff(first=0.5, longest=8.0)


class Unreachable(InternalError):
    """There is no such server, or it is gone."""


class Client:
    """Use `connected`."""

    def __init__(self, session: ClientSession, server: str) -> None:
        self._session = session
        self._server = server
        self._known = False  # that it can be reached

    @classmethod
    @asynccontextmanager
    async def connected(cls, server: str, token: str = "") -> AsyncIterator[Client]:
        """A client of the Impasto at this address.

        Raises:
            InvalidOrder: this is no address.
        """
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname or not token.isprintable():
            raise InvalidOrder(f"{server} is no address of an Impasto. Write one such as http://127.0.0.1:8080")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with ClientSession(timeout=SILENCE, headers=headers, read_bufsize=2**18) as session:
            yield cls(session, f"{parts.scheme}://{parts.netloc}")

    async def paint(self, order: Order, file: str, show: Show) -> Result:
        """Order a picture and wait for it; cancelled, it takes the order back.

        Args:
            file: the photo's name.

        Raises:
            Refusal: the server refuses it.
            InternalError: there is no picture.
        """
        key = secrets.token_hex(16)
        show(Status(text=f"sending it to {self._server}"))
        picture = _decoded(
            await self._ask("POST", f"{PREFIX}/pictures", show, _form(order, file), {"Idempotency-Key": key})
        )
        try:
            picture = await self._followed(picture, show)
            if picture.state != "finished" or picture.links.result is None:
                raise InternalError(picture.text)
            data = await self._ask("GET", picture.links.result, show, most=PICTURE_BYTES)
        except asyncio.CancelledError:
            await self._take_back(picture)
            raise
        return Result(
            picture=data,
            width=picture.width or 0,
            height=picture.height or 0,
            credit=picture.credit,
            line=picture.line,
            seconds=picture.seconds or 0.0,
            notes=picture.notes,
            media_type=picture.media_type or "",
        )

    async def _followed(self, picture: Picture, show: Show) -> Picture:
        """The picture at its end."""
        lost_at, pauses = time.monotonic(), iter(PAUSES)
        while picture.state not in ENDED:
            with suppress(ClientError, OSError, TimeoutError):
                async with self._session.get(self._url(picture.links.events), allow_redirects=False) as answer:
                    if answer.status == HTTPStatus.OK:
                        async for picture in _events(answer):
                            show(Status(text=picture.text, done=picture.done))
                            lost_at, pauses = time.monotonic(), iter(PAUSES)
            if picture.state in ENDED:
                break
            if time.monotonic() - lost_at > LOST_SECONDS:
                raise Unreachable(f"{self._server} is gone. The picture may be finished there all the same.")
            await asyncio.sleep(next(pauses))
            picture = _decoded(await self._ask("GET", picture.links.self_, show))
        return picture

    async def _take_back(self, picture: Picture) -> None:
        with suppress(ClientError, OSError, TimeoutError):
            async with (
                asyncio.timeout(CANCEL_SECONDS),
                self._session.delete(self._url(picture.links.self_), allow_redirects=False),
            ):
                pass

    async def _ask(
        self,
        method: str,
        path: str,
        show: Show,
        form: Callable[[], FormData] | None = None,
        headers: dict[str, str] | None = None,
        most: int = ANSWER_BYTES,
    ) -> bytes:
        """The answer, tried for again while the server is busy or was lost.

        Raises:
            Refusal, InternalError
        """
        began, pauses = time.monotonic(), iter(PAUSES)
        while True:
            try:
                async with self._session.request(
                    method, self._url(path), data=form and form(), headers=headers, allow_redirects=False
                ) as answer:
                    body = await _whole(answer, most)
                    self._known = True
            except (ClientError, OSError, TimeoutError) as error:
                never = isinstance(error, ClientConnectorError) and not self._known
                if never or time.monotonic() - began > LOST_SECONDS:
                    raise Unreachable(f"{self._server} cannot be reached: {_reason(error)}.") from error
                show(Status(text=f"{self._server} does not answer; trying again"))
            else:
                if answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    return body
                error_ = self._error(answer, body)
                busy = answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
                if not busy or time.monotonic() - began > BUSY_SECONDS:
                    raise error_
                show(Status(text=str(error_)))
            await asyncio.sleep(next(pauses))

    def _error(self, answer: ClientResponse, body: bytes) -> Exception:
        try:
            text = msgspec.json.decode(body, type=Problem).detail
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return InternalError(f"{self._server} is no Impasto with this API; it answers {answer.status}.")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return InvalidOrder(f"{self._server} wants its access token: --token, or IMPASTO_TOKEN. Yours is not it.")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return LimitReached(text)
        return InvalidOrder(text) if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR else InternalError(text)

    def _url(self, path: str) -> str:
        return self._server + path


def _form(order: Order, file: str) -> Callable[[], FormData]:
    """The order as a form, anew for every try."""

    def form() -> FormData:
        made = FormData(quote_fields=False, default_to_multipart=True)
        made.add_field("recipe", order.recipe)
        if order.format:
            made.add_field("format", order.format)
        for name, picture in (("photo", order.photo), ("style", order.style)):
            if picture is not None:
                made.add_field(name, picture, filename=file if name == "photo" else name)
        return made

    return form


async def _events(answer: ClientResponse) -> AsyncIterator[Picture]:
    async for text in answer.content:
        if text.startswith(b"data: "):
            yield _decoded(text.removeprefix(b"data: "))


async def _whole(answer: ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_chunked(2**16):
        body += piece
        if len(body) > most:
            raise InternalError(f"The server's answer has more than {most // 2**20} MB.")
    return bytes(body)


def _decoded(data: bytes) -> Picture:
    """Raises InternalError."""
    try:
        picture: Picture = msgspec.json.decode(data, type=Picture)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InternalError(f"The server's answer cannot be read: {error}.") from error
    return picture


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ClientConnectorError) and (error.os_error.errno or 0) > 0:  # below, no name was found
        return os.strerror(error.os_error.errno or 0)
    return str(error) or type(error).__name__
