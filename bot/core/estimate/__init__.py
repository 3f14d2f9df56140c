"""How long a picture will take, learned from those before it, and saying so in honest words."""

from bot.core.estimate.clips import ClipOrder, clip_order, moving
from bot.core.estimate.going_on import GoingOn, Pictures
from bot.core.estimate.speed import (
    Duration,
    Estimator,
    in_words,
    is_quick,
    kind,
    memory,
    painted,
    quote,
    reduced,
    work,
)
from bot.core.estimate.steady import Steady

__all__ = [
    "ClipOrder",
    "Duration",
    "Estimator",
    "GoingOn",
    "Pictures",
    "Steady",
    "clip_order",
    "in_words",
    "is_quick",
    "kind",
    "memory",
    "moving",
    "painted",
    "quote",
    "reduced",
    "work",
]
