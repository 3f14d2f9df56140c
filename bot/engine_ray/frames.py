"""What crosses between the bot, its link to the cluster and the painters there, beside what `engine.wire` has."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pickle import PickleBuffer
from typing import Any

import msgspec

from bot.core.engine import Worker, WorkerState
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.supervisor import Timings
from engine import wire

# Bytes of what travels with a call or an item of a stream, where anything larger is put into a store that machines
# share: as Ray has it, and as a cluster of our own has it, on one machine. There 500 KB with the call, both ways, took
# 3.0 ms and through the store 4.6; from 800 KB on the store was the quicker.
INLINE, OWN_INLINE = 100 * 1024, 512 * 1024
# Pictures pass through, so that the same megabytes are needed again and again. glibc gives them back to the kernel
# each time, which has to fetch and empty each page anew: a fifth of the time that 3 MB took there and back.
MALLOC = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=134217728"}
TOGETHER = 16 * 1024  # bytes of a message, up to which it is copied to go with others


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the cluster is to be used; the link's one argument, as JSON."""

    address: str = ""  # of the cluster's head; empty starts a cluster on this machine
    workers: int = 1  # 0: as many as are needed and find a place
    engine: str = "{}"  # `wire.EngineSettings` as JSON; its threads are those of each worker, 0 to share them out
    timings: Timings = Timings()
    # After which a painter that is not needed makes room for other bots, or for fewer machines.
    idle_seconds: float = 300.0
    # A head that is silent for so long is gone. Ray itself ends every process that has missed its head for a minute.
    head_seconds: float = 20.0
    command: tuple[str, ...] = ()  # what a painter supervises, if not the engine of its machine

    @property
    def inline(self) -> int:
        return INLINE if self.address else OWN_INLINE

    @property
    def settings(self) -> wire.EngineSettings:
        return wire.decode_settings(self.engine)


def encode_plan(plan: Plan) -> str:
    """In ASCII; `decode_plan` reads it back."""
    return json.dumps(msgspec.to_builtins(plan))


def decode_plan(text: str) -> Plan:
    return msgspec.convert(json.loads(text), Plan)


# --- to the link -----------------------------------------------------------------------------------------------------


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """So many pictures wait in the bot for a worker."""

    pictures: int


class Concerns(msgspec.Struct, frozen=True, tag=True):
    """Of the order that comes next: the picture that it is about, where an order may go on with it, or does."""

    job: str
    picture: bytes  # see `picture_of`
    goes_on: bool


# --- from the link ---------------------------------------------------------------------------------------------------


class Roster(msgspec.Struct, frozen=True, tag=True):
    """Who paints now; sent whenever that changes."""

    workers: tuple[Worker, ...]
    ready: wire.Ready | None  # what the first of them says of itself


class Trouble(msgspec.Struct, frozen=True, tag=True):
    """A sentence for the operator: why there is no cluster. The link ends."""

    text: str


# --- from a painter, and passed on by the link -----------------------------------------------------------------------


class Begun(msgspec.Struct, frozen=True, tag=True):
    """`bot.core.engine.Taken`."""

    job: str


class Lost(msgspec.Struct, frozen=True, tag=True):
    """The engine failed, not the job: an EngineError, or an Interrupted."""

    job: str
    text: str
    interrupted: bool


class Happened(msgspec.Struct, frozen=True, tag=True):
    """What became of an engine process."""

    event: ProcessEvent


class Said(msgspec.Struct, frozen=True, tag=True):
    """A line of a painter's log."""

    level: int
    text: str


class Standing(msgspec.Struct, frozen=True, tag=True):
    """How a painter stands; sent whenever that changes, and as its heartbeat. The link keeps it to itself."""

    state: WorkerState
    ready: wire.Ready | None
    at: str  # the job that it is painting
    node: str  # Ray's id of its machine


class Paint(msgspec.Struct, frozen=True, tag=True):
    """What the link reads of a `wire.Paint`, which it passes on as it came: pictures are many megabytes."""

    job: str
    quick: bool = False
    body: Any = b""  # a wire.Buffer with all of it; no field of a wire.Paint
    concerns: Concerns | None = None  # neither


class Brief(msgspec.Struct, frozen=True):
    """What the link reads of news, which it passes on as they came."""

    type: str
    job: str = ""

    @property
    def last(self) -> bool:
        """Whether nothing more comes of the job."""
        return self.type in ("Done", "Failed", "Lost")


Order = Paint | Concerns | wire.Cancel | wire.Forget | wire.Stop | Waiting
News = wire.Event | Roster | Trouble | Begun | Lost | Happened | Said | Standing

encode = msgspec.msgpack.Encoder().encode
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_news: msgspec.msgpack.Decoder[News] = msgspec.msgpack.Decoder(News)
_briefs = msgspec.msgpack.Decoder(Brief)


def decode_order(body: wire.Buffer) -> Order:
    """Raises WireError."""
    try:
        order = _orders.decode(memoryview(body))
    except (msgspec.DecodeError, RecursionError) as error:
        raise wire.WireError(str(error)) from error
    return Paint(order.job, order.quick, body) if isinstance(order, Paint) else order


def brief(body: wire.Buffer) -> Brief:
    """Raises WireError."""
    try:
        return _briefs.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise wire.WireError(str(error)) from error


def decode_news(body: wire.Buffer) -> News:
    """Raises WireError."""
    try:
        return _news.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise wire.WireError(str(error)) from error


def packed(bodies: Iterable[bytes]) -> Iterator[bytes | PickleBuffer]:
    """Messages as items of a stream: pictures by themselves, so that nobody has to copy them; the others together."""
    for large, some in itertools.groupby(bodies, lambda body: len(body) > TOGETHER):
        if large:
            yield from map(PickleBuffer, some)
        else:
            yield b"".join(map(wire.frame, some))


def unpacked(item: wire.Buffer) -> Iterator[memoryview]:
    """The messages in an item; raises WireError."""
    rest = memoryview(item)
    if not isinstance(item, bytes):
        yield rest
        return
    while rest:
        length = wire.HEADER.size + int.from_bytes(rest[: wire.HEADER.size])
        if len(rest) < length:
            raise wire.WireError("an item of the stream is cut off")
        yield rest[wire.HEADER.size : length]
        rest = rest[length:]
