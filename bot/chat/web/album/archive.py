"""Many pictures as one ZIP, written while it is sent: never more of it in memory than a part of one picture."""

from __future__ import annotations

import time
import zipfile
from collections.abc import AsyncIterator, Iterable

from bot.chat.web.album.pictures import Kept
from bot.chat.web.door.sending import PART
from bot.core.journal.store import Store


class Incomplete(Exception):
    """A picture was deleted while it was read: the file must not look as if it were whole."""


class _Out:
    """Where the ZIP is written to: it cannot be turned back, so sizes come after what they are of."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def taken(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


async def zipped(store: Store, pictures: Iterable[Kept]) -> AsyncIterator[bytes]:
    """The ZIP in parts. What is gone by now is left out.

    Raises:
        Incomplete
    """
    out, names = _Out(), set[str]()
    with zipfile.ZipFile(out, "w") as archive:  # stored: pictures are compressed already
        for kept in pictures:
            info = await store.blob_info(kept.entry.picture)
            if info is None:
                continue
            about = zipfile.ZipInfo(unused(kept.entry.file, names), time.localtime(kept.at)[:6])
            about.file_size = info.size
            with archive.open(about, "w") as file:
                for start in range(0, info.size, PART):
                    data = await store.blob_part(kept.entry.picture, start, min(PART, info.size - start))
                    if not data:
                        raise Incomplete
                    file.write(data)
                    yield out.taken()
    yield out.taken()


def unused(name: str, used: set[str]) -> str:
    """The name, or with a number the first that is not used; it is used then."""
    stem, _, ending = name.rpartition(".")
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{stem}-{number}.{ending}"
    used.add(free)
    return free
