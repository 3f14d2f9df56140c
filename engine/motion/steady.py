"""A moving picture without flicker: strokes stay on what they were painted on, and move with it.

Frames are painted in short stretches, none of which has a cut within. What the two ends of a stretch show is carried
along the flow to the frames between them, and patch by patch the first end's strokes give way to the last one's. So
nearly all of a frame was painted at once: to mix each frame with the one before, as is usual, leaves the mean of many
paintings, whose style is further from the painting's. Only what neither end shows is painted anew and mixed like that.

At both ends of a stretch the moments are the frame's own, and between them they change evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.motion.flow import Motion, alike, both_ways, luminance, places, sampled, softened, warped
from engine.motion.track import Track, first, followed
from engine.tensors import blur

STRETCH = 8  # frames from one end to the other: at the least, but in a shorter scene, and less than twice as many
PATCH = 48  # pixels, about the size of what gives way together
LASTS = 0.6  # share of a stretch in which one patch gives way; at 1 all do together, half of one and half of the other
COLOUR = 0.08  # of luminance, as in `flow` but looser: light changes while something moves on
EDGE = 5  # pixels within which trust ends
KEEP = 0.8  # of the frame before, where neither end is to be seen
BANDS = (0.8, 2.0, 5.0)  # pixels, deviations of the softenings that part a frame into bands
AROUND = 32  # pixels, side of the square over which contrast is compared
LEAST = 1e-5  # of a mean square, where there is nothing to compare
MOST_GAIN = 2.0

Frames = Sequence[Tensor]  # (3, H, W) uint8 each


class StretchPainter(Protocol):
    """Paints frames that belong together."""

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track]) -> Iterator[Tensor]:
        """Frames (1, 3, H, W) in 0..1. The first is the last one of the stretch before, if it has that one's track."""
        ...


class Painted(NamedTuple):
    at: int  # which frame
    x: Tensor  # (1, 3, H, W) in 0..1
    source: Tensor  # the frame itself, likewise
    moved: Motion | None  # from it to the one before


class _Stretch(NamedTuple):
    """Frames of one scene, and how they move."""

    frames: list[Tensor]
    tracks: list[Track]  # where a cut ends it, also that of the frame behind it
    ways: list[tuple[Motion, Motion]]  # into each frame after the first and back; likewise

    @property
    def steps(self) -> int:
        return len(self.frames) - 1


def steady(frames: Frames, paint: StretchPainter, loop: bool, on: torch.device) -> Iterator[Painted]:
    """Every frame, painted and steadied, in their order; the last of a loop lead to the first."""
    shown = _Shown(frames, on)
    track = first(*frames[0].shape[1:])
    last = len(frames) - (not loop or len(frames) == 1)  # of a loop, the first frame once more
    opening: Tensor | None = None
    into: Motion | None = None  # from the stretch's first frame to the one before it
    at = 0
    while at < len(frames):
        found = _stretch(shown, at, last, track)
        end = at + found.steps
        whole = end == last < len(frames) or len(found.ways) > found.steps  # the scene ends with this frame
        painted = paint(found.frames, found.tracks[: len(found.frames)])
        x = next(painted)
        opening = x if opening is None else opening
        yield Painted(at, x, found.frames[0], into)
        results = [x, *painted]
        if end == len(frames):
            results[-1] = opening
        for i, x in enumerate(_between(found, results), 1):
            if i < found.steps or whole:
                yield Painted(at + i, x, found.frames[i], found.ways[i - 1][0])
        if end == last:
            return
        at = end + whole
        into, track = found.ways[-1][0], found.tracks[-1]


class _Shown:
    """Frames as tensors (1, 3, H, W) in 0..1; after the last comes the first."""

    def __init__(self, frames: Frames, on: torch.device) -> None:
        self.frames, self.on = frames, on

    def __call__(self, index: int) -> Tensor:
        return self.frames[index % len(self.frames)][None].to(self.on).float() / 255


def _stretch(shown: _Shown, at: int, last: int, track: Track) -> _Stretch:
    """The frames from ``at`` on up to a cut; what is left until ``last`` is shared out evenly."""
    left = last - at
    steps = -(-left // max(1, left // STRETCH))
    found = _Stretch([shown(at)], [track], [])
    for index in range(at + 1, at + steps + 1):
        frame = shown(index)
        found.ways.append(both_ways(frame, found.frames[-1]))
        found.tracks.append(followed(found.tracks[-1], found.ways[-1][0]))
        if found.ways[-1][0].cut:
            break
        found.frames.append(frame)
    return found


# --- from one end to the other ---------------------------------------------------------------------------------------


class _Carried(NamedTuple):
    """Where an end of a stretch shows what a frame shows."""

    at: Tensor  # (1, 2, H, W): column and row
    trust: Tensor  # (1, 1, H, W) in 0..1


def _between(stretch: _Stretch, painted: Sequence[Tensor]) -> Iterator[Tensor]:
    """The frames after the first; ``painted`` are all, as they were painted."""
    if not stretch.steps:
        return
    there, back = zip(*stretch.ways[: stretch.steps], strict=True)
    forth = _carried(stretch.frames, there)
    home = _carried(stretch.frames[::-1], back[::-1])[::-1]
    order = _patches(*painted[0].shape[2:]).to(painted[0])
    x = painted[0]
    for i in range(1, stretch.steps + 1):
        share = i / max(stretch.steps, STRETCH)
        if share == 1:
            yield painted[-1]
            return
        before, after = forth[i], home[i]
        later = sampled(order, before.at, "bilinear")  # patches move along as well
        turned = ((share * (1 + LASTS) - later) / LASTS).clamp(0, 1)
        old = before.trust * (1 - turned * after.trust)
        new = after.trust * (1 - (1 - turned) * before.trust)
        kept = KEEP * _soft_edged(there[i - 1].trust)
        anew = torch.lerp(painted[i], warped(x, there[i - 1].flow), kept)
        ends = [sampled(painted[end], carried.at, "bicubic") for end, carried in ((0, before), (-1, after))]
        mixture = old * ends[0] + new * ends[1] + (1 - old - new) * anew
        x = with_contrast_of(painted[i], mixture)
        yield x


def _carried(frames: Sequence[Tensor], motions: Sequence[Motion]) -> list[_Carried]:
    """From each of the frames to the first one; ``motions`` lead from each after it to the one before."""
    start = torch.zeros_like(motions[0].flow)
    found = [_Carried(places(start), torch.ones_like(motions[0].trust))]
    end, least = softened(luminance(frames[0])), found[0].trust
    for frame, moved in zip(frames[1:], motions, strict=True):
        there = places(moved.flow)
        at = sampled(found[-1].at, there, "bilinear")
        least = torch.minimum(moved.trust, sampled(least, there, "bilinear"))
        same = alike(softened(luminance(frame)), sampled(end, at, "bilinear"), COLOUR)
        found.append(_Carried(at, _soft_edged(least * same)))
    return found


def _soft_edged(trust: Tensor) -> Tensor:
    """Trust that ends before its edges do, and not at once."""
    inner = -fn.max_pool2d(-trust, EDGE, 1, EDGE // 2)
    return fn.avg_pool2d(inner, EDGE, 1, EDGE // 2, count_include_pad=False)


def _patches(height: int, width: int) -> Tensor:
    """When each pixel gives way, (1, 1, H, W) in 0..1: as much of the frame at every time."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, height // PATCH + 3, width // PATCH + 3, generator=generator)
    smooth = fn.interpolate(coarse, scale_factor=PATCH, mode="bicubic", align_corners=False)[..., :height, :width]
    ranks = smooth.flatten().argsort().argsort()
    return (ranks / ranks.numel()).view(1, 1, height, width)


# --- contrast --------------------------------------------------------------------------------------------------------


def with_contrast_of(painted: Tensor, mixture: Tensor) -> Tensor:
    """The mixture with the contrast that the frame as painted has thereabouts, band by band.

    Strokes that do not agree take each other's contrast where they are mixed, and a warp takes some sharpness.
    """
    total = torch.zeros_like(painted)
    *fine, (_, rest) = zip(_bands(painted), _bands(mixture), strict=True)
    for like, band in fine:
        gain = ((_energy(like) + LEAST) / (_energy(band) + LEAST)).sqrt().clamp(1, MOST_GAIN)
        total += band * gain
    return (total + rest).clamp(0, 1)


def _bands(x: Tensor) -> Iterator[Tensor]:
    """What each softening of x takes away, and what is left; their sum is x."""
    for deviation in BANDS:
        soft = _soft(x, deviation)
        yield x - soft
        x = soft
    yield x


def _soft(x: Tensor, deviation: float) -> Tensor:
    return blur(x.transpose(0, 1), deviation).transpose(0, 1)


def _energy(band: Tensor) -> Tensor:
    """The mean square thereabouts, (1, 1, H, W)."""
    squares = band.square().mean(1, keepdim=True)
    coarse = fn.avg_pool2d(squares, AROUND, AROUND // 4, AROUND // 2, count_include_pad=False)
    return fn.interpolate(coarse, squares.shape[2:], mode="bilinear", align_corners=False)


class OneByOne:
    """A stretch whose frames are painted each by itself."""

    def __init__(self, paint: Callable[[Tensor], Tensor]) -> None:
        """``paint`` makes a picture (1, 3, H, W) of a frame, likewise."""
        self.paint = paint
        self._end: tuple[Track, Tensor] | None = None

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track]) -> Iterator[Tensor]:
        for frame, track in zip(frames, tracks, strict=True):
            if self._end is None or self._end[0] is not track:
                self._end = track, self.paint(frame)
            yield self._end[1]
