"""What crosses the process boundary: settings and orders in; ready, beat, progress, preview, done, failed out.

A frame is four bytes of length, big-endian, then one message in MessagePack. The settings are one command-line
argument of JSON.
"""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from engine.recipe import EncoderName, Recipe

HEADER = struct.Struct(">I")
MAX_FRAME = 128 * 2**20  # bytes; two photos of the largest size allowed (60 MiB), with room to spare

# --- photos ----------------------------------------------------------------------------------------------------------


class PhotoFormat(msgspec.Struct, frozen=True):
    """A kind of image file that a photo may come as."""

    name: str  # as people call it
    media_type: str
    endings: tuple[str, ...]  # of file names, lower case


JPEG = PhotoFormat("JPEG", "image/jpeg", (".jpg", ".jpeg"))
PNG = PhotoFormat("PNG", "image/png", (".png",))
WEBP = PhotoFormat("WebP", "image/webp", (".webp",))
GIF = PhotoFormat("GIF", "image/gif", (".gif",))
AVIF = PhotoFormat("AVIF", "image/avif", (".avif",))
HEIC = PhotoFormat("HEIC", "image/heic", (".heic", ".heif"))

ALWAYS_READ = (JPEG, PNG, WEBP, GIF, AVIF)
PHOTO_FORMATS = (*ALWAYS_READ, HEIC)  # HEIC where pillow-heif is installed


def listed(formats: tuple[PhotoFormat, ...]) -> str:
    """The names as part of a sentence: "JPEG, PNG or WebP"."""
    *most, last = (known.name for known in formats)
    return f"{', '.join(most)} or {last}"


ACCEPTED = listed(PHOTO_FORMATS)

# --- the engine's settings -------------------------------------------------------------------------------------------

EncoderChoice = Literal["auto", "slim", "full"]  # auto takes full where there is a GPU and its file, slim elsewhere


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bot's configuration says about the engine."""

    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto takes the GPU where there is one
    threads: int = 0  # CPU threads; 0 leaves the choice to torch
    cache: Path | None = None  # folder for the full encoder's weights
    weights: Path | None = None  # file with them, instead of a download
    encoder: EncoderChoice = "slim"  # of fine orders that name none; full is loaded at the start
    max_photo_mb: int = 20  # MiB, largest photo file that is decoded
    gallery: Path | None = None  # folder with the operator's own styles


# --- to the engine ---------------------------------------------------------------------------------------------------


class Paint(msgspec.Struct, frozen=True, tag=True):
    """Paint one picture. The recipe is complete."""

    job: str
    photo: bytes  # an image file as it was uploaded, not to be trusted
    recipe: Recipe
    preview_seconds: float = 2.0  # the shortest time between previews; 0 asks for none
    style: bytes | None = None  # the picture that the style `mine` names: an image file, not to be trusted either
    enlarge: bool = True  # a photo that is smaller than the recipe's size; else it keeps its own


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Abandon this job; answered by `Failed` with kind ``cancelled``, or nothing if it is no longer running."""

    job: str


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Abandon what is running and exit."""


# --- from the engine -------------------------------------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Loaded and waiting for orders; the first frame of every engine process."""

    device: str  # as a person would call it: "CPU, 2 threads" or the GPU's name
    encoders: tuple[str, ...]  # those that can be used now
    version: str
    notes: tuple[str, ...] = ()  # sentences for the operator, such as a full encoder that is unavailable
    encoder: EncoderName = "slim"  # of fine orders that name none


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The working loop is alive. Sent by that loop itself, never by a side thread."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """A step was taken."""

    job: str
    done: float  # share of the whole work, 0..1
    text: str  # what is happening, in a few words: "step 40 of 125"
    note: str = ""  # a sentence for the person, when something was changed to get this far


class Preview(msgspec.Struct, frozen=True, tag=True):
    """How the picture looks so far, as a small JPEG."""

    job: str
    picture: bytes


class Done(msgspec.Struct, frozen=True, tag=True):
    """The finished picture, as PNG without any of the photo's metadata."""

    job: str
    picture: bytes
    recipe: Recipe  # as painted: what was reduced to fit is reduced here too
    width: int
    height: int
    seconds: float
    notes: tuple[str, ...] = ()  # sentences for the person: first frame of an animation, size halved


class Failed(msgspec.Struct, frozen=True, tag=True):
    """No picture, and why."""

    job: str
    kind: Literal["refused", "broken", "cancelled"]  # the photo or the order is at fault; the engine is; as asked
    message: str  # for the person


class Fetched(msgspec.Struct, frozen=True, tag=True):
    """The full encoder's weights are on this machine; the end of `engine.fetch`, unless it is Failed."""

    file: str
    size: int  # bytes
    new: bool  # or they were there already


Request = Paint | Cancel | Stop
Event = Ready | Beat | Progress | Preview | Done | Failed | Fetched

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


class WireError(Exception):
    """The other side sent something invalid."""


def encode_settings(settings: EngineSettings) -> str:
    """The settings as one line of JSON in ASCII, whatever bytes a path has; `decode_settings` reads it back."""
    return json.dumps(msgspec.to_builtins(settings, enc_hook=str))


def decode_settings(text: str) -> EngineSettings:
    """Raises WireError, which names the field at fault."""
    try:
        return msgspec.convert(json.loads(text), EngineSettings, dec_hook=_path)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise WireError(str(error)) from error


def _path(kind: type, value: Any) -> Path:
    """A path, which msgspec does not know; the struct has no other such field."""
    if not isinstance(value, str):
        raise ValueError(f"Expected a path as a string, got {value!r}")
    return Path(value)


def encode(message: Request | Event) -> bytes:
    """One frame, header included."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise WireError(f"a frame of {len(body)} bytes; the limit is {MAX_FRAME}")
    return HEADER.pack(len(body)) + body


def decode_request(body: bytes) -> Request:
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(str(error)) from error


def decode_event(body: bytes) -> Event:
    try:
        return _events.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError(str(error)) from error


def _length(header: bytes) -> int:
    (length,) = HEADER.unpack(header)
    if length > MAX_FRAME:
        raise WireError(f"a frame of {length} bytes is announced; the limit is {MAX_FRAME}")
    return int(length)


def read_request(stream: BinaryIO) -> Request | None:
    """The engine's end: the next request, or None when the bot has closed the pipe."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = _length(header)
    body = stream.read(length)
    return decode_request(body) if len(body) == length else None


async def read_event(stream: asyncio.StreamReader) -> Event:
    """The bot's end: the next event.

    Raises:
        asyncio.IncompleteReadError: the engine process is gone.
        WireError: it wrote something that is not a frame.
    """
    length = _length(await stream.readexactly(HEADER.size))
    return decode_event(await stream.readexactly(length))
