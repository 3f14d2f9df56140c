"""Browsing the gallery in a chat: pages of contact sheets, of one tag or of all, and one style seen closer."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bot.core.errors import InvalidOrder
from bot.core.messages import Choice
from bot.engine_process import thumbnails
from engine.gallery import Gallery, Style

PER_SHEET = 9
SHEETS_KEPT = 32  # in memory, of some 400 KB


class GalleryView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody who browses sees; every step is a new one."""

    styles: tuple[str, ...]  # names; ``tag`` leaves some of them
    title: str = ""  # what was answered when they were looked for
    tag: str = ""
    page: int = 0
    closer: str = ""  # the style that is seen closer

    @classmethod
    def of(cls, choice: Choice) -> GalleryView:
        """The styles of an answer, and the first line that it says of them."""
        return cls(styles=tuple(card.name for card in choice.cards), title=choice.text.partition("\n")[0])

    def turned(self, by: int) -> GalleryView:
        return msgspec.structs.replace(self, page=self.page + by, closer="")

    def tagged(self, tag: str) -> GalleryView:
        """The styles of one tag; of all where it is empty."""
        return msgspec.structs.replace(self, tag=tag, page=0, closer="")

    def zoomed(self, style: str) -> GalleryView:
        """One style closer; the page again where it is empty."""
        return msgspec.structs.replace(self, closer=style)


class GalleryPage(NamedTuple):
    """One page of a view: the styles of one contact sheet."""

    styles: tuple[Style, ...]
    number: int  # from 0
    of: int  # pages
    found: int  # styles on all pages
    tags: dict[str, int]  # what the view may be narrowed to, with how many styles each has

    @property
    def where(self) -> str:
        """``page 2 of 4``; nothing where there is one page only."""
        return f"page {self.number + 1} of {self.of}" if self.of > 1 else ""


def page_of(view: GalleryView, gallery: Gallery, *, most_tags: int) -> GalleryPage:
    """The page that a view shows; pages count round.

    Raises:
        InvalidOrder: the gallery has none of these styles any more.
    """
    known = [gallery[name] for name in view.styles if gallery.find(name)]
    found = [style for style in known if not view.tag or view.tag in style.tags] or known
    sheets = pages(found)
    if not sheets:
        raise InvalidOrder("These styles are no longer in the gallery. /styles shows those that are.")
    at = view.page % len(sheets)
    return GalleryPage(tuple(sheets[at]), at, len(sheets), len(found), common_tags(known, most_tags))


def pages(styles: Sequence[Style]) -> list[list[Style]]:
    """The styles by contact sheets."""
    return [list(styles[at : at + PER_SHEET]) for at in range(0, len(styles), PER_SHEET)]


def common_tags(styles: Sequence[Style], most: int) -> dict[str, int]:
    """The tags that most of these styles have, and not all, with how many do; by name."""
    counts = Counter(tag for style in styles for tag in style.tags)
    common = sorted((tag for tag, n in counts.items() if n < len(styles)), key=lambda tag: (-counts[tag], tag))
    return {tag: counts[tag] for tag in sorted(common[:most])}


def fingerprint(styles: Sequence[Style]) -> str:
    """Changes when one of their pictures does."""
    return " ".join(f"{style.name}:{_version(style)}" for style in styles)


def _version(style: Style) -> str:
    path = style.preview
    found = path.stat() if path.is_file() else None
    return f"{path.parent.name}:{found.st_size}:{found.st_mtime_ns}" if found else "none"


class ContactSheets:
    """Contact sheets, made once and kept in memory."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, bytes] = OrderedDict()  # the latest used last
        self._making = asyncio.Lock()

    async def of(self, styles: Sequence[Style]) -> bytes | None:
        """The sheet of a page, JPEG; None where it cannot be made."""
        key = fingerprint(styles)
        async with self._making:
            data = self._made.pop(key, None) or await thumbnails.sheet(styles)
            if data is not None:
                self._made[key] = data
            while len(self._made) > SHEETS_KEPT:
                self._made.popitem(last=False)
        return data
