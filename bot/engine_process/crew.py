"""Several workers as one engine: who has which job, whose turn it is to get the next, and who has kept what."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from typing import Generic, Protocol, TypeVar

from bot.core.engine import Worker
from bot.core.errors import EngineError
from bot.core.estimate import going_on
from bot.engine_process.outcomes import NOT_STARTED, STOPPED
from engine import wire

LOOK_SECONDS = 1.0  # between two looks for a worker that has come back
REMEMBERED = 16  # pictures of which it is known who painted them


class Ordered(Protocol):
    """What is known of a job here."""

    @property
    def job(self) -> str: ...

    @property
    def quick(self) -> bool: ...


Order = TypeVar("Order", bound=Ordered)
Event = TypeVar("Event")
Painter = TypeVar("Painter")
OrderIn = TypeVar("OrderIn", bound=Ordered, contravariant=True)
EventOut = TypeVar("EventOut", covariant=True)


class Member(Protocol[OrderIn, EventOut]):
    """One who paints a long job and a quick one at once."""

    @property
    def ready(self) -> wire.Ready | None: ...

    @property
    def busy(self) -> str | None:
        """The job that it is at."""
        ...

    @property
    def workers(self) -> tuple[Worker, ...]: ...

    def has_room(self, *, quick: bool) -> bool:
        """Whether it takes such a job."""
        ...

    def run(self, paint: OrderIn) -> AsyncGenerator[EventOut, None]:
        """See `Engine.run`."""
        ...

    async def cancel(self, job: str) -> None: ...

    async def forget(self) -> None: ...


class Crew(Generic[Order, Event]):
    """Those who paint, whoever they are at the moment."""

    def __init__(self, members: Iterable[Member[Order, Event]] = (), *, patience: float = math.inf) -> None:
        """Args: patience: seconds that a job waits for somebody to be ready, where nobody is."""
        self._crew = list(members)
        self._patience = patience
        self._at: dict[str, Member[Order, Event]] = {}  # by job: who has it
        self._freed = asyncio.Event()
        self._closed = True

    def open(self) -> None:
        self._closed = False

    def close(self) -> None:
        """Nobody gets a job any more."""
        self._closed = True
        self._freed.set()

    def join(self, member: Member[Order, Event]) -> None:
        self._crew.append(member)
        self._freed.set()

    def leave(self, member: Member[Order, Event]) -> None:
        """It gets no more jobs; it may still be at one."""
        self._crew.remove(member)

    def look(self) -> None:
        """Somebody may have room again."""
        self._freed.set()

    @property
    def ready(self) -> wire.Ready | None:
        """What the first that is ready says of itself; they are all alike."""
        return next((member.ready for member in self._crew if member.ready), None)

    @property
    def workers(self) -> tuple[Worker, ...]:
        return tuple(worker for member in self._crew for worker in member.workers)

    async def run(self, paint: Order) -> AsyncGenerator[Event, None]:
        """See `Engine.run`: by the first member that has room for it."""
        member = await self._room_for(paint)
        self._at[paint.job] = member
        try:
            async with aclosing(member.run(paint)) as events:
                async for event in events:
                    yield event
        finally:
            self._at.pop(paint.job, None)
            self._freed.set()

    async def cancel(self, job: str) -> None:
        if member := self._at.get(job):
            await member.cancel(job)

    async def forget(self) -> None:
        """See `Engine.forget`."""
        for member in self._crew:
            await member.forget()

    async def _room_for(self, paint: Order) -> Member[Order, Event]:
        """The member that is to have the job: one that is idle, if there is one, and of these who is preferred.

        While none is ready, one that is not: it says so, or paints when it is.
        """
        clock = asyncio.get_running_loop().time
        since = clock()
        while not self._closed:
            self._freed.clear()
            ready = [member for member in self._crew if member.ready]
            free = [member for member in ready or self._crew if member.has_room(quick=paint.quick)]
            if free:
                preferred = self._preferred(paint)
                return min(free, key=lambda member: (member.busy is not None, member is not preferred))
            since = clock() if ready else since
            if clock() - since > self._patience:
                raise EngineError(NOT_STARTED)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._freed.wait()
        raise EngineError(STOPPED)

    def _preferred(self, paint: Order) -> Member[Order, Event] | None:
        """Who has something that spares work on it, if anybody."""
        return None


# --- pictures that are kept ------------------------------------------------------------------------------------------


class Kept(Generic[Painter]):
    """The last pictures, by `picture_of`, and who painted them."""

    def __init__(self) -> None:
        self._painters: OrderedDict[bytes, Painter] = OrderedDict()

    def remember(self, picture: bytes, painter: Painter) -> None:
        self._painters[picture] = painter
        self._painters.move_to_end(picture)
        while len(self._painters) > REMEMBERED:
            self._painters.popitem(last=False)

    def forget(self) -> None:
        self._painters.clear()

    def painter(self, picture: bytes) -> Painter | None:
        """Who may have it still."""
        return self._painters.get(picture)


def picture_of(paint: wire.Paint) -> bytes:
    """See `bot.core.estimate.going_on.picture_of`."""
    return going_on.picture_of(paint.recipe, going_on.Pictures(paint.photo, paint.style))
