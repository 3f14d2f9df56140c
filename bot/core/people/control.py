"""What the owner decides while the bot runs: whether it paints, whether it takes orders, and from whom."""

from __future__ import annotations

import asyncio

import msgspec

from bot.core.errors import NotAllowed
from bot.core.journal.store import Store
from bot.core.work.line import Line

ROOM, KEY = "owner", "control"  # under which the store keeps it
BLOCKED = "Who runs this bot has blocked you, so it takes no orders from you."
DRAINING = (
    "No more pictures are taken at the moment: those that are waiting will be finished, and then I am likely to be"
    " restarted. Please order again later."
)


class Decisions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a restart does not undo."""

    paused: bool = False
    blocked: tuple[str, ...] = ()


class Control:
    """Pausing and blocking outlive a restart; draining is what comes before one, and ends with it."""

    def __init__(self, store: Store, line: Line) -> None:
        self._store = store
        self._line = line
        self._decisions = Decisions()
        self._drain = asyncio.Event()  # the owner drains
        self._resumed = asyncio.Event()  # and the contrary
        self._resumed.set()

    @property
    def draining(self) -> bool:
        """Whether no more orders are taken, and those that wait are painted."""
        return self._drain.is_set()

    async def until_drained(self) -> None:
        """Return when everything is painted after the owner has begun to drain."""
        while True:
            await self._drain.wait()
            await self._line.until_empty()
            if self.draining:
                return

    async def until_not_draining(self) -> None:
        """Return when orders are taken again."""
        await self._resumed.wait()

    async def load(self) -> None:
        """What was decided before the last restart."""
        kept = await self._store.setting(ROOM, KEY)
        self._decisions = msgspec.json.decode(kept, type=Decisions) if kept else Decisions()
        self._apply()

    async def touch(self) -> None:
        """Settings that nobody asks for expire."""
        await self._store.setting(ROOM, KEY)

    def check(self, user: str) -> None:
        """Refuse an order that nobody may place at the moment, or not this person.

        Raises:
            NotAllowed
        """
        if user in self._decisions.blocked:
            raise NotAllowed(BLOCKED)
        if self.draining:
            raise NotAllowed(DRAINING)

    @property
    def paused(self) -> bool:
        """Whether orders are taken and wait."""
        return self._decisions.paused

    @property
    def blocked(self) -> tuple[str, ...]:
        """Who may not order."""
        return self._decisions.blocked

    async def pause(self) -> None:
        """Paint nothing more than what is being painted."""
        await self._decide(paused=True)

    async def resume(self) -> None:
        """Paint, and take orders."""
        self._drain.clear()
        self._resumed.set()
        await self._decide(paused=False)

    async def drain(self) -> None:
        """Paint what waits, and take no more."""
        self._resumed.clear()
        self._drain.set()
        await self._decide(paused=False)

    async def block(self, user: str) -> None:
        await self._decide(blocked=(*(known for known in self.blocked if known != user), user))

    async def unblock(self, user: str) -> None:
        await self._decide(blocked=tuple(known for known in self.blocked if known != user))

    async def _decide(self, **changes: object) -> None:
        self._decisions = msgspec.structs.replace(self._decisions, **changes)
        self._apply()
        await self._store.set_setting(ROOM, KEY, msgspec.json.encode(self._decisions).decode())

    def _apply(self) -> None:
        if self.paused:
            self._line.pause()
        else:
            self._line.resume()
