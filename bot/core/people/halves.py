"""Half an order: words that wait for their photo, or a photo that waits for its words; kept in the journal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bot.core.jobs import Job
from bot.core.journal.store import Store
from bot.core.messages import Incoming

KEY = "half"  # under which the store keeps them, by person
KEPT_SECONDS = 3600.0  # a photo of the day after is not meant for them
KIND = "application/octet-stream"  # of a photo that nobody has looked into


class Half(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one person has said in one room of an order that is not complete."""

    at: float  # seconds since the epoch
    words: str = ""  # as a recipe line has them
    photo: str = ""  # the store's name for it


class Halves:
    """The newest half of every person, by room.

    A photo is kept only where nobody else is in the room.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def keep_words(self, incoming: Incoming, words: str) -> None:
        """These words are for the person's next photo."""
        await self._keep(incoming, Half(at=self._clock(), words=words))

    async def keep_photo(self, incoming: Incoming, words: str = "") -> None:
        """This photo is for the person's next words, and these words are for the next photo."""
        photo = ""
        if incoming.photo is not None and incoming.own_room:
            photo = await self._store.put_blob(incoming.place.room, KIND, incoming.photo)
        if photo or words:
            await self._keep(incoming, Half(at=self._clock(), words=words, photo=photo))

    async def words(self, incoming: Incoming) -> str:
        """The words that wait for a photo; empty where there are none."""
        return (await self._half(incoming)).words

    async def photo(self, incoming: Incoming) -> bytes | None:
        """The photo that waits for words."""
        half = await self._half(incoming)
        blob = await self._store.blob(half.photo) if half.photo else None
        return blob.data if blob and blob.room == incoming.place.room else None

    async def forget(self, incoming: Incoming) -> None:
        """The order is complete."""
        await self._store.set_setting(incoming.place.room, _key(incoming), None)

    async def ordered(self, incoming: Incoming) -> Job | None:
        """The job that this very message became, where it comes again and its half is gone."""
        key = incoming.idempotency_key
        return await self._store.job_by_key(key) if key else None

    async def _half(self, incoming: Incoming) -> Half:
        kept = await self._store.setting(incoming.place.room, _key(incoming))
        half = msgspec.json.decode(kept, type=Half) if kept else Half(at=0.0)
        return half if self._clock() - half.at < KEPT_SECONDS else Half(at=0.0)

    async def _keep(self, incoming: Incoming, half: Half) -> None:
        await self._store.set_setting(incoming.place.room, _key(incoming), msgspec.json.encode(half).decode())


def _key(incoming: Incoming) -> str:
    return f"{KEY} {incoming.user}"
