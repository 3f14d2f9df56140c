"""A person's pictures: found among the messages of their rooms, marked, shared and deleted."""

from __future__ import annotations

import secrets

import msgspec

from bot.chat.web.door.errors import HttpError
from bot.chat.web.entries import Answer, Finished, decode
from bot.chat.web.feed import RoomFeed
from bot.core.journal.rows.albums import OWNER, Mark
from bot.core.journal.store import Store

MOST = 500  # pictures, the newest
GONE = "This picture is no longer kept."


class Kept(msgspec.Struct, frozen=True):
    """One picture of somebody's."""

    room: str
    at: float  # epoch seconds
    entry: Finished
    mark: Mark


class SharedPicture(msgspec.Struct, frozen=True):
    """A picture that somebody shows to everybody who has its address."""

    picture: str
    entry: Finished


class Album:
    """Looks at the journal anew each time: what a tab deletes, or time, is gone here too."""

    def __init__(self, store: Store, feed: RoomFeed) -> None:
        self._store = store
        self._feed = feed

    async def pictures(self, owner: str) -> list[Kept]:
        """Newest first; without the sheets that the page orders for itself."""
        entries, marks = await self._store.album(owner)
        decoded = [(room, at, decode(entry)) for room, at, entry in entries]
        for_itself = {entry.job for _, _, entry in decoded if isinstance(entry, Answer) and entry.is_hidden}
        kept = [
            Kept(room, at, entry, marks.get(entry.picture, Mark()))
            for room, at, entry in decoded
            if isinstance(entry, Finished) and entry.job not in for_itself
        ]
        return kept[: -MOST - 1 : -1]

    async def mark(self, owner: str, picture: str, *, starred: bool | None, shared: bool | None) -> Mark:
        """Star and share a picture, or not any more. What was shared once gets another address the next time.

        Raises:
            HttpError: it is not this person's.
        """
        await self.check(owner, picture)
        _, marks = await self._store.album(owner)
        mark = marks.get(picture, Mark())
        if starred is not None:
            mark = msgspec.structs.replace(mark, starred=starred)
        if shared is not None:
            mark = msgspec.structs.replace(mark, share=(mark.share or secrets.token_urlsafe(18)) if shared else None)
        await self._store.mark(picture, mark)
        return mark

    async def delete(self, owner: str, pictures: set[str]) -> int:
        """Delete these of a person's pictures, with their jobs, from every page that shows them; how many."""
        chosen = [kept for kept in await self.pictures(owner) if kept.entry.picture in pictures]
        for kept in chosen:
            await self._store.delete(kept.entry.job)
            await self._feed.delete_job(kept.room, kept.entry.job, secrets.token_hex(16))
        return len(chosen)

    async def check(self, owner: str, picture: str) -> None:
        """
        Raises:
            HttpError: the picture is not this person's.
        """
        info = await self._store.blob_info(picture)
        if not owner or info is None or await self._store.setting(info.room, OWNER) != owner:
            raise HttpError(404, GONE)

    async def shared(self, share: str) -> SharedPicture | None:
        """What may be seen by this secret."""
        found = await self._store.shared(share)
        if found is None:
            return None
        room, picture = found
        entries = await self._feed.entries(room)
        entry = next((e for e in entries if isinstance(e, Finished) and e.picture == picture), None)
        return SharedPicture(picture, entry) if entry else None
