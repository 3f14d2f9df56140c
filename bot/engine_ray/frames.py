"""What crosses between the bot, its link to the cluster and the painters there, beside what `engine.wire` has."""

from __future__ import annotations

import json

import msgspec

from bot.core.engine import Worker, WorkerState
from bot.engine_process.outcomes import ProcessEvent
from bot.engine_process.supervisor import Timings
from engine import wire


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
    body: bytes = b""  # all of it; no field of a wire.Paint


class _Kind(msgspec.Struct):
    type: str


Order = Paint | wire.Cancel | wire.Forget | wire.Stop | Waiting
News = wire.Event | Roster | Trouble | Begun | Lost | Happened | Said | Standing

encode = msgspec.msgpack.Encoder().encode
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_news: msgspec.msgpack.Decoder[News] = msgspec.msgpack.Decoder(News)


_kinds = msgspec.msgpack.Decoder(_Kind)
LAST = ("Done", "Failed", "Lost")  # of a job's news


def decode_order(body: bytes) -> Order:
    """Raises WireError."""
    try:
        order = _orders.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise wire.WireError(str(error)) from error
    return Paint(order.job, order.quick, body) if isinstance(order, Paint) else order


def is_last(body: bytes) -> bool:
    """Whether nothing more comes of the job."""
    return _kinds.decode(body).type in LAST


def decode_news(body: bytes) -> News:
    """Raises WireError."""
    try:
        return _news.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise wire.WireError(str(error)) from error
