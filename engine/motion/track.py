"""Where in the seeded noise each pixel of a frame lies, so that noise and the network's grid move with the picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.motion.flow import Motion, places, sampled

STRETCH = 3.0  # times an area; noise that is stretched or squeezed further is begun anew
NEW = 997  # pixels right of where it would be is the place of noise that is begun anew; any odd number will do


class Track(NamedTuple):
    """How a frame lies in the noise."""

    at: Tensor  # (1, 2, H, W): column and row of each pixel, of any size or sign
    drift: tuple[float, float]  # down and right: how far most of the picture has moved since the first frame


def first(height: int, width: int) -> Track:
    return Track(places(torch.zeros(1, 2, height, width)), (0.0, 0.0))


def followed(track: Track, motion: Motion) -> Track:
    """The track of the next frame."""
    height, width = motion.flow.shape[2:]
    if motion.cut:
        return first(height, width)
    there = places(motion.flow.cpu())
    most = torch.tensor([width - 1.0, height - 1.0]).view(1, 2, 1, 1)
    held = torch.minimum(there.clamp_min(0), most)
    # What comes in from outside lies beyond the border in the noise as well.
    at = sampled(track.at, held, "bilinear") + (there - held)
    at = torch.where(_stretched(at), places(torch.zeros_like(at)) + NEW, at)
    right, down = (float(part) for part in motion.flow[0].flatten(1).median(1).values)
    return Track(at, (track.drift[0] + down, track.drift[1] + right))


def _stretched(at: Tensor) -> Tensor:
    """Where a pixel takes up much less or more than a pixel of the noise, (1, 1, H, W)."""
    down, right = torch.gradient(at, dim=(2, 3))
    area = (right[:, :1] * down[:, 1:] - right[:, 1:] * down[:, :1]).abs()
    # Over some pixels together: at an edge that moves one may be torn.
    area = fn.avg_pool2d(area, 9, 1, 4, count_include_pad=False)
    return (area > STRETCH) | (area < 1 / STRETCH)


def noise_at(noise: Tensor, track: Track, size: tuple[int, int], frame: tuple[int, int, int, int]) -> Tensor:
    """The noise (1, 2, h, w) of a frame of ``size`` with ``frame`` (left, right, top, bottom) pixels around it.

    The smooth noise follows every pixel. The fine one moves by whole pixels, with most of the picture: between pixels
    it would be another one in every frame, and the network's strokes with it. Beyond its borders noise is mirrored.
    """
    scale = size[0] / track.at.shape[2]
    at = fn.pad((_resized(track.at, size) + 0.5) * scale - 0.5, frame, mode="replicate")
    rows, columns = (torch.arange(length) for length in at.shape[2:])
    left, _, top, _ = frame
    # What lies outside the frame lies outside it in the noise as well.
    beyond = columns - left - (columns - left).clamp(0, size[1] - 1), rows - top - (rows - top).clamp(0, size[0] - 1)
    at = at + torch.stack([beyond[0].expand(len(rows), -1), beyond[1][:, None].expand(-1, len(columns))])
    down, right = (round(part * scale) for part in track.drift)
    height, width = noise.shape[2:]
    row, column = _mirrored(rows - top + down, height), _mirrored(columns - left + right, width)
    fine = noise[:, :1, row][..., column]
    smooth = noise[:, 1:, _mirrored(at[0, 1].round().long(), height), _mirrored(at[0, 0].round().long(), width)]
    return torch.cat([fine, smooth], 1)


def _resized(at: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(at.shape[2:]) == size:
        return at
    return fn.interpolate(at, size, mode="bilinear", antialias=True, align_corners=False)


def _mirrored(index: Tensor, length: int) -> Tensor:
    index = index.remainder(2 * length)
    return torch.minimum(index, 2 * length - 1 - index)
