"""A figure that many ask for and that takes its time to add up: it is as fresh as it is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

PART_SECONDS = 1e-4  # for each thing that was added up: of a thousand the figure is up to a tenth of a second old


class Lately:
    """The sum of what ``parts`` gives, added up again when it may have become too old. Nothing at all is never old."""

    def __init__(self, parts: Callable[[], Sequence[float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._clock = clock
        self._sum = 0.0
        self._until = 0.0

    def __call__(self) -> float:
        now = self._clock()
        if now >= self._until:
            parts = self._parts()
            self._sum, self._until = sum(parts), now + PART_SECONDS * len(parts)
        return self._sum
