"""What the rooms of the web chat have to show: entries in the journal, live statuses in memory, and listeners."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from bot.chat.web.entries import Answer, Deleted, Ended, Entry, Finished, decode, encode, page_buttons
from bot.core.errors import LimitReached
from bot.core.journal.store import NewBlob, Store
from bot.core.messages import Status
from bot.dialog.buttons import Buttons
from engine.wire import Cell

LISTENERS_PER_ROOM = 6  # a tab has one; a few more while a lost one is not noticed yet
LISTENERS = 1000


class LiveStatus(msgspec.Struct, frozen=True):
    """How a job stands. Only the newest is kept, and not on disk."""

    job: str
    text: str
    done: float
    preview: int  # counts the previews; 0 is none yet
    picture: bytes | None
    cells: tuple[Cell, ...] = ()  # of a sheet, those that the preview shows


def room_of(secret: str) -> str:
    """What a room is called in the store and in jobs: who reads these cannot enter the room with it."""
    return hashlib.sha256(f"room {secret}".encode()).hexdigest()[:32]


class RoomFeed:
    """Entries by room, numbered; live statuses by job; and who is to be woken when either changes."""

    def __init__(self, store: Store, buttons: Buttons) -> None:
        self._store = store
        self._buttons = buttons
        self._live: defaultdict[str, dict[str, LiveStatus]] = defaultdict(dict)
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    # --- entries -----------------------------------------------------------------------------------------------------

    async def append(self, room: str, entry: Entry, picture: NewBlob | None = None) -> None:
        """Add an entry, and the picture that it names."""
        await self._store.append(room, encode(entry), picture)
        self._wake(room)

    async def entries(self, room: str) -> Sequence[Entry]:
        return [decode(entry) for _, entry in await self._store.entries(room)]

    async def for_page(self, room: str, after: int) -> list[tuple[int, bytes]]:
        """Entries numbered above ``after``, as JSON."""
        return [(number, await self._with_buttons(entry)) for number, entry in await self._store.entries(room, after)]

    async def _with_buttons(self, data: bytes) -> bytes:
        """Pictures of version 0.1.0 get their buttons as long as their job is kept."""
        entry = decode(data)
        if not isinstance(entry, Finished) or entry.buttons is not None:
            return data
        job = await self._store.job(entry.job)
        buttons = await self._buttons.under(job) if job else ()
        return encode(msgspec.structs.replace(entry, buttons=page_buttons(buttons)))

    async def delete_job(self, room: str, job: str, to: str) -> None:
        """Delete what the room has of a job; the press with the id ``to`` asked for it."""
        numbered = [(number, decode(entry)) for number, entry in await self._store.entries(room)]
        gone = {
            number: entry
            for number, entry in numbered
            if isinstance(entry, Answer | Finished | Ended) and entry.job == job
        }
        answered = tuple(entry.to for entry in gone.values() if isinstance(entry, Answer))
        pictures = [entry.picture for entry in gone.values() if isinstance(entry, Finished)]
        await self._store.replace(room, list(gone), pictures, encode(Deleted(to, job, answered)))
        self.forget_status(room, job)
        self._wake(room)

    async def has_ended(self, room: str, job: str) -> bool:
        """Whether the room has a job's end already."""
        return any(isinstance(entry, Finished | Ended) and entry.job == job for entry in await self.entries(room))

    # --- live statuses -----------------------------------------------------------------------------------------------

    def show(self, room: str, job: str, status: Status) -> None:
        """Keep how a job stands now."""
        old = self._live[room].get(job)
        count, picture = (old.preview, old.picture) if old else (0, None)
        if status.preview is not None and status.preview != picture:
            count, picture = count + 1, status.preview
        self._live[room][job] = LiveStatus(job, status.text, status.done, count, picture, status.cells)
        self._wake(room)

    def forget_status(self, room: str, job: str) -> None:
        """The job's end is among the entries."""
        if room in self._live:
            self._live[room].pop(job, None)
            if not self._live[room]:
                del self._live[room]

    def statuses(self, room: str) -> list[LiveStatus]:
        return list(self._live[room].values()) if room in self._live else []

    # --- listeners ---------------------------------------------------------------------------------------------------

    @property
    def listening(self) -> int:
        return sum(map(len, self._listeners.values()))

    @contextlib.contextmanager
    def listen(self, room: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the room has something new.

        Raises:
            LimitReached: too many listen already.
        """
        if self.listening >= LISTENERS or len(self._listeners.get(room, ())) >= LISTENERS_PER_ROOM:
            raise LimitReached("Too many pages are open here. Close some of them.")
        event = asyncio.Event()
        self._listeners[room].add(event)
        try:
            yield event
        finally:
            self._listeners[room].discard(event)
            if not self._listeners[room]:
                del self._listeners[room]

    def _wake(self, room: str) -> None:
        for event in self._listeners.get(room, ()):
            event.set()
