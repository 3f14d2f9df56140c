"""How long a picture will take, learned from those before it, and saying so in honest words."""

from bot.core.estimate.clips import ClipOrder, clip_order, moving
from bot.core.estimate.speed import Duration, Estimator, in_words, kind, painted, work

__all__ = ["ClipOrder", "Duration", "Estimator", "clip_order", "in_words", "kind", "moving", "painted", "work"]
