"""How much one person may ask for: a token bucket and a cap on open jobs. Pure: the clock is an argument."""

from __future__ import annotations

import math

import msgspec

from bot.core.errors import LimitReached
from bot.core.estimate import in_words


class _Bucket(msgspec.Struct):
    tokens: float
    at: float  # when it held that many


class Limits:
    """Every method is synchronous, so that a check and its spending are one step to everybody else.

    Args:
        open_jobs: pictures that one person may have waiting or being painted.
        burst: pictures that one person may order at once after a rest.
        per_minute: pictures that one person may order in a minute, in the long run.
    """

    def __init__(self, *, open_jobs: int = 3, burst: int = 6, per_minute: float = 6.0) -> None:
        self._open_jobs = open_jobs
        self._burst = burst
        self._per_second = per_minute / 60
        self._buckets: dict[str, _Bucket] = {}  # only those that are not full

    def check(self, user: str, open_jobs: int, now: float, wait_hint: float | None = None) -> None:
        """Refuse an order that is one too many.

        Args:
            open_jobs: the pictures that this person has waiting or being painted.
            now: seconds, from any clock that is always the same one.
            wait_hint: seconds until one of them is likely to be finished.

        Raises:
            LimitReached
        """
        if open_jobs >= self._open_jobs:
            wait = f" or wait {in_words(wait_hint)}" if wait_hint is not None else " or wait for one to be finished"
            many = f"{open_jobs} of your pictures are" if open_jobs != 1 else "1 of your pictures is"
            raise LimitReached(f"{many} waiting; the limit is {self._open_jobs}. Cancel one{wait}.")
        missing = 1 - self._tokens(user, now)
        if missing > 1e-9:  # a bucket filled for exactly long enough may lack a rounding error
            wait = in_words(math.ceil(missing / self._per_second))
            raise LimitReached(f"You are ordering too fast. Please wait {wait}.")

    def spend(self, user: str, now: float) -> None:
        """Take one order from the person's bucket."""
        self._set(user, self._tokens(user, now) - 1, now)

    def give_back(self, user: str, now: float) -> None:
        """Undo `spend`: the order came to nothing, and not by the person's doing."""
        self._set(user, self._tokens(user, now) + 1, now)

    def _tokens(self, user: str, now: float) -> float:
        bucket = self._buckets.get(user)
        if bucket is None:
            return self._burst
        # A clock that was set back must not empty anybody's bucket.
        return min(self._burst, bucket.tokens + max(0.0, now - bucket.at) * self._per_second)

    def _set(self, user: str, tokens: float, now: float) -> None:
        self._buckets[user] = _Bucket(tokens, now)
        if len(self._buckets) > 256:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again: they say nothing that an unknown person's would not."""
        full = [user for user in self._buckets if self._tokens(user, now) >= self._burst]
        for user in full:
            del self._buckets[user]
