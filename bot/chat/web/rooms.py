"""The rooms of the web chat: what was said lies in the store, how jobs stand is kept here, listeners are woken."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from bot.core.errors import LimitReached
from bot.core.journal.store import NewBlob, Store
from bot.core.messages import Card, Status

LISTENERS_PER_ROOM = 6  # a tab has one; a few more while a lost one is not noticed yet
LISTENERS = 1000
ENTRIES = 1500  # in one room
PHOTOS = 200  # in one room


class Photo(msgspec.Struct, frozen=True, tag="photo"):
    """The person sent a photo. ``id`` is the page's own name for the message, so that it is taken once only."""

    id: str
    photo: str  # blob
    name: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """The person wrote a line, in reply to a photo or not."""

    id: str
    text: str
    photo: str | None  # blob
    style: str | None = None  # blob of the picture sent along as the style


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What the bot said to it at once."""

    to: str  # id of the message
    text: str
    photo: str | None = None  # blob, as in the message
    style: str | None = None  # the same
    quiet: bool = False  # nothing that the page needs to show
    refused: bool = False
    cards: tuple[Card, ...] = ()
    job: str | None = None  # the job that was accepted
    title: str = ""  # of the job's style or styles


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """A job's picture."""

    job: str
    picture: str  # blob
    photo: str | None  # blob
    file: str  # name to save it under
    width: int
    height: int
    credit: str
    line: str
    seconds: float
    notes: tuple[str, ...] = ()
    style: str | None = None  # blob


class Told(msgspec.Struct, frozen=True, tag="told"):
    """A job will have no picture."""

    job: str
    text: str
    cancelled: bool = False


Entry = Photo | Said | Answer | Finished | Told
_entries: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


class Live(msgspec.Struct, frozen=True):
    """How a job stands. Only the newest is kept, and not on disk."""

    job: str
    text: str
    done: float
    preview: int  # counts the previews; 0 is none yet
    picture: bytes | None


def key_of(secret: str) -> str:
    """What a room is called in the store and in jobs: who reads these cannot enter the room with it."""
    return hashlib.sha256(f"room {secret}".encode()).hexdigest()[:32]


class Rooms:
    """Entries by room, numbered; live statuses by job; and who is to be woken when either changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: defaultdict[str, dict[str, Live]] = defaultdict(dict)
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def append(self, room: str, entry: Entry, picture: NewBlob | None = None) -> None:
        """Add an entry, and the picture that it names."""
        await self._store.append(room, msgspec.json.encode(entry), picture)
        self._wake(room)

    async def raw(self, room: str, after: int) -> list[tuple[int, bytes]]:
        """Entries numbered above ``after``, as the JSON that they are stored as."""
        return await self._store.entries(room, after)

    async def entries(self, room: str) -> Sequence[Entry]:
        return [_entries.decode(entry) for _, entry in await self.raw(room, 0)]

    async def settled(self, room: str, job: str) -> bool:
        """Whether the room has a job's end already."""
        return any(isinstance(entry, Finished | Told) and entry.job == job for entry in await self.entries(room))

    def show(self, room: str, job: str, status: Status) -> None:
        """Keep how a job stands now."""
        old = self._live[room].get(job)
        count, picture = (old.preview, old.picture) if old else (0, None)
        if status.preview is not None and status.preview != picture:
            count, picture = count + 1, status.preview
        self._live[room][job] = Live(job, status.text, status.done, count, picture)
        self._wake(room)

    def settle(self, room: str, job: str) -> None:
        """Forget how a job stood: its end is among the entries."""
        if room in self._live:
            self._live[room].pop(job, None)
            if not self._live[room]:
                del self._live[room]

    def live(self, room: str) -> list[Live]:
        return list(self._live[room].values()) if room in self._live else []

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
