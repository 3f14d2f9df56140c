"""Orders as they come in: JSON with the pictures in base64, or a form with files."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
from aiohttp import MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError

from bot.chat import formats
from bot.chat.web.api.schema import Order
from bot.chat.web.door.errors import HttpError

FIELDS = ("recipe", "photo", "style", "format")
TEXT_BYTES = 16 * 2**10  # of an order without its pictures
HOW = "Send a form with the fields recipe and photo (multipart/form-data), or JSON (application/json)."


class Received(msgspec.Struct, frozen=True):
    """An order, and what is known of it beside."""

    order: Order
    photo: str  # its file's name, without the ending

    @property
    def fingerprint(self) -> str:
        """The same for the same order."""
        order = self.order
        said = hashlib.sha256(msgspec.json.encode((order.recipe, order.format)))
        for picture in (order.photo, order.style):
            said.update(hashlib.sha256(picture or b"").digest())
        return said.hexdigest()


def most_bytes(max_photo_bytes: int) -> int:
    """Of a body with two pictures, in base64."""
    return 2 * (max_photo_bytes * 4 // 3 + 4) + TEXT_BYTES


async def received(request: web.Request, body: bytes) -> Received:
    """The order that a body is.

    Raises:
        HttpError: it is none.
    """
    match request.content_type:
        case "application/json":
            return Received(_order(_from_json(body)), "")
        case "multipart/form-data":
            fields, photo = await _from_form(request, body)
            return Received(_order(fields), photo)
        case other:
            raise HttpError(415, f"An order cannot be {other}. {HOW}")


def _from_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpError(400, f"This is not JSON: {error}.") from None


def _order(fields: Any) -> Order:
    """Raises HttpError."""
    try:
        return msgspec.convert(fields, Order)
    except msgspec.ValidationError as error:
        raise HttpError(400, f"This order cannot be read: {error}. {HOW}") from None


async def _from_form(request: web.Request, body: bytes) -> tuple[dict[str, Any], str]:
    """The fields of a form, and the name of the photo's file. An empty file is none, as browsers send it."""
    loop = asyncio.get_running_loop()
    # All of it is here already: with a lower limit it would want a connection paused, and there is none.
    stream = StreamReader(BaseProtocol(loop), len(body) + 1, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    fields: dict[str, Any] = {}
    photo = ""
    try:
        async for part in MultipartReader(request.headers, stream):
            if part is None or isinstance(part, MultipartReader) or part.name not in FIELDS:
                name = getattr(part, "name", None)
                raise HttpError(400, f"There is no field “{str(name)[:40]}”: they are {', '.join(FIELDS)}.")
            if part.name in fields:
                raise HttpError(400, f"The field {part.name} is there twice. Send one picture an order.")
            data = bytes(await part.read())
            if part.name in ("photo", "style"):
                fields[part.name] = data or None
                photo = formats.stem(part.filename or "") if part.name == "photo" else photo
            elif data:
                fields[part.name] = data.decode("utf-8").strip()
    except (ValueError, AssertionError, HttpProcessingError):  # UnicodeDecodeError too
        raise HttpError(400, f"This form cannot be read. {HOW}") from None
    return fields, photo
