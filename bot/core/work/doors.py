"""Whether orders are taken: not before everything is up, and not any more once the bot is stopping."""

from __future__ import annotations

import asyncio

from bot.core.errors import NotNow

START_SECONDS = 30.0  # how long an order waits for them to open


class Doors:
    """They open once, and close once."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self.closing = False

    @property
    def are_open(self) -> bool:
        return self._open.is_set()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self.closing = True
        self._open.clear()

    async def wait(self) -> None:
        """Until they are open.

        Raises:
            NotNow
        """
        if self.closing:
            raise closing()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._open.wait()
        except TimeoutError:
            raise NotNow("The bot is still starting. Please try again in a minute.") from None


def closing() -> NotNow:
    return NotNow("The bot is being restarted. Please send this again in a minute.")
