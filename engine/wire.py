"""What crosses the process boundary: orders in; ready, beat, progress, preview, done, failed out; and their framing.

A frame is four bytes of length, big-endian, then one message in MessagePack.
"""

from __future__ import annotations

import asyncio
import struct
from typing import BinaryIO, Literal

import msgspec

from engine.recipe import Recipe

HEADER = struct.Struct(">I")
MAX_FRAME = 128 * 2**20  # bytes; two photos of the largest size allowed (60 MiB), with room to spare

# --- to the engine ---------------------------------------------------------------------------------------------------


class Paint(msgspec.Struct, frozen=True, tag=True):
    """Paint one picture. The recipe is complete."""

    job: str
    photo: bytes  # an image file as it was uploaded, not to be trusted
    recipe: Recipe
    preview_seconds: float = 2.0  # the shortest time between previews; 0 asks for none
    style: bytes | None = None  # the picture that the style `mine` names: an image file, as little to be trusted


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Give up this job; answered by `Failed` with kind ``cancelled``, or nothing if it is no longer running."""

    job: str


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Finish: give up what is running and exit."""


# --- from the engine -------------------------------------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Loaded and waiting for orders; the first frame of every engine process."""

    device: str  # as a person would call it: "CPU, 2 threads" or the GPU's name
    encoders: tuple[str, ...]  # those that can be used now
    version: str
    notes: tuple[str, ...] = ()  # sentences for the operator, such as a full encoder that could not be had


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
    kind: Literal["refused", "broken", "cancelled"]  # the person's to mend; ours; asked for
    message: str  # for the person


Request = Paint | Cancel | Stop
Event = Ready | Beat | Progress | Preview | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


class WireError(Exception):
    """The other side sent something that is no frame of ours."""


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
        WireError: it wrote something that is no frame.
    """
    length = _length(await stream.readexactly(HEADER.size))
    return decode_event(await stream.readexactly(length))
