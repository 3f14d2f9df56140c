"""The use case: order -> limits -> queue -> engine -> reply, and everyone told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from bot.chat import Chat, Incoming, Status
from bot.health import Health
from bot.jobs import Job
from bot.limits import Limits
from bot.queue import FairQueue
from bot.store import Store
from engine.gallery import Gallery
from engine.recipe import EncoderName, Recipe

if TYPE_CHECKING:
    from bot.supervisor import Engine


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about orders."""

    size: int = 512  # pixels, long side where the line names none
    max_size: int = 2048  # pixels
    max_steps: int = 1000
    encoder: EncoderName = "slim"  # where the line names none
    max_photo_bytes: int = 20 * 2**20
    preview_seconds: float = 2.0
    keep_hours: float = 24.0


class Waiting(msgspec.Struct, frozen=True):
    """One open job, as /queue shows it."""

    job: Job
    status: Status


class Studio:
    """Run it with `run`, in a task of its own; `accept` waits until it is up."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        queue: FairQueue,
        limits: Limits,
        gallery: Gallery,
        *,
        rules: Rules | None = None,
        health: Health | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    def add_chat(self, chat: Chat) -> None:
        """Make a platform known; before `run`, so that the answers of the last run find their way."""
        raise NotImplementedError

    async def run(self) -> None:
        """Get orders done until cancelled."""
        raise NotImplementedError

    async def accept(self, incoming: Incoming, recipe: Recipe) -> Job:
        """Make an order a job: on disk when this returns. Raises: BadOrder, LimitReached, StoreBroken."""
        raise NotImplementedError

    async def cancel(self, user: str, job: str | None = None) -> list[Job]:
        """Take back one job, or all of this person's. Raises: NotYours, BadOrder."""
        raise NotImplementedError

    async def last(self, user: str) -> tuple[Job, bytes] | None:
        """The person's newest job and its photo, as long as they are kept."""
        raise NotImplementedError

    def open_jobs(self, user: str) -> list[Waiting]:
        """The person's jobs that wait or are being painted, oldest first."""
        raise NotImplementedError

    def line(self) -> int:
        """How many pictures wait, the one being painted included."""
        raise NotImplementedError

    async def status(self, job: str) -> Status | None:
        """How a job stands; None for one that is not known."""
        raise NotImplementedError
