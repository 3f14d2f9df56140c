"""The time left as it is told: it goes down with the clock, stands still for a while, and rises only for a reason."""

from __future__ import annotations

BEHIND = 0.8  # of the estimate: told less than that, it stands still until it is right again
WRONG = 1.6  # times what is told, and `MATTERS` more: so far off, the truth is better than a steady number
MATTERS = 5.0  # seconds


class Steady:
    """Follows an estimate that wavers with the load of the machine: downwards at once by half, upwards hardly ever."""

    def __init__(self) -> None:
        self._told: float | None = None
        self._at = 0.0

    def begin(self) -> None:
        """Nothing was told yet."""
        self._told = None

    def tell(self, left: float, now: float) -> float:
        """What to tell of an estimate of ``left`` seconds at a time."""
        before, expected = self._told, self._expected(now)
        self._at = now
        if before is None or expected is None or left > max(WRONG * expected, expected + MATTERS):
            self._told = left
        elif left < expected:
            self._told = (left + expected) / 2
        elif expected < BEHIND * left:
            self._told = min(before, left)
        else:
            self._told = expected
        return self._told

    def _expected(self, now: float) -> float | None:
        return None if self._told is None else max(0.0, self._told - (now - self._at))
