"""How long a picture will take, learned from those before it, and saying so in honest words."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

import msgspec

from engine.recipe import Recipe

# Engine seconds for one step (outside fine mode: one picture) over one megapixel, before anything was learned, on two
# CPU cores. At 512 x 384 fine mode with the slim encoder took 10 to 25 s on different days, with the full one about
# three times as long; at 512 x 512 fast mode took 0.3 s and universal 0.95 s.
FIRST_GUESS = {"fast": 1.5, "universal": 4.0, "fine/slim": 1.4, "fine/full": 4.6}
KEPT = 60  # of each kind; older ones were perhaps painted on another machine
NEAREST = 9


class Duration(msgspec.Struct, frozen=True):
    """What one picture took."""

    kind: str  # mode and, in fine mode, encoder: what has a speed of its own
    work: float  # steps x megapixels
    seconds: float


def kind(recipe: Recipe) -> str:
    return f"{recipe.mode}/{recipe.encoder}" if recipe.encoder else str(recipe.mode)


def work(recipe: Recipe) -> float:
    """Steps x megapixels of a complete recipe, for a photo of 4:3 that is no smaller: only the engine knows better."""
    megapixels = (recipe.size or 0) ** 2 * 0.75 / 1e6
    return (recipe.steps or 1) * megapixels


class Estimator:
    """Engine seconds by recipe: the median speed of the pictures that were most like it in size."""

    def __init__(self, history: Iterable[Duration] = ()) -> None:
        self._past: dict[str, deque[Duration]] = {}
        for duration in history:
            self.learn(duration)

    def learn(self, duration: Duration) -> None:
        """Add what a picture took; the newest come last."""
        if duration.work > 0 and duration.seconds > 0:
            self._past.setdefault(duration.kind, deque(maxlen=KEPT)).append(duration)

    def seconds(self, recipe: Recipe) -> float:
        """Engine seconds that a complete recipe is likely to take."""
        much = max(work(recipe), 1e-6)
        past = self._past.get(kind(recipe), ())
        # Small pictures cost more per pixel than large ones, so only the nearest in work have a say.
        near = sorted(past, key=lambda d: abs(math.log(d.work / much)))[:NEAREST]
        speed = statistics.median(d.seconds / d.work for d in near) if near else FIRST_GUESS.get(kind(recipe), 1.0)
        return speed * much


def in_words(seconds: float) -> str:
    """A time as one would say it: ``a moment``, ``a few seconds``, ``about 40 s``, ``about 3 min``, ``about 2 h``."""
    if seconds < 2:
        return "a moment"
    if seconds < 5:
        return "a few seconds"
    if seconds < 90:
        step = 5 if seconds < 30 else 10
        return f"about {round(seconds / step) * step} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
