"""The gallery in pages, each of them one picture: for chats in which many small pictures would be a mess."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence

from bot import prints
from engine.gallery import Style

PER_SHEET = 9
KEPT = 32  # sheets in memory, of some 400 KB


def pages(styles: Sequence[Style]) -> list[list[Style]]:
    """The styles by sheets."""
    return [list(styles[at : at + PER_SHEET]) for at in range(0, len(styles), PER_SHEET)]


def kinds(styles: Sequence[Style], most: int) -> dict[str, int]:
    """The tags that most of these styles have, and not all, with how many do; by name."""
    counts = Counter(tag for style in styles for tag in style.tags)
    common = sorted((tag for tag, n in counts.items() if n < len(styles)), key=lambda tag: (-counts[tag], tag))
    return {tag: counts[tag] for tag in sorted(common[:most])}


def look(styles: Sequence[Style]) -> str:
    """Changes when one of their pictures does."""
    return " ".join(f"{style.name}:{_state(style)}" for style in styles)


def _state(style: Style) -> str:
    path = style.preview
    found = path.stat() if path.is_file() else None
    return f"{path.parent.name}:{found.st_size}:{found.st_mtime_ns}" if found else "none"


class Sheets:
    """Contact sheets, made once and kept in memory."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, bytes] = OrderedDict()  # the latest used last
        self._making = asyncio.Lock()

    async def of(self, styles: Sequence[Style]) -> bytes | None:
        """The sheet of a page, JPEG; None where it cannot be made."""
        key = look(styles)
        async with self._making:
            data = self._made.pop(key, None) or await prints.sheet(styles)
            if data is not None:
                self._made[key] = data
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        return data
