"""The time that fine mode needs for what the paper's own method reaches: seconds until the same loss."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import NamedTuple

import msgspec
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fast.network import Network
from engine.fine.gatys import Step
from engine.fine.paint import paint as paint_fine
from engine.recipe import Init
from engine.train.measure.plain import Plain
from engine.train.measure.speed import fast_picture, in_turns, per_plain_step, recipe, timed

LONGEST = 512  # steps; the most that are tried


class Reached(msgspec.Struct, frozen=True):
    """What one way took to come down to a loss."""

    what: str
    steps: int  # over all scales
    seconds: float  # including those of a picture that it starts from
    loss: float  # above the first one's if it did not come down to it
    ratio: float | None  # of the first one's seconds to these; None if it did not come down to its loss


class Reach(NamedTuple):
    planned: int  # the scales share the steps, so that the plan decides the way
    steps: int
    loss: float


@dataclass(frozen=True)
class Fine:
    """Fine mode on one photo, (3, H, W)."""

    photo: Tensor
    style: Tensor
    encoder: Encoder
    network: Network
    init: Init | None = None  # the start, if it is not to be the default

    def run(self, planned: int) -> Iterator[Step]:
        """The steps of a plan of so many."""
        given = recipe(max(self.photo.shape[1:]), planned, init=self.init)
        start = fast_picture(self.network, self.photo) if given.init == "fast" else None
        return paint_fine(self.photo, [(self.style, 1.0)], given, self.encoder, start)

    def reach(self, plain: Plain, goal: float) -> Reach:
        """The shortest plan that comes down to a loss of ``goal`` at full size, and when; else the longest.

        The loss is that of the plain method, whatever fine mode itself looks at.
        """
        planned = recipe(max(self.photo.shape[1:]), init=self.init).steps or LONGEST
        while True:
            found = self._come_down(planned, plain, goal)
            if found.loss <= goal or planned >= LONGEST:
                return found
            planned = min(LONGEST, round(planned * 2**0.5))

    def _come_down(self, planned: int, plain: Plain, goal: float) -> Reach:
        found = Reach(planned, 0, float("inf"))
        for step in self.run(planned):
            if step.x.shape[2:] == self.photo.shape[1:]:
                found = Reach(planned, step.index, plain.loss_of_picture(step.x))
                if found.loss <= goal:
                    break
        return found

    def again(self, reach: Reach) -> None:
        """The same steps, without a look at the loss."""
        deque(takewhile(lambda step: step.index < reach.steps, self.run(reach.planned)), maxlen=0)


def to_same_loss(plain: Plain, fine: Fine, steps: int) -> list[Reached]:
    """The plain method with so many steps, then fine mode by default and from the photo; all take turns."""
    x, taken = plain.picture(steps)
    goal = plain.loss_of_picture(x)
    ways = {"fine mode": fine, "fine mode from the photo": replace(fine, init="photo")}
    reach = {what: way.reach(plain, goal) for what, way in ways.items()}
    # Every step of the plain method costs the same, so a few tell what all of them take.
    sides = {what: timed(partial(way.again, reach[what])) for what, way in ways.items()}
    seconds = in_turns({"plain": per_plain_step(plain), **sides})
    whole = taken * seconds["plain"]
    found = [Reached("the plain method", taken, whole, goal, 1.0)]
    for what, (_, count, loss) in reach.items():
        ratio = whole / seconds[what] if loss <= goal else None
        found.append(Reached(what, count, seconds[what], loss, ratio))
    return found
