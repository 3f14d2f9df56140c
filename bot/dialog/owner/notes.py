"""Notes to the owner, in private: that the bot is up, that a drain is finished, that the engine broke down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from bot.core.messages import Platform
from bot.core.people.control import Control
from bot.core.people.owners import Owners
from bot.engine_process.outcomes import FAULTS

log = logging.getLogger(__name__)

DRAINED = "Drained: all pictures are painted, and no more are taken. Restart me now, or /admin resume."
PAUSE = 600.0  # seconds between two notes that the engine broke down
PATIENCE = 600.0  # seconds for a platform to be connected and take a note


class OwnerNotes:
    """Run it with `run`, in a task of its own.

    Args:
        platforms: by name.
        clock: seconds, from any clock that is always the same one.
    """

    def __init__(
        self, owners: Owners, platforms: Mapping[str, Platform], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._people = [user for user in owners.people if user.partition(":")[0] in platforms]
        self._platforms = platforms
        self._clock = clock
        self._broken: asyncio.Queue[str] = asyncio.Queue(1)
        self._last = -PAUSE
        self._since = 0  # breakdowns since the last note

    def process_event(self, event: str) -> None:
        """What became of an engine process."""
        if event not in FAULTS:
            return
        self._since += 1
        if self._clock() - self._last < PAUSE or self._broken.full():
            return
        often = f" {self._since} times since I wrote last" if self._since > 1 else ""
        self._last, self._since = self._clock(), 0
        self._broken.put_nowait(
            f"The painting engine broke down{often} ({event.replace('_', ' ')}) and is being started again. The log"
            " says more, /admin status how it stands."
        )

    async def run(self, first: str, control: Control) -> None:
        """Tell the owners ``first``, then whatever happens, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_drains(control))
            await self._tell(first)
            while True:
                await self._tell(await self._broken.get())

    async def _watch_drains(self, control: Control) -> None:
        while True:
            await control.until_drained()
            await self._tell(DRAINED)
            await control.until_not_draining()

    async def _tell(self, text: str) -> None:
        async with asyncio.TaskGroup() as tasks:
            for user in self._people:
                tasks.create_task(self._tell_one(user, text))

    async def _tell_one(self, user: str, text: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._platforms[user.partition(":")[0]].tell(user, text)
        except Exception as error:  # whatever a platform's library raises: it is a note and no more
            log.warning("The owner %s was not written to: %s", user, str(error) or repr(error))
