"""The speed of each mode, learned from the pictures before, and times in honest words."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable

import msgspec

from bot.core.estimate.clips import ClipOrder
from bot.core.jobs import Job
from engine.recipe import Memory, Recipe, optimised_size
from engine.wire import most_frames

# Engine seconds for one step (outside fine mode: one picture) over one megapixel, before anything was learned, on two
# CPU cores. At 512 x 384 fine mode with the slim encoder took 10 to 25 s on different days, with the full one about
# three times as long; at 512 x 512 fast mode took 0.3 s and universal little more.
# The modes of the laboratory that optimise take about as long for a step; a strip or a grid has several pictures, and
# what has no steps paints some in fast mode: thirty of 224 x 168 in 2 s, more where there are faces.
FIRST_GUESS = {
    "fast": 1.5,
    "universal": 2.0,
    **{f"{mode}/slim": 1.4 for mode in ("fine", "content", "texture", "dream", "grid", "explain")},
    **{f"{mode}/full": 4.6 for mode in ("fine", "content", "texture", "dream", "grid", "explain")},
    "sheet": 70.0,
    "sheet of one": 55.0,
    "suggest": 6.0,
    "like": 2.0,
    "map": 2.0,
}
QUICK_SECONDS = 20.0  # the longest that a picture may be likely to take, and keep a long one waiting
MUCH_MEMORY = 10**9  # bytes, from which on that is said as well
LONG_SECONDS = 60.0  # what takes longer is said how long in advance
# A step at the full size takes as long as so many over all scales as there are times this many pixels in its long
# side: 90 steps up to 512, 768, 1024, 2048 pixels paint as many pixels as 33, 22, 18, 8 of the last size.
COARSEST = 192
KEPT = 60  # of each kind; older ones were perhaps painted on another machine
NEAREST = 9


class Duration(msgspec.Struct, frozen=True):
    """What one picture took."""

    kind: str  # mode and, in fine mode, encoder: what has a speed of its own
    work: float  # steps x megapixels
    seconds: float


def kind(recipe: Recipe) -> str:
    if recipe.mode == "sheet" and recipe.styles:
        return "sheet of one"
    if recipe.mode == "variations":
        return recipe.mode
    return f"{recipe.mode}/{recipe.encoder}" if recipe.encoder else str(recipe.mode)


def work(recipe: Recipe, begun: int = -1) -> float:
    """Steps x megapixels of a complete recipe, for a photo of 4:3 that is no smaller: only the engine knows better.

    Args:
        begun: see `GoingOn.begun`.
    """
    height, width = optimised_size(recipe, round((recipe.size or 0) * 0.75), recipe.size or 0)
    steps: float = recipe.steps or 1 if recipe.rules.optimises else 1
    at_full_size = max(1.0, width / COARSEST)
    if recipe.plain == "yes":
        steps *= at_full_size
    if begun >= 0:
        steps = 0
    steps += at_full_size * sum(more.steps for more in (recipe.then or ())[max(0, begun) :])
    if recipe.zoom and width:  # frames that are not painted take their steps with them
        steps *= min(1.0, max(2, most_frames("dream", height, width)) / recipe.zoom)
    return steps * width * height / 1e6


def is_quick(job: Job) -> bool:
    """Whether a job is done in one pass, and soon: it is painted between two steps of a long one."""
    return not job.recipe.rules.optimises and job.cost <= QUICK_SECONDS


def quote(job: Job) -> str:
    """What a long job will cost, for who has ordered it: nothing of one that is not long."""
    if job.cost < LONG_SECONDS:
        return ""
    size = f" at {job.recipe.size} pixels" if job.recipe.size else ""
    memory = f" and up to {job.memory / 1e9:.1f} GB of memory" if job.memory >= MUCH_MEMORY else ""
    return f"{in_words(job.cost)} of painting{size}{memory}"


def memory(recipe: Recipe, there: Memory) -> int:
    """Bytes that a complete recipe is likely to need, for a photo of 4:3 that is no smaller."""
    width = recipe.size or 0
    return there.needed(recipe, round(width * 0.75), width)


def reduced(recipe: Recipe, there: Memory) -> str:
    """What to say in advance where the engine is likely to reduce a picture for want of memory."""
    width = recipe.size or 0
    if there.suffices(recipe, round(width * 0.75), width):
        return ""
    return f"Memory is short for {width} pixels, so it is likely to be painted at {width // 2}."


CLIP = "clip"  # what the kind of an animation ends in: its work is frames x megapixels


def painted(job: Job, seconds: float) -> Duration:
    """What a job took that is PAINTED."""
    recipe = job.recipe
    if job.moves and recipe.clip != "yes" and recipe.frames:
        return Duration(f"{kind(recipe)} {CLIP}", recipe.frames * job.height * job.width / 1e6, seconds)
    return Duration(kind(recipe), work(recipe), seconds)


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

    def seconds(self, recipe: Recipe, clip: ClipOrder | None = None, begun: int = -1) -> float:
        """Engine seconds that a complete recipe is likely to take, for a photo or a clip.

        Args:
            begun: see `GoingOn.begun`.
        """
        if clip is not None:
            guess = clip.seconds(recipe.mode or "fast") / max(clip.megapixels, 1e-6)
            return self._like(f"{kind(recipe)} {CLIP}", clip.megapixels, guess)
        return self._like(kind(recipe), work(recipe, begun), FIRST_GUESS.get(kind(recipe), 1.0))

    def _like(self, kind: str, work: float, guess: float) -> float:
        """The seconds of so much work; ``guess`` is its speed where nothing was learned."""
        much = max(work, 1e-6)
        past = self._past.get(kind, ())
        # Small pictures cost more per pixel than large ones, so only the nearest in work have a say.
        near = sorted(past, key=lambda d: abs(math.log(d.work / much)))[:NEAREST]
        speed = statistics.median(d.seconds / d.work for d in near) if near else guess
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
