"""Painting a picture in one piece, or a large one in tiles that share the moments of the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor

from engine.fast.network import STRIDE, Moments

WHOLE = 3_000_000  # pixels that are painted in one piece; a larger picture is painted in tiles
TILE = 1024  # pixels, side of a tile without its margin
MARGIN = 136  # pixels around a tile; what a pixel of the result depends on is 130 away at most
PATCH = 256  # pixels, side of the patches from which a large picture's moments are taken
PATCHES = 32

Place = Any  # an index into (1, N, H, W)
# Paints the places of a picture, all of the same size, into (places, 3, h, w); moments as for `Network.forward`.
Run = Callable[[Sequence[Place], list[Moments] | None], Tensor]


def in_pieces(x: Tensor, run: Run) -> Iterator[tuple[float, Tensor]]:
    """The picture x (1, 3, H, W), painted; H and W are multiples of `STRIDE`.

    Yields:
        (share done, the picture so far); the last is whole.
    """
    height, width = x.shape[-2:]
    if height * width <= WHOLE:
        yield 1.0, run([...], None)
        return
    canvas = x.clone()
    # Those of a reduced copy would be moments of finer detail, and the tiles would come out pale.
    moments: list[Moments] = []
    run(patches(height, width), moments)
    yield 0.1, canvas
    places = list(tiles(height, width))
    for count, (outer, inner, within) in enumerate(places, 1):
        canvas[inner] = run([outer], moments)[within]
        yield 0.1 + 0.9 * count / len(places), canvas


def patches(height: int, width: int) -> list[Place]:
    """Patches that lie evenly over the whole picture."""
    rows = max(1, round(math.sqrt(PATCHES * height / width)))
    columns = max(1, PATCHES // rows)

    def spread(length: int, count: int) -> list[int]:
        step = (length - PATCH) / max(1, count - 1)
        return [int(i * step) // STRIDE * STRIDE for i in range(count)]

    places = [(top, left) for top in spread(height, rows) for left in spread(width, columns)]
    return [(..., slice(top, top + PATCH), slice(left, left + PATCH)) for top, left in places]


def tiles(height: int, width: int) -> Iterator[tuple[Place, Place, Place]]:
    """Each tile as indices into (1, N, H, W): (what to read, what to write, where the latter is in the former)."""

    def along(length: int) -> list[tuple[slice, slice, slice]]:
        found = []
        for begin in range(0, length, TILE):
            end = min(begin + TILE, length)
            first, last = max(0, begin - MARGIN), min(length, end + MARGIN)
            found.append((slice(first, last), slice(begin, end), slice(begin - first, end - first)))
        return found

    for rows in along(height):
        for columns in along(width):
            yield tuple((..., one, other) for one, other in zip(rows, columns, strict=True))  # type: ignore[misc]
