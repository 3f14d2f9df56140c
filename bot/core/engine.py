"""What runs jobs, as the studio sees it; a supervised process is one way to have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol

import msgspec

from engine import wire
from engine.recipe import EncoderName


class Taken(msgspec.Struct, frozen=True):
    """The engine has the photo in hand: should it die from now on, that counts as a try of this photo."""

    job: str


WorkerState = Literal["starting", "idle", "busy", "restarting", "waiting"]  # waiting: for a place in a cluster
ABSENT: tuple[WorkerState, ...] = ("restarting", "waiting")


class Worker(msgspec.Struct, frozen=True):
    """One of those who paint."""

    name: str
    state: WorkerState
    node: str = ""  # the machine of a cluster that it is on


class Engine(Protocol):
    """Runs as many long jobs at once as it has workers, and beside each of them a quick one."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those who may be given jobs. Their number may change at any time, and may be 0 for a while."""
        ...

    @property
    def ready(self) -> wire.Ready | None:
        """What the engine reports of itself, or None while it is not ready."""
        ...

    @property
    def encoder(self) -> EncoderName:
        """The encoder of fine orders that name none, as the engine last said it; slim before it has said anything."""
        ...

    async def introduced(self) -> None:
        """Return once the engine has said what it is, or has failed to start."""

    def run(self, paint: wire.Paint) -> AsyncIterator[Taken | wire.Event]:
        """Paint one picture: Taken, the newest Progress and Preview whenever asked, then exactly one Done or Failed.

        More at once than there is room for wait their turn.

        To give a job up, `cancel` it, or just close the iterator.

        Raises:
            EngineError: the engine failed, not the job; a second attempt may succeed. Without a Taken before it, the
                engine could not be started, and has not seen the photo.
            Interrupted: one of these, and certainly not because of this photo.
        """
        ...

    async def cancel(self, job: str) -> None:
        """Have `run` end soon, normally with a Failed of kind ``cancelled``. A job that is not running is ignored."""
        ...

    async def forget(self) -> None:
        """Have let go of all that is kept in memory of pictures that are done; before anything more is painted."""
        ...
