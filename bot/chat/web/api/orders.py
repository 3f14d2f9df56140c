"""Orders as they come in, and verifications: JSON with the pictures in base64, or a form with files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError

from bot.chat import formats
from bot.chat.web.api.schema import Order, Verification
from bot.chat.web.door.errors import HttpError

T = TypeVar("T", Order, Verification)
PICTURES = ("picture", "photo", "style")  # all other fields are text
TEXT_BYTES = 16 * 2**10  # of an order without its pictures
HOW = "Send a form (multipart/form-data), or JSON (application/json)."


class Received(msgspec.Struct, Generic[T], frozen=True):
    """An order, and what is known of it beside."""

    order: T
    photo: str  # its file's name, without the ending

    @property
    def fingerprint(self) -> str:
        """The same for the same order."""
        fields = msgspec.structs.asdict(self.order)
        said = hashlib.sha256(msgspec.json.encode([value for name, value in fields.items() if name not in PICTURES]))
        for name in PICTURES:
            if name in fields:
                said.update(hashlib.sha256(fields[name] or b"").digest())
        return said.hexdigest()


def most_bytes(max_photo_bytes: int, kind: type[T]) -> int:
    """Of a body with all of its pictures, in base64."""
    pictures = sum(name in PICTURES for name in kind.__struct_fields__)
    return pictures * (max_photo_bytes * 4 // 3 + 4) + TEXT_BYTES


async def received(request: web.Request, body: bytes, kind: type[T]) -> Received[T]:
    """The order that a body is, or the verification.

    Raises:
        HttpError: it is none.
    """
    match request.content_type:
        case "application/json":
            return Received(_order(_from_json(body), kind), "")
        case "multipart/form-data":
            fields, photo = await _from_form(request, body, kind.__struct_fields__)
            return Received(_order(fields, kind), photo)
        case other:
            raise HttpError(415, f"An order cannot be {other}. {HOW}")


def _from_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HttpError(400, f"This is not JSON: {error}.") from None


def _order(fields: Any, kind: type[T]) -> T:
    """Raises HttpError."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise HttpError(400, f"This order cannot be read: {error}. {HOW}") from None


async def _from_form(request: web.Request, body: bytes, known: Sequence[str]) -> tuple[dict[str, Any], str]:
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
            name = str(getattr(part, "name", None))
            if part is None or isinstance(part, MultipartReader) or name not in known:
                raise HttpError(400, f"There is no field “{name[:40]}”: they are {', '.join(known)}.")
            if name in fields:
                raise HttpError(400, f"The field {name} is there twice. Send one picture an order.")
            data = bytes(await part.read())
            if name in PICTURES:
                fields[name] = data or None
                photo = formats.stem(part.filename or "") if name == "photo" else photo
            elif data:
                fields[name] = data.decode("utf-8").strip()
    except (ValueError, AssertionError, HttpProcessingError):  # UnicodeDecodeError too
        raise HttpError(400, f"This form cannot be read. {HOW}") from None
    return fields, photo
