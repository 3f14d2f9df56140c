"""Several engine processes as one engine: each paints a long job and a quick one, and has its part of the machine."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from bot.core.engine import Taken
from bot.engine_process.crew import Crew, Kept, Member, picture_of
from bot.engine_process.supervisor import Supervisor
from engine import wire
from engine.recipe import EncoderName

Painter = Member[wire.Paint, Taken | wire.Event]


class Pool(Crew[wire.Paint, Taken | wire.Event]):
    """Open while the context is; entering starts every process, and waits for none."""

    def __init__(self, members: Sequence[Supervisor]) -> None:
        super().__init__(members)
        self._members = tuple(members)
        self._kept = Kept[Painter]()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for member in self._members:
            await self._stack.enter_async_context(member)
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await self._stack.__aexit__(None, None, None)

    @property
    def encoder(self) -> EncoderName:
        return next((member.encoder for member in self._members if member.ready), self._members[0].encoder)

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
        """See `Engine.run`."""
        async with aclosing(super().run(paint)) as events:
            async for event in events:
                if isinstance(event, wire.Done) and paint.recipe.rules.optimises:
                    self._kept.remember(picture_of(paint), self._at[paint.job])
                yield event

    async def forget(self) -> None:
        await super().forget()
        self._kept.forget()

    def _preferred(self, paint: wire.Paint) -> Painter | None:
        """Who can go on with what it has kept."""
        return self._kept.painter(picture_of(paint)) if paint.recipe.then else None


# --- parts of the machine --------------------------------------------------------------------------------------------


class Part(msgspec.Struct, frozen=True):
    """What one worker has of the machine."""

    name: str  # of the worker
    threads: int = 0  # of the CPU; 0 for all
    card: str = ""  # as CUDA_VISIBLE_DEVICES names it; nothing where all are to be seen
    share: int = 1  # how many workers have this card


def parts(
    workers: int | Literal["auto"], device: str, threads: int, environ: Mapping[str, str], per_card: int = 1
) -> list[Part]:
    """Share the machine between so many workers: a card each, as far as there are any, else equal parts of the cores.

    Without a number as many for each card as ``per_card`` says, or one for all of the cores.

    Equal, because the number of threads shows in a picture's last bits, and the same line is to be the same picture.

    Args:
        device, threads: as configured; threads are those of each worker, 0 to share them out.
    """
    found = cards(environ) if device != "cpu" else []
    count = max(1, len(found) * per_card) if workers == "auto" else workers
    if count == 1:
        return [Part("1", threads)]
    if found:
        named = [found[number % len(found)] for number in range(count)]
        shares = Counter(named)
        return [Part(f"{number} (card {card})", threads, card, shares[card]) for number, card in enumerate(named, 1)]
    each = threads or max(1, len(os.sched_getaffinity(0)) // count)
    return [Part(f"{number}", each) for number in range(1, count + 1)]


def cards(environ: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """The names of the CUDA cards that may be used. Without torch, which this process does not load."""
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    # CUDA counts those that are there, whatever their numbers: in a container some may be missing.
    return [str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*"))]
