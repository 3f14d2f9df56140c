"""A moving picture without flicker: what a frame shows of the one before is kept where the flow can be trusted.

Frames are painted in short stretches, none of which has a cut within. At both ends of a stretch the moments are the
frame's own, and between them they change evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.motion.flow import Motion, motion, warped
from engine.motion.track import Track, first, followed
from engine.subject.importance import blur

STRETCH = 8  # frames
KEEP = 0.8  # of the frame before, where it is trusted
BANDS = (0.8, 2.0, 5.0)  # pixels, deviations of the softenings that part a frame into bands
AROUND = 32  # pixels, side of the square over which contrast is compared
LEAST = 1e-5  # of a mean square, where there is nothing to compare
MOST_GAIN = 2.0
OPENING = 8  # frames of a loop that are painted again from its end; then less than a tenth of that is left in one

Frames = Sequence[Tensor]  # (3, H, W) uint8 each


class StretchPainter(Protocol):
    """Paints frames that belong together."""

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track], more: bool) -> Iterator[Tensor]:
        """Frames (1, 3, H, W) in 0..1; with ``more`` the last one is not wanted, it is the next stretch's first."""
        ...


class Painted(NamedTuple):
    at: int  # which frame; those at the start of a loop come twice, the second time closing it
    x: Tensor  # (1, 3, H, W) in 0..1
    source: Tensor  # the frame itself, likewise
    moved: Motion | None  # from it to the one before


def steady(frames: Frames, paint: StretchPainter, loop: bool, on: torch.device) -> Iterator[Painted]:
    """Every frame, painted and steadied, in their order; of a loop the first ones once more at the end."""
    shown = _Shown(frames, on)
    track = first(*frames[0].shape[1:])
    x: Tensor | None = None
    into: Motion | None = None  # from the stretch's first frame to the one before it
    opening: list[Painted] = []  # of a loop, its first frames without what is kept
    at = 0
    while at < len(frames):
        part, tracks, motions = _stretch(shown, at, track)
        more = len(part) > STRETCH
        wanted = len(part) - more
        for i, painted in enumerate(paint(part, tracks[: len(part)], more)):
            moved = motions[i - 1] if i else into
            x = painted if x is None or moved is None else kept(painted, x, moved)
            if loop and at + i < OPENING:
                opening.append(Painted(at + i, painted, part[i], moved))
            yield Painted(at + i, x, part[i], moved)
        at += wanted
        if at < len(frames):
            into, track = motions[wanted - 1], tracks[wanted]
    if loop and x is not None and len(frames) > OPENING:
        yield from _closed(opening, x, motion(shown(0), shown(len(frames) - 1)))


class _Shown:
    """Frames as tensors (1, 3, H, W) in 0..1."""

    def __init__(self, frames: Frames, on: torch.device) -> None:
        self.frames, self.on = frames, on

    def __call__(self, index: int) -> Tensor:
        return self.frames[index][None].to(self.on).float() / 255


def _stretch(shown: _Shown, at: int, track: Track) -> tuple[list[Tensor], list[Track], list[Motion]]:
    """The frames from ``at`` on up to a cut, at most one more than a stretch; the motion into each after the first.

    Where a cut ends it there is also the motion into the frame behind the cut, and that frame's track.
    """
    part, tracks, motions = [shown(at)], [track], []
    while len(part) <= STRETCH and at + len(part) < len(shown.frames):
        frame = shown(at + len(part))
        motions.append(motion(frame, part[-1]))
        tracks.append(followed(tracks[-1], motions[-1]))
        if motions[-1].cut:
            break
        part.append(frame)
    return part, tracks, motions


def _closed(opening: Sequence[Painted], x: Tensor, moved: Motion) -> Iterator[Painted]:
    """The first frames again, keeping what the last one shows of them."""
    for frame in opening:
        moved = frame.moved or moved
        if moved.cut:
            return
        x = kept(frame.x, x, moved)
        yield frame._replace(x=x)


def kept(painted: Tensor, before: Tensor, moved: Motion) -> Tensor:
    """The frame as painted, with what the one before shows of it.

    Strokes that do not agree would take each other's contrast where they are mixed, and a warp takes some sharpness:
    band by band, the mixture gets back the contrast that the frame as painted has thereabouts.
    """
    if moved.cut:
        return painted
    share = KEEP * moved.trust
    total = torch.zeros_like(painted)
    *fine, rest = zip(_bands(painted), _bands(warped(before, moved.flow)), strict=True)
    for new, old in fine:
        mixture = torch.lerp(new, old, share)
        gain = ((_energy(new) + LEAST) / (_energy(mixture) + LEAST)).sqrt().clamp(1, MOST_GAIN)
        total += mixture * gain
    return (total + torch.lerp(*rest, share)).clamp(0, 1)


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

    def __call__(self, frames: Sequence[Tensor], tracks: Sequence[Track], more: bool) -> Iterator[Tensor]:
        for frame in frames[: len(frames) - more]:
            yield self.paint(frame)
