"""Several engine processes as one engine: each paints a long job and a quick one, and has its part of the machine."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bot.core.engine import Taken, Worker
from bot.core.errors import EngineError
from bot.engine_process.outcomes import STOPPED
from bot.engine_process.supervisor import Supervisor
from engine import wire
from engine.recipe import EncoderName, line

LOOK_SECONDS = 1.0  # between two looks for a worker that has come back
REMEMBERED = 16  # pictures of which it is known who painted them


class Pool:
    """Open while the context is; entering starts every process, and waits for none."""

    def __init__(self, members: Sequence[Supervisor]) -> None:
        self._members = tuple(members)
        self._at: dict[str, Supervisor] = {}  # by job: who has it
        self._painted: OrderedDict[bytes, Supervisor] = OrderedDict()  # by `_picture`: who may have kept it
        self._freed = asyncio.Event()
        self._stack = AsyncExitStack()
        self._closed = True

    async def __aenter__(self) -> Self:
        for member in self._members:
            await self._stack.enter_async_context(member)
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._freed.set()
        await self._stack.__aexit__(None, None, None)

    @property
    def ready(self) -> wire.Ready | None:
        """What the first that is ready says of itself; they are all alike."""
        return next((member.ready for member in self._members if member.ready), None)

    @property
    def encoder(self) -> EncoderName:
        return next((member.encoder for member in self._members if member.ready), self._members[0].encoder)

    @property
    def workers(self) -> tuple[Worker, ...]:
        return tuple(worker for member in self._members for worker in member.workers)

    async def introduced(self) -> None:
        """See `Engine.introduced`: one that is ready will do, else all have failed to start."""
        waiting = [asyncio.ensure_future(member.introduced()) for member in self._members]
        try:
            for finished in asyncio.as_completed(waiting):
                await finished
                if self.ready:
                    return
        finally:
            for task in waiting:
                task.cancel()

    async def run(self, paint: wire.Paint) -> AsyncGenerator[Taken | wire.Event, None]:
        """See `Engine.run`: by the first worker that has room for it."""
        member = await self._room_for(paint)
        self._at[paint.job] = member
        try:
            async with aclosing(member.run(paint)) as events:
                async for event in events:
                    if isinstance(event, wire.Done) and paint.recipe.rules.optimises:
                        self._remember(_picture(paint), member)
                    yield event
        finally:
            self._at.pop(paint.job, None)
            self._freed.set()

    async def cancel(self, job: str) -> None:
        if member := self._at.get(job):
            await member.cancel(job)

    async def _room_for(self, paint: wire.Paint) -> Supervisor:
        """The worker that is to have the job: one that is idle, if there is one, and if it may be, who can go on.

        While none is ready, one that is not: it says so, or paints when it is.
        """
        while not self._closed:
            self._freed.clear()
            ready = [member for member in self._members if member.ready]
            free = [member for member in ready or self._members if member.has_room(quick=paint.quick)]
            if free:
                has_it = self._painted.get(_picture(paint)) if paint.recipe.then else None
                return min(free, key=lambda member: (member.busy is not None, member is not has_it))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._freed.wait()
        raise EngineError(STOPPED)

    def _remember(self, picture: bytes, member: Supervisor) -> None:
        self._painted[picture] = member
        self._painted.move_to_end(picture)
        while len(self._painted) > REMEMBERED:
            self._painted.popitem(last=False)


def _picture(paint: wire.Paint) -> bytes:
    """What two orders have in common of which one goes on with the other. The size is known when it is painted."""
    recipe = msgspec.structs.replace(paint.recipe, then=None, size=None)
    digest = hashlib.blake2b(line(recipe).encode(), digest_size=16)
    for picture in (paint.photo, paint.style):
        digest.update(picture or b"")
    return digest.digest()


# --- parts of the machine --------------------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True):
    """What one worker has of the machine."""

    name: str  # of the worker
    threads: int = 0  # of the CPU; 0 for all
    card: str = ""  # as CUDA_VISIBLE_DEVICES names it; nothing where all are to be seen


def parts(workers: int, device: str, threads: int, environ: Mapping[str, str]) -> list[Part]:
    """Share the machine between so many workers: a card each, as far as there are any, else equal parts of the cores.

    Equal, because the number of threads shows in a picture's last bits, and the same line is to be the same picture.

    Args:
        device, threads: as configured; threads are those of each worker, 0 to share them out.
    """
    if workers == 1:
        return [Part("1", threads)]
    found = cards(environ) if device != "cpu" else []
    if found:
        named = [found[number % len(found)] for number in range(workers)]
        return [Part(f"{number} (card {card})", threads, card) for number, card in enumerate(named, 1)]
    each = threads or max(1, len(os.sched_getaffinity(0)) // workers)
    return [Part(f"{number}", each) for number in range(1, workers + 1)]


def cards(environ: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The names of the CUDA cards that may be used. Without torch, which this process does not load."""
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    # CUDA counts those that are there, whatever their numbers: in a container some may be missing.
    return [str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*"))]
