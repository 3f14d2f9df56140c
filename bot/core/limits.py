"""How much one person may ask for: token buckets of orders and of engine seconds, and a cap on open jobs.

Who orders faster than the rate is not refused: the picture waits until its turn has come.

Pure: the clock is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from bot.core.errors import LimitReached
from bot.core.estimate import in_words

FORGET_FROM = 256  # buckets
LOOKS = 3  # times as many as pictures


class _Bucket(msgspec.Struct):
    tokens: float
    at: float  # when it held that many


class _Buckets:
    """One for every person, which fills up at a steady rate."""

    def __init__(self, most: float, per_second: float) -> None:
        self.most = most
        self.per_second = per_second
        self._buckets: dict[str, _Bucket] = {}  # those that are not full, and some that are again
        self._forget_from = FORGET_FROM

    def __len__(self) -> int:
        return len(self._buckets)

    def tokens(self, user: str, now: float) -> float:
        bucket = self._buckets.get(user)
        if bucket is None:
            return self.most
        # A clock that was set back must not empty anybody's bucket.
        return min(self.most, bucket.tokens + max(0.0, now - bucket.at) * self.per_second)

    def wait(self, user: str, wanted: float, now: float) -> float:
        """Seconds until that many are there."""
        missing = wanted - self.tokens(user, now)
        return missing / self.per_second if missing > 1e-9 else 0.0  # one filled long enough may lack a rounding error

    def take(self, user: str, number: float, now: float) -> None:
        """Take some out; a negative number puts them back."""
        self._buckets[user] = _Bucket(self.tokens(user, now) - number, now)
        if len(self._buckets) > self._forget_from:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again: they say nothing that an unknown person's would not."""
        full = [user for user in self._buckets if self.tokens(user, now) >= self.most]
        for user in full:
            del self._buckets[user]
        # Twice what is left: all are looked through once in so many orders, and not with every one.
        self._forget_from = max(FORGET_FROM, 2 * len(self._buckets))


class Limits:
    """Every method is synchronous, so that a check and its spending are one step to everybody else.

    A *look*, a sheet of small pictures to choose from, is no picture to the rate, and has one of its own.

    Args:
        open_jobs: pictures that one person may have waiting or being painted.
        burst: pictures that one person may order at once after a rest.
        per_minute: pictures that one person may order in a minute, in the long run.
        engine_minutes: of the engine's time that one person may order in an hour.
        free: what the names of those begin with who have no limits, such as ``web:``.
    """

    def __init__(
        self,
        *,
        open_jobs: int = 3,
        burst: int = 6,
        per_minute: float = 6.0,
        engine_minutes: float = math.inf,
        free: tuple[str, ...] = (),
    ) -> None:
        self._free = free
        self._open_jobs = open_jobs
        self._orders = _Buckets(burst, per_minute / 60)
        self._looks = _Buckets(LOOKS * burst, LOOKS * per_minute / 60)
        seconds = engine_minutes * 60
        self._seconds = _Buckets(seconds, seconds / 3600) if math.isfinite(seconds) else None

    @property
    def open_jobs(self) -> int:
        return self._open_jobs

    @property
    def burst(self) -> int:
        return int(self._orders.most)

    @property
    def per_minute(self) -> float:
        return self._orders.per_second * 60

    def change(
        self, *, open_jobs: int | None = None, burst: int | None = None, per_minute: float | None = None
    ) -> None:
        """What is given is so from now on; what was used up before stays used up."""
        self._open_jobs = open_jobs or self._open_jobs
        for buckets, times in ((self._orders, 1), (self._looks, LOOKS)):
            buckets.most = times * burst if burst else buckets.most
            buckets.per_second = times * per_minute / 60 if per_minute else buckets.per_second

    def check(
        self,
        user: str,
        open_jobs: int,
        now: float,
        wait_hint: Callable[[], float | None] = lambda: None,
        seconds: float = 0.0,
    ) -> None:
        """Refuse an order that is one too many.

        Args:
            open_jobs: the pictures that this person has waiting or being painted.
            now: seconds, from any clock that is always the same one.
            wait_hint: seconds until one of them is likely to be finished.
            seconds: that the order is likely to keep the engine busy.

        Raises:
            LimitReached
        """
        if user.startswith(self._free):
            return
        if open_jobs >= self._open_jobs:
            hint = wait_hint()
            wait = f" or wait {in_words(hint)}" if hint is not None else " or wait for one to be finished"
            many = f"{open_jobs} of your pictures are" if open_jobs != 1 else "1 of your pictures is"
            raise LimitReached(f"{many} waiting; the limit is {self._open_jobs}. Cancel one{wait}.")
        if self._seconds is not None:
            self._check_seconds(self._seconds, user, seconds, now)

    def _check_seconds(self, buckets: _Buckets, user: str, seconds: float, now: float) -> None:
        takes = f"This picture would keep the engine busy for {in_words(seconds)}"
        limit = f"the limit for one person is {in_words(buckets.most)} in an hour"
        if seconds > buckets.most:
            raise LimitReached(f"{takes}; {limit}. Try a smaller size=, or fewer steps=.")
        if missing := buckets.wait(user, seconds, now):
            raise LimitReached(f"{takes}; {limit}. Please wait {in_words(missing)}, or try a smaller size=.")

    def spend(self, user: str, now: float, seconds: float = 0.0, *, look: bool = False) -> float:
        """Take one order, and what it is likely to cost, out of the person's allowance.

        Returns:
            Seconds until the rate allows the order.
        """
        if user.startswith(self._free):
            return 0.0
        buckets = self._of(look)
        wait = buckets.wait(user, 1, now)
        if buckets.tokens(user, now) > -(buckets.most + self._open_jobs):
            buckets.take(user, 1, now)  # who orders and cancels again and again owes no more
        self.give_seconds_back(user, now, -seconds)
        return wait

    def _of(self, look: bool) -> _Buckets:
        return self._looks if look else self._orders

    def wait(self, user: str, now: float, *, look: bool = False) -> float:
        """Seconds until the rate allows one more order."""
        return 0.0 if user.startswith(self._free) else self._of(look).wait(user, 1, now)

    def give_back(self, user: str, now: float, seconds: float = 0.0, *, look: bool = False) -> None:
        """Undo `spend`: the order came to nothing, not by the person's doing, or there was nothing to paint."""
        if user.startswith(self._free):
            return
        self._of(look).take(user, -1, now)
        self.give_seconds_back(user, now, seconds)

    def give_seconds_back(self, user: str, now: float, seconds: float) -> None:
        """What an order was charged and did not take; negative, what it took beyond."""
        if self._seconds is not None and not user.startswith(self._free):
            self._seconds.take(user, -seconds, now)
