"""Whether an engine process has grown so much that it is better replaced, and nobody needs it at the moment."""

from __future__ import annotations

import os
import time
from pathlib import Path


class Rest:
    """One process, looked at while it has nothing to do.

    Args:
        growth: bytes that it may grow by after its first rest; 0 is no limit. Not from its start: what libraries and
            the first networks take differs between machines.
        seconds: that it must have rested: who has ordered often orders again.
    """

    def __init__(self, growth: int, seconds: float) -> None:
        self._growth, self._seconds = growth, seconds
        self._at_first: int | None = None  # bytes
        self._since: float | None = None  # when its last job ended

    def disturb(self) -> None:
        self._since = time.monotonic()

    def is_over(self, pid: int, kept: int = 0) -> bool:
        """Whether the process has grown too much, and has rested long enough to be replaced.

        Args:
            kept: bytes that it has on purpose, which are no growth.
        """
        if self._since is None or not self._growth:
            return False
        size = _memory(pid) - kept
        self._at_first = size if self._at_first is None else self._at_first
        rested = time.monotonic() - self._since >= self._seconds
        return rested and size - self._at_first > self._growth


def _memory(pid: int) -> int:
    """Bytes that a process has in memory; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return 0
