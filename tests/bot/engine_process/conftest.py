"""No test of engine processes takes too long, or leaves a task behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.bot.engine_process.harness import ENDLESS


@pytest.fixture(autouse=True)
async def _everything_ends() -> AsyncIterator[None]:
    def give_up() -> None:
        for task in asyncio.all_tasks():
            task.cancel("the test takes too long")

    watchdog = asyncio.get_running_loop().call_later(ENDLESS, give_up)
    yield
    watchdog.cancel()
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"
