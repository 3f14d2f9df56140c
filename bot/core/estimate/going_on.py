"""Which fine pictures the engine is likely to have kept: an order that goes on from one costs the rest alone."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from engine.recipe import More, Recipe, line, optimised_size
from engine.wire import KEPT_SECONDS, MOST_KEPT, MOST_KEPT_BYTES

CHANNELS_BYTES = 3 * 4  # of a pixel that is kept


class Pictures(NamedTuple):
    """What a picture is painted of."""

    photo: bytes | None
    style: bytes | None = None


class _Kept(NamedTuple):
    since: float
    size: int  # bytes
    sides: tuple[int | None, int | None]  # the long side in pixels, as it was ordered and as it was painted


class GoingOn:
    """As `engine.fine.canvases` keeps them in each of the workers; that one of these was restarted is not known here.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[bytes, tuple[More, ...]], _Kept] = OrderedDict()  # the latest used last

    def painted(self, of: Pictures, ordered: Recipe, recipe: Recipe, size: tuple[int, int], workers: int) -> None:
        """A picture is done.

        Args:
            ordered: its complete recipe before it was painted.
            size: (height, width) in pixels.
            workers: each of whom keeps some.
        """
        if recipe.mode != "fine" or recipe.strength == 0:
            return
        key = picture_of(ordered, of), recipe.then or ()
        self._kept.pop(key, None)
        self._kept[key] = _Kept(
            self._clock(), CHANNELS_BYTES * math.prod(optimised_size(recipe, *size)), (ordered.size, recipe.size)
        )
        self._tidy(max(1, workers))

    def begun(self, of: Pictures, recipe: Recipe) -> int:
        """How many parts of then= are likely to be painted already, and all before them; -1 if nothing is."""
        then = recipe.then or () if recipe.clip != "yes" else ()  # which shows all of it
        picture = picture_of(recipe, of) if then and self._kept else b""
        for after in reversed(range(len(then))):
            kept = self._kept.get((picture, then[:after]))
            if kept and recipe.size in kept.sides and self._clock() - kept.since < KEPT_SECONDS:
                return after
        return -1

    def forget(self) -> None:
        self._kept.clear()

    def _tidy(self, workers: int) -> None:
        most, size = MOST_KEPT * workers, MOST_KEPT_BYTES * workers
        while len(self._kept) > most or sum(kept.size for kept in self._kept.values()) > size:
            self._kept.popitem(last=False)


def picture_of(recipe: Recipe, of: Pictures) -> bytes:
    """What two orders have in common of which one goes on with the other. The size is known when it is painted."""
    begun = msgspec.structs.replace(recipe, then=None, size=None, alpha=None, frames=None, clip=None)
    digest = hashlib.blake2b(line(begun).encode(), digest_size=16)
    for picture in of:
        digest.update(picture or b"")
    return digest.digest()
