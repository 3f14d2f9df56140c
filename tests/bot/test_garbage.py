"""Objects that only hold each other are looked for while nobody waits."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bot import garbage
from tests.waiting import eventually


class Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.me = self


@asynccontextmanager
async def collecting(idle: Callable[[], bool], **times: float) -> AsyncIterator[None]:
    running = asyncio.create_task(garbage.collect_when_idle(idle, look_seconds=0.001, **times))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def old_ring() -> weakref.ref[Ring]:
    """One that younger objects' collections do not find any more."""
    ring = Ring()
    gc.collect(1)
    gc.collect(1)
    return weakref.ref(ring)


@pytest.fixture
def idle() -> list[bool]:
    return [False]


async def test_garbage_goes_once_nobody_waits(idle: list[bool]) -> None:
    async with collecting(lambda: bool(idle[0])):
        await asyncio.sleep(0)
        ring = old_ring()
        gc.collect(1)
        assert ring() is not None
        idle[0] = True

        async def gone() -> bool:
            return ring() is None

        await eventually(gone)


async def test_a_bot_that_is_never_idle_collects_in_the_end(idle: list[bool]) -> None:
    async with collecting(lambda: bool(idle[0]), longest_seconds=0.01):
        await asyncio.sleep(0)
        ring = old_ring()

        async def gone() -> bool:
            return ring() is None

        await eventually(gone)


async def test_in_the_end_all_is_as_it_was() -> None:
    before = gc.get_threshold()
    async with collecting(lambda: True):
        await asyncio.sleep(0)
        assert gc.get_threshold()[2] == garbage.NEVER
        assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
