"""Objects that only hold each other are looked for often where they are new, and everywhere while nobody waits."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bot import garbage
from tests.waiting import eventually


class Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.me = self


@asynccontextmanager
async def collecting(idle: Callable[[], bool], **times: float) -> AsyncIterator[None]:
    running = asyncio.create_task(garbage.collect(idle, **{"look_seconds": 0.001} | times))
    try:
        await asyncio.sleep(0)
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def gone(ring: weakref.ref[Ring]) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return ring() is None

    return look


async def looks(number: int = 3) -> None:
    """Let it look so many times."""
    seen = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal seen
        seen += phase == "stop" and info["generation"] == 2

    gc.callbacks.append(count)

    async def enough() -> bool:
        return seen >= number

    await eventually(enough)
    gc.callbacks.remove(count)


async def test_what_is_new_goes_while_people_wait() -> None:
    async with collecting(lambda: False):
        await eventually(gone(weakref.ref(Ring())))


async def test_what_was_there_before_goes_once_nobody_waits() -> None:
    idle = False
    async with collecting(lambda: idle, everything_seconds=0.0):
        ring = Ring()
        await looks()
        old = weakref.ref(ring)
        del ring
        await looks()
        assert old() is not None
        idle = True
        await eventually(gone(old))


async def test_a_bot_that_is_never_idle_looks_at_everything_in_the_end() -> None:
    async with collecting(lambda: False, longest_seconds=0.01):
        ring = Ring()
        await looks()
        old = weakref.ref(ring)
        del ring
        await eventually(gone(old))


async def test_in_the_end_all_is_as_it_was() -> None:
    before = gc.get_threshold()
    async with collecting(lambda: True):
        assert gc.get_threshold()[2] == garbage.NEVER
        assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
