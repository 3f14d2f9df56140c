"""Fine mode for moving pictures, after Ruder, Dosovitskiy & Brox (2016), "Artistic style transfer for videos".

Each frame starts from the one before, warped, and is tied to it where the flow is trusted; to earlier ones where only
those show what it shows (section 4.3). Further passes go back and forth over the clip (section 4.4).

Departures: a frame has far fewer steps, since it starts near its end; the first of a scene is painted as a still is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.fine.gatys import Step
from engine.fine.scales import Scale
from engine.motion.flow import Motion, motion, warped
from engine.recipe import Recipe
from engine.tensors import luminance_only, resize

GAMMA = 30.0  # weight of the temporal loss against beta = 1
LONG_TERM = (1, 2, 4)  # frames back, as in the paper but for those beyond
SHARE = 1 / 3  # of a still's steps, for a frame that starts from the one before
PASSES = 2  # more, back and forth
PASS_SHARE = 1 / 8  # of a still's steps, in each of them
BLEND = 0.5  # of the neighbour, where a further pass starts: the paper's delta

Frames = Sequence[Tensor]  # (3, H, W) uint8 each
# Paints a frame (3, H, W): its start, if any, the scales and one more loss; the steps.
PaintFrame = Callable[[Tensor, Tensor | None, list[Scale] | None, Callable[[Tensor], Tensor] | None], Iterator[Step]]
Begin = Callable[[Tensor], Tensor]  # what a still of a frame (3, H, W) starts from, (1, 3, H, W)


class Reached(NamedTuple):
    """A frame is painted, or a step of it is done."""

    at: int  # which frame
    x: Tensor  # (1, 3, H, W) in 0..1
    done: float  # share of the whole work
    note: str
    text: str


def paint(
    frames: Frames, recipe: Recipe, paint_frame: PaintFrame, begin: Begin, on: torch.device
) -> Iterator[Reached]:
    """Every frame once, and again in each further pass."""
    clip = _Clip(frames, recipe, paint_frame, begin, on)
    count = len(frames)
    work = [1.0] + [SHARE] * (count - 1) + [PASS_SHARE] * (PASSES * (count - 1))
    order = list(range(count))
    for number in range(PASSES):
        order += reversed(range(count - 1)) if number % 2 == 0 else range(1, count)
    for turn, index in enumerate(order):
        number = 0 if turn < count else 1 + (turn - count) // max(1, count - 1)
        text = f"frame {index + 1} of {count}" + (f", pass {number + 1}" if number else "")
        for step in clip.frame(index, number):
            done = (sum(work[:turn]) + work[turn] * step.done) / sum(work)
            yield Reached(index, step.x, min(done, 0.99), step.note, text)
        clip.results[index] = resize(step.x, clip.size).cpu()


class _Clip:
    def __init__(
        self, frames: Frames, recipe: Recipe, paint_frame: PaintFrame, begin: Begin, on: torch.device
    ) -> None:
        self.frames, self.recipe, self.paint_frame, self.begin, self.on = frames, recipe, paint_frame, begin, on
        self.size = (frames[0].shape[1], frames[0].shape[2])
        self.results: dict[int, Tensor] = {}

    def frame(self, index: int, number: int) -> Iterator[Step]:
        """One frame in one pass; the first goes forwards, the next back, and so on."""
        p = self._shown(index)
        direction = 1 if number % 2 else -1  # towards the neighbour that was painted last
        anchors = self._anchors(index, p, LONG_TERM if number == 0 else (1,), direction)
        if number == 0 and not anchors:
            return self.paint_frame(p[0], None, None, None)
        steps = max(1, round((self.recipe.steps or 1) * (PASS_SHARE if number else SHARE)))
        # What no other frame shows begins as in a still: from the photo its few steps would lead nowhere.
        start = self.begin(p[0]) if number == 0 else self.results[index].to(self.on)
        for before, trust in reversed(anchors):  # the nearest has the last word
            start = torch.lerp(start, before, trust * (BLEND if number else 1.0))
        return self.paint_frame(p[0], start, [Scale(self.size, steps)], self._tie(anchors))

    def _shown(self, index: int) -> Tensor:
        return self.frames[index][None].to(self.on).float() / 255

    def _anchors(self, index: int, p: Tensor, distances: Sequence[int], direction: int) -> list[tuple[Tensor, Tensor]]:
        """What other frames show of this one, each with how far it counts: the nearest first."""
        anchors: list[tuple[Tensor, Tensor]] = []
        for distance in distances:
            other = index + direction * distance
            if other not in self.results or (distance > 1 and not anchors):
                continue
            moved: Motion = motion(p, self._shown(other))
            if moved.cut:
                continue
            taken = sum((trust for _, trust in anchors), torch.zeros_like(moved.trust))
            trust = (moved.trust - taken).clamp_min(0)
            anchors.append((warped(self.results[other].to(self.on), moved.flow).clamp(0, 1), trust))
        return anchors

    def _tie(self, anchors: Sequence[tuple[Tensor, Tensor]]) -> Callable[[Tensor], Tensor] | None:
        """The temporal loss of x (equation 7), the mean over pixels."""
        if not anchors:
            return None
        if self.recipe.colors == "photo":
            anchors = [(luminance_only(before, [])[0], trust) for before, trust in anchors]

        def loss(x: Tensor) -> Tensor:
            return GAMMA * torch.stack([(trust * (x - before).square()).mean() for before, trust in anchors]).sum()

        return loss
