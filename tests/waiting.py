"""Waiting for what a test expects: by events where there are some, and long only where the test fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 60.0  # seconds


class Board:
    """Wakes up those who wait for something to become true."""

    def __init__(self) -> None:
        self._notices: set[asyncio.Event] = set()
        self.patience = PATIENCE

    def notice(self) -> None:
        for notice in self._notices:
            notice.set()

    async def until(self, truth: Callable[[], Any]) -> Any:
        """The first true value of ``truth``, looked at after every notice."""
        mine = asyncio.Event()
        self._notices.add(mine)
        try:
            async with asyncio.timeout(self.patience):
                while not (found := truth()):
                    await mine.wait()
                    mine.clear()
                return found
        except TimeoutError:
            raise AssertionError(f"it did not come true in {self.patience:g} s. {self.seen()}") from None
        finally:
            self._notices.remove(mine)

    def seen(self) -> str:
        """What a failing test is told."""
        return ""


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """The first true thing that ``look`` returns, where nothing gives notice: a journal does not."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    return found
