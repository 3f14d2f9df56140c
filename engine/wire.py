"""What crosses the process boundary: settings and orders in; ready, beat, turn, progress, preview, done, failed out.

A frame is four bytes of length, big-endian, then one message in MessagePack. The settings are one command-line
argument of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from engine.recipe import EncoderName, Memory, Recipe

HEADER = struct.Struct(">I")
MAX_FRAME = 192 * 2**20  # bytes; three pictures of the largest size allowed (60 MiB), with room to spare

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

APNG = PhotoFormat("APNG", "image/apng", (".apng", ".png"))
MP4 = PhotoFormat("MP4", "video/mp4", (".mp4", ".m4v", ".mov"))
WEBM = PhotoFormat("WebM", "video/webm", (".webm",))

VIDEOS = (MP4, WEBM)  # where PyAV is installed
MOVING = (GIF, WEBP, APNG, *VIDEOS)  # what an animation may come as
MOVING_RESULTS = (GIF, WEBP, APNG, MP4)  # and be answered with
ALWAYS_READ = (JPEG, PNG, WEBP, GIF, AVIF)
PHOTO_FORMATS = (*ALWAYS_READ, HEIC)  # HEIC where pillow-heif is installed


def listed(formats: tuple[PhotoFormat, ...]) -> str:
    """The names as part of a sentence: "JPEG, PNG or WebP"."""
    *most, last = (known.name for known in formats)
    return f"{', '.join(most)} or {last}"


ACCEPTED = listed(PHOTO_FORMATS)
MAX_PIXELS = 50_000_000  # of a photo, width times height
MAX_SIDE = 16384  # pixels

# --- moving pictures -------------------------------------------------------------------------------------------------

MOST_FRAMES = 300
# Pixels of all painted frames together: a minute or two of work on two cores. Fine mode takes many steps for each.
MOST_PAINTED = {
    **{"fast": 24_000_000, "morph": 24_000_000, "universal": 24_000_000},
    **{"fine": 2_500_000, "dream": 12_600_000},  # of a dream 48 frames of 512 x 512
}
# Seconds for a megapixel of frames on two cores, before anything was learned.
FRAME_SECONDS = {"fast": 3.5, "morph": 2.5, "universal": 3.5, "fine": 60.0}


# Each frame begins from the one before, so there is no picture from which all of them could go on.
NO_MORE_OF_A_CLIP = (
    "A moving picture does not go on: leave then= out and give it more steps=, or add frames=1 for a still."
)


def most_frames(mode: str, height: int, width: int) -> int:
    """How many frames of this size are painted of a clip, however long it is."""
    return max(1, min(MOST_FRAMES, MOST_PAINTED.get(mode, 0) // (height * width)))


def clip_seconds(frames: int, height: int, width: int, mode: str) -> float:
    """A first guess of the engine's seconds for a clip."""
    return frames * height * width / 1e6 * FRAME_SECONDS.get(mode, 10.0)


# --- fine pictures that are kept for who wants more of them: in each engine process ---------------------------------

MOST_KEPT = 4
MOST_KEPT_BYTES = 64 * 2**20  # one of 768 x 576 pixels has 2 MB as it is optimised, of 2048 x 1536 17 MB
KEPT_SECONDS = 1800.0

# --- the engine's settings -------------------------------------------------------------------------------------------

EncoderChoice = Literal["auto", "slim", "full"]  # auto takes full where there is a GPU and its file, slim elsewhere


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bot's configuration says about the engine."""

    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto takes the GPU where there is one
    threads: int = 0  # CPU threads; 0 leaves the choice to torch
    share: int = 1  # how many processes paint on its GPU; each has one part of the memory
    cache: Path | None = None  # folder for the full encoder's weights
    weights: Path | None = None  # file with them, instead of a download
    encoder: EncoderChoice = "slim"  # of fine orders that name none; full is loaded at the start
    max_photo_mb: int = 20  # MiB, largest photo file that is decoded
    gallery: Path | None = None  # folder with the operator's own styles
    cage: bool = True  # give up what painting does not need


# How the sentence begins that says what came of `Paint.checked`, and how it goes on where it is another picture.
VERIFIED, DIFFERS = "Verified:", "it differs"

# --- to the engine ---------------------------------------------------------------------------------------------------


class Paint(msgspec.Struct, frozen=True, tag=True):
    """Paint one picture. The recipe is complete."""

    job: str
    photo: bytes | None  # an image file as it was uploaded, not to be trusted; some modes take none
    recipe: Recipe
    preview_seconds: float = 2.0  # the shortest time between previews; 0 asks for none
    style: bytes | None = None  # the picture that the style `mine` names: an image file, not to be trusted either
    enlarge: bool = True  # a photo that is smaller than the recipe's size; else it keeps its own
    plays: tuple[str, ...] = ()  # media types of moving pictures that can be shown there; without any it is a still
    most_bytes: int = 0  # of a moving picture; 0 for no limit
    quick: bool = False  # done in one pass: it is painted between two steps of a long one
    checked: bytes | None = None  # a picture that is to be held against the one that is painted; not to be trusted


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Abandon this job; answered by `Failed` with kind ``cancelled``, or nothing if it is no longer running."""

    job: str


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Let go of all that is kept of pictures that are done. Not answered: it is done before the next step of a job."""


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
    cage: tuple[str, ...] = ()  # what holds of it, see `engine.cage`
    memory: Memory = Memory()


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The working loop is alive. Sent by that loop itself, never by a side thread."""

    kept: int = 0  # bytes, about, that it has on purpose from jobs that are done


class Turn(msgspec.Struct, frozen=True, tag=True):
    """From now on this job is being painted, and no other in hand: it is the suspect, should the process die."""

    job: str


class Progress(msgspec.Struct, frozen=True, tag=True):
    """A step was taken."""

    job: str
    done: float  # share of the whole work, 0..1
    text: str  # what is happening, in a few words: "step 40 of 125"
    note: str = ""  # a sentence for the person, when something was changed to get this far
    seconds: float = 0.0  # of the engine's time that it has taken


class Cell(msgspec.Struct, frozen=True):
    """One picture of a sheet, which can be chosen. They are counted from 1."""

    label: str  # a style's name, or what is different about it
    box: tuple[float, float, float, float]  # left, top, width, height in shares of the sheet's, its caption included
    high: float  # the picture's own height in shares of the sheet's


class Preview(msgspec.Struct, frozen=True, tag=True):
    """How the picture looks so far, as a small JPEG."""

    job: str
    picture: bytes
    cells: tuple[Cell, ...] = ()  # of a sheet, the first so many that are painted


class Finding(msgspec.Struct, frozen=True):
    """A style of the gallery that the engine names by itself, nearest or best first."""

    style: str  # its name
    reason: str  # why, as a part of a sentence
    distance: float  # from the picture asked about; 1 is that of two styles of the gallery, in the mean


class Done(msgspec.Struct, frozen=True, tag=True):
    """The finished picture, without any of the photo's metadata."""

    job: str
    picture: bytes
    recipe: Recipe  # as painted: what was reduced to fit is reduced here too
    width: int
    height: int
    seconds: float  # of the engine's time, without what was painted in between
    notes: tuple[str, ...] = ()  # sentences for the person: first frame of an animation, size halved
    findings: tuple[Finding, ...] = ()  # for programs; the notes say the same in words
    media_type: str = PNG.media_type  # of the picture; another only where the order can have it shown
    cells: tuple[Cell, ...] = ()  # of a sheet
    went_on: bool = False  # from a picture that was kept, so that the seconds are those of the rest alone


class Failed(msgspec.Struct, frozen=True, tag=True):
    """No picture, and why."""

    job: str
    # The photo or the order is at fault; the engine is; as asked; a quick one finds no memory beside the long one, and
    # is to be ordered again as a long one.
    kind: Literal["refused", "broken", "cancelled", "crowded"]
    message: str  # for the person


class Fetched(msgspec.Struct, frozen=True, tag=True):
    """The full encoder's weights are on this machine; the end of `engine.fetch`, unless it is Failed."""

    file: str
    size: int  # bytes
    new: bool  # or they were there already


Buffer = bytes | bytearray | memoryview  # what an encoded message may be in
Request = Paint | Cancel | Forget | Stop
Event = Ready | Beat | Turn | Progress | Preview | Done | Failed | Fetched

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
    return frame(_encoder.encode(message))


def encode_body(message: Request | Event) -> bytes:
    """The same without its header."""
    return _encoder.encode(message)


def frame(body: bytes) -> bytes:
    """The frame of an encoded message."""
    return header(body) + body


def header(body: Buffer) -> bytes:
    """What comes before an encoded message in its frame: to be written by itself, pictures are many megabytes."""
    if len(body) > MAX_FRAME:
        raise WireError(f"a frame of {len(body)} bytes; the limit is {MAX_FRAME}")
    return HEADER.pack(len(body))


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


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Private copies of stdin and stdout; from now on stdout is stderr, for Python and for C alike.

    To be called before anything is imported that might print: one stray line would break the stream of frames.
    """
    requests, events = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, events


def read_request(stream: BinaryIO) -> Request | None:
    """The engine's end: the next request, or None when the bot has closed the pipe."""
    body = next_body(stream)
    return None if body is None else decode_request(body)


def next_body(stream: BinaryIO) -> bytes | None:
    """The same, still encoded."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = _length(header)
    body = stream.read(length)
    return body if len(body) == length else None


async def read_event(stream: asyncio.StreamReader) -> Event:
    """The bot's end: the next event.

    Raises:
        asyncio.IncompleteReadError: the engine process is gone.
        WireError: it wrote something that is not a frame.
    """
    return decode_event(await read_body(stream))


async def read_body(stream: asyncio.StreamReader) -> bytes:
    """The next frame's message, still encoded; raises as `read_event` does."""
    length = _length(await stream.readexactly(HEADER.size))
    return await stream.readexactly(length)
