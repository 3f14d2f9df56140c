"""Finished fine pictures as the optimiser left them, kept for a while, so that who wants more need not begin anew.

Between two parts of a recipe's then= nothing is carried over but the pixels: the optimiser begins every round without
a memory, and targets and random numbers follow from the recipe and the place in it. So what goes on from a canvas is,
to the bit, what is painted from the start; only the time differs.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from torch import Tensor

from engine.fine.gatys import Step
from engine.recipe import More, Recipe, optimised_size
from engine.wire import KEPT_SECONDS, MOST_KEPT, MOST_KEPT_BYTES
from engine.work import Work, named


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the beginning of a recipe has led to."""

    x: Tensor  # (1, 3 or 1, H, W) in float32, on the CPU
    after: int  # how many parts of then= are done
    steps: int  # that were taken
    strength: int | None  # with which it was painted last, if that is not the recipe's own
    notes: tuple[str, ...]  # sentences for the person that hold of it

    @property
    def size(self) -> int:
        """Bytes."""
        return self.x.numel() * self.x.element_size()


class Canvases:
    """The latest of them: so many, so large, and so long.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Canvas]] = OrderedDict()  # since when; the latest used last

    @property
    def size(self) -> int:
        """Bytes of all."""
        return sum(canvas.size for _, canvas in self._kept.values())

    def find(self, work: Work) -> Canvas | None:
        """The furthest of what the recipe begins with. Not its end: who asks for that wants it painted."""
        self.tidy()
        then = work.recipe.then or ()
        for after in reversed(range(len(then))):
            name = _name(work, then[:after])
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name][1]
        return None

    def keep(self, work: Work, last: Step) -> None:
        """Keep what the last step of a picture has led to."""
        if last.raw.shape[-2:] != optimised_size(work.recipe, work.p.shape[1], work.p.shape[2]):
            return  # memory ran out, and this is no beginning of anything
        then = work.recipe.then or ()
        strength = work.recipe.last_strength if then else None
        canvas = Canvas(last.raw.detach().clone().cpu(), len(then), last.index, strength, tuple(work.notes))
        self._kept[_name(work, then)] = self._clock(), canvas
        self._kept.move_to_end(_name(work, then))
        self.tidy()

    def tidy(self) -> int:
        """Let go what is too old, and what is too much; how many bytes are left."""
        oldest = self._clock() - KEPT_SECONDS
        self._kept = OrderedDict((name, kept) for name, kept in self._kept.items() if kept[0] > oldest)
        while len(self._kept) > MOST_KEPT or self.size > self._most:
            self._kept.popitem(last=False)
        return self.size

    def forget(self) -> None:
        """Let go of all."""
        self._kept.clear()


def _name(work: Work, then: tuple[More, ...]) -> str:
    return named(work.p, work.mine, _painted(work.recipe, then))


def _painted(recipe: Recipe, then: tuple[More, ...]) -> Recipe:
    """The recipe as far as x depends on it."""
    return msgspec.structs.replace(recipe, then=then or None, alpha=None, frames=None, clip=None)
