"""The API as a chat: what it shows and delivers lies in the journal, and whoever listens is told to look."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from bot.chat import formats
from bot.core.errors import LimitReached
from bot.core.jobs import Address, Job, Place
from bot.core.messages import Chat, Result, Status

NAME = "api"
LISTENERS = 500
LISTENERS_OF_ONE = 8  # picture


class ApiAddress(Address, frozen=True):
    """What is known of an order beside the job."""

    secret: str  # the second part of the picture's id: job ids are short, and stand in the log
    order: str  # fingerprint of what was ordered
    format: str | None = None
    photo: str = ""  # its file's name, without the ending


class ApiChat(Chat):
    """Wakes who listens."""

    name = NAME

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def plays_in(self, place: Place) -> tuple[str, ...]:
        return formats.plays(ApiAddress.of(place).format)

    async def show(self, job: Job, status: Status) -> None:
        self._wake(job.id)

    async def deliver(self, job: Job, result: Result) -> None:
        self._wake(job.id)

    async def notify(self, job: Job, text: str) -> None:
        self._wake(job.id)

    @contextmanager
    def listen(self, job: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is news of the job.

        Raises:
            LimitReached: too many listen already.
        """
        of_one = len(self._listeners.get(job, ()))
        if sum(map(len, self._listeners.values())) >= LISTENERS or of_one >= LISTENERS_OF_ONE:
            raise LimitReached("Too many listen to pictures here. Close some connections, or ask from time to time.")
        event = asyncio.Event()
        self._listeners[job].add(event)
        try:
            yield event
        finally:
            self._listeners[job].discard(event)
            if not self._listeners[job]:
                del self._listeners[job]

    def close(self) -> None:
        """Wake everybody: the server stops."""
        for job in list(self._listeners):
            self._wake(job)

    def changed(self, job: str) -> None:
        """It was deleted."""
        self._wake(job)

    def _wake(self, job: str) -> None:
        for event in self._listeners.get(job, ()):
            event.set()
