"""Frames through the fast network in batches: the picture's own noise, grid and moments go along with it.

A still gets noise that stays on the screen, strides that stay there, and moments of its own: painted so frame by
frame, a moving picture flickers by a third of its contrast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.fast.finish import finish
from engine.fast.network import STRIDE, Moments, Network
from engine.fast.network import noise as network_noise
from engine.fast.paint import (
    LARGEST_SHIFT,
    degree_of,
    keep_colours,
    opacity,
    passes_of,
    run,
    scale_of,
    with_colours_of,
)
from engine.motion.steady import StretchPainter
from engine.motion.track import Track, noise_at
from engine.recipe import Recipe
from engine.style.look import Look
from engine.tensors import at_least, resize

BATCH = 400_000  # pixels that are painted together; more is no quicker on a CPU
AllMoments = list[list[Moments]]  # of every pass


class FeedForward:
    """One clip's frames, painted as `engine.fast.paint` paints a still."""

    def __init__(
        self,
        network: Network,
        pair: Tensor,
        recipe: Recipe,
        size: tuple[int, int],
        finish: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """For frames of ``size``; the recipe's strength is not 0.

        Args:
            pair: the styles', (2, C).
            finish: what becomes of each painted frame (1, 3, H, W).
        """
        self.network, self.recipe, self.size, self.finish = network, recipe, size, finish
        t = degree_of(recipe)
        self.passes = [(share * t, reduction) for share, reduction in passes_of(recipe, scale_of(size))]
        self.pairs = [network.towards(pair, t) for t, _ in self.passes]
        generator = torch.Generator().manual_seed(recipe.seed or 0)
        self.fields = []
        for _, reduced in self.passes:
            shift = torch.randint(0, LARGEST_SHIFT, (2,), generator=generator)
            smaller = at_least(size[0] / reduced, size[1] / reduced)
            height, width = (-(-(side + STRIDE - 1) // STRIDE) * STRIDE for side in smaller)
            self.fields.append((smaller, shift, network_noise(1, height, width, generator)))

    def moments(self, frame: Tensor, track: Track) -> tuple[Tensor, AllMoments]:
        """A frame (1, 3, H, W) painted by its own moments, and these."""
        found: AllMoments = [[] for _ in self.passes]
        return self._painted(frame, [track], found), found

    def paint(
        self, frames: Sequence[Tensor], tracks: Sequence[Track], moments: Sequence[AllMoments]
    ) -> Iterator[Tensor]:
        """Frames (1, 3, H, W) in 0..1, each by the moments given for it."""
        count = max(1, BATCH // (self.size[0] * self.size[1]))
        for at in range(0, len(frames), count):
            part = slice(at, at + count)
            yield from self._painted(torch.cat(list(frames[part])), tracks[part], _stacked(moments[part])).split(1)

    def _painted(self, x: Tensor, tracks: Sequence[Track], moments: AllMoments) -> Tensor:
        y = x
        for index, given in enumerate(moments):
            before = y
            painted = self._pass(index, resize(before, self.fields[index][0]), tracks, given)
            y = resize(painted, self.size)
            if index:
                y = with_colours_of(before, y)
        if self.recipe.colors == "photo":
            y = keep_colours(x, y)
        return y if self.finish is None else torch.cat([self.finish(frame) for frame in y.split(1)])

    def _pass(self, index: int, x: Tensor, tracks: Sequence[Track], moments: list[Moments]) -> Tensor:
        size, shift, field = self.fields[index]
        framed, noise, inside = [], [], []
        for frame, track in zip(x.split(1), tracks, strict=True):
            moved = torch.tensor(track.drift) * (size[0] / self.size[0])
            top, left = ((shift + moved.round().long()) % STRIDE).tolist()
            edges = (left, field.shape[3] - size[1] - left, top, field.shape[2] - size[0] - top)
            framed.append(fn.pad(frame, edges, mode="replicate"))
            noise.append(noise_at(field, track, size, edges))
            inside.append((slice(top, top + size[0]), slice(left, left + size[1])))
        photos = torch.cat(framed)
        painted = run(self.network, photos, self.pairs[index].to(x), torch.cat(noise).to(x), moments)
        y = torch.lerp(photos, painted, opacity(self.passes[index][0]))
        return torch.cat([y[i : i + 1, :, rows, columns] for i, (rows, columns) in enumerate(inside)])


def between(a: AllMoments, b: AllMoments, share: float) -> AllMoments:
    """The moments ``share`` of the way from a to b."""
    return [
        [(torch.lerp(m, n, share), torch.lerp(v, w, share)) for (m, v), (n, w) in zip(one, other, strict=True)]
        for one, other in zip(a, b, strict=True)
    ]


def _stacked(each: Sequence[AllMoments]) -> AllMoments:
    """One batch's moments, (B, N, 1, 1), of those of each frame."""
    return [
        [(torch.cat([m for m, _ in layer]), torch.cat([v for _, v in layer])) for layer in zip(*passes, strict=True)]
        for passes in zip(*each, strict=True)
    ]


class _End(NamedTuple):
    """The last frame of a stretch, which is the first of the next."""

    track: Track
    x: Tensor
    moments: AllMoments


class ByNetwork:
    """Stretches of a clip: an `engine.motion.steady.StretchPainter`."""

    def __init__(self, painting: FeedForward) -> None:
        self.painting = painting
        self._end: _End | None = None

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track]) -> Iterator[Tensor]:
        if self._end is None or self._end.track is not tracks[0]:
            self._end = self._own(frames[0], tracks[0])
        start = self._end
        yield start.x
        if len(frames) > 1:
            end = self._end = self._own(frames[-1], tracks[-1])
            shares = [i / (len(frames) - 1) for i in range(1, len(frames) - 1)]
            moments = [between(start.moments, end.moments, share) for share in shares]
            yield from self.painting.paint(frames[1:-1], tracks[1:-1], moments)
            yield end.x

    def _own(self, frame: Tensor, track: Track) -> _End:
        return _End(track, *self.painting.moments(frame, track))


class Finishing:
    """Stretches that are finished as stills are: see `engine.fast.finish`."""

    def __init__(
        self,
        strokes: StretchPainter,
        recipe: Recipe,
        look: Look | None,
        kept: Callable[[Tensor], Tensor | None],
    ) -> None:
        """``kept`` is how much of a frame (3, H, W) is to be kept, (1, 1, h, w) in 0..1, or None for nothing."""
        self.strokes, self.recipe, self.look, self.kept = strokes, recipe, look, kept

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track]) -> Iterator[Tensor]:
        found = [self.kept(frames[0][0]), self.kept(frames[-1][0])]
        nothing = torch.zeros_like(next((keep for keep in found if keep is not None), frames[0][:, :1]))
        # Where only one end has a subject, it comes or goes.
        start, end = (nothing if keep is None else keep for keep in found)
        for i, x in enumerate(self.strokes(frames, tracks)):
            subject = None if found == [None, None] else torch.lerp(start, end, i / max(1, len(frames) - 1))
            yield finish(x, frames[i], self.recipe, self.look, subject)
