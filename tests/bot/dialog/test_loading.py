"""Who may fetch photos now."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from bot.dialog.loading import Loading
from tests.waiting import PATIENCE


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_photos_of_all_together_have_so_many_bytes_and_who_came_first_is_first() -> None:
    loading, entered = Loading(most=100), list[str]()

    async def fetch(name: str, size: int, done: asyncio.Event) -> None:
        async with loading.room_for(size):
            entered.append(name)
            await done.wait()

    first_done, rest_done = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(fetch("first", 60, first_done))
        tasks.create_task(fetch("large", 70, rest_done))
        tasks.create_task(fetch("small", 10, rest_done))
        await _settled()
        assert entered == ["first"]  # the small one would find room, but the large one must not wait for ever
        first_done.set()
        await _settled()
        assert entered == ["first", "large", "small"]
        rest_done.set()


async def test_who_gives_up_waiting_is_in_nobodys_way() -> None:
    loading = Loading(most=100)

    async def fetch(size: int) -> None:
        async with loading.room_for(size):
            pass

    async with asyncio.timeout(PATIENCE), AsyncExitStack() as held:
        await held.enter_async_context(loading.room_for(60))
        large, small = asyncio.create_task(fetch(70)), asyncio.create_task(fetch(10))
        await _settled()
        assert not small.done()
        large.cancel()
        await small


async def test_what_is_larger_than_all_that_is_allowed_comes_alone() -> None:
    async with asyncio.timeout(PATIENCE), Loading(most=100).room_for(1000):
        pass


async def test_one_order_of_a_person_is_fetched_at_a_time() -> None:
    loading, busy = Loading(), list[str]()

    async def order(user: str) -> None:
        async with loading.turn(user):
            assert user not in busy
            busy.append(user)
            await asyncio.sleep(0)
            busy.remove(user)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        for user in ("ann", "ann", "bob", "ann"):
            tasks.create_task(order(user))
