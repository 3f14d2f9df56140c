"""What runs jobs, as the studio sees it; a supervised process is one way to have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from engine import wire
from engine.recipe import EncoderName


class Engine(Protocol):
    """Runs one job at a time."""

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

    def run(self, paint: wire.Paint) -> AsyncIterator[wire.Event]:
        """Paint one picture: the newest Progress and Preview whenever asked, then exactly one Done or Failed.

        To give a job up, `cancel` it, or just close the iterator.

        Raises:
            EngineError: the engine failed, not the job; a second attempt may succeed.
        """
        ...

    async def cancel(self, job: str) -> None:
        """Have `run` end soon, normally with a Failed of kind ``cancelled``. A job that is not running is ignored."""
        ...
