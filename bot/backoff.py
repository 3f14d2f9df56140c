"""Back-off: pauses between tries, every one twice the one before it, up to a longest."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses without end, in seconds."""

    first: float = 1.0
    longest: float = 60.0

    def __iter__(self) -> Iterator[float]:
        pause = self.first
        while True:
            yield pause
            pause = min(2 * pause, self.longest)
