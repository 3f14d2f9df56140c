"""Strokes drawn out: every pixel becomes the mean of those before and behind it along its stroke.

What networks and optimisations leave between strokes, meshes, beads and specks, has no direction of its own and goes;
hairs that lie side by side become one stroke. After Kyprianidis & Kang (2011), "Image and Video Abstraction by
Coherence-Enhancing Filtering": a Gaussian along the streamline through each pixel. Departures: one round of it; a
reach in proportion to the coherence; what it blurs is made crisp by differences across, where their shock filter makes
flat patches of everything.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.strokes.directions import REDUCED, directions, unit

# Pixels, for strokes as networks paint them with brush=1; all by eye.
WIDTH = 2.6  # deviation of the surroundings that have a direction in common
LENGTH = 4.5  # deviation along the stroke
ACROSS = ((1.0, 1.0), (2.5, 0.5))  # how far across, and how much of that difference
REACH = 2  # deviations; beyond, next to nothing is left of the Gaussian
STEPS, STRIDE = 4, 3.4  # each way along the streamline, at least; pixels, the longest, or ripples are left
ROWS = 256  # that are drawn at once: what lies between takes ten times the memory of the picture


def drawn(x: Tensor, share: float = 1.0, brush: float = 1.0, crisp: float = 0.0) -> Tensor:
    """A picture (1, 3, H, W) in 0..1 with its strokes drawn out.

    Args:
        share: how far, from 0, where nothing is changed, to 1.
        brush: the strokes' scale.
        crisp: how much of the difference from what lies across a stroke is added.
    """
    if share == 0:
        return x
    height, width = x.shape[2:]
    whole = fn.pad(x, (0, width % REDUCED, 0, height % REDUCED), mode="replicate")
    # A strip sees what its directions, its streamlines and the pixels across them can.
    beyond = REDUCED * math.ceil((3 * WIDTH + REACH * LENGTH + ACROSS[-1][0]) * brush / REDUCED + 2)
    strips = []
    for top in range(0, height, ROWS):
        first, end = max(0, top - beyond), min(whole.shape[2], top + ROWS + beyond)
        strip = _strip(whole[..., first:end, :], brush, crisp)
        strips.append(strip[..., top - first : top - first + ROWS, :])
    return torch.lerp(x, torch.cat(strips, 2)[..., :height, :width], share).clamp_(0, 1)


def _strip(x: Tensor, brush: float, crisp: float) -> Tensor:
    # Places and ways between them are in the units of `fn.grid_sample`, in which a picture is 2 wide and 2 high.
    pixel = torch.tensor([2 / x.shape[3], 2 / x.shape[2]]).to(x)
    ways = directions(x, WIDTH * brush)
    along = unit(ways)
    places = _places(x)
    y = _smoothed(x, ways, along, pixel, places, brush)
    if not crisp:
        return y
    across = _enlarged(torch.stack([-along[..., 1], along[..., 0]], -1) * pixel)
    sharp = y.clone()
    for distance, weight in ACROSS:
        there, opposite = (
            _at(y, torch.add(places, across, alpha=way)) for way in (brush * distance, -brush * distance)
        )
        sharp.add_(y, alpha=crisp * weight).sub_(there.add_(opposite), alpha=crisp * weight / 2)
    return sharp


def _smoothed(x: Tensor, ways: Tensor, along: Tensor, pixel: Tensor, places: Tensor, brush: float) -> Tensor:
    """The Gaussian along streamlines, which are followed in the small picture of directions."""
    deviation = LENGTH * brush
    steps = max(STEPS, math.ceil(REACH * deviation / STRIDE))
    step = REACH * deviation / steps
    # Where strokes cross there is no streamline to follow far.
    pace = step * ways.square().sum(1).sqrt_()[..., None] * pixel
    small = _places(ways)
    total, weights = x.clone(), 1.0
    for sign in (1.0, -1.0):
        heading, offset = sign * along, torch.zeros_like(along)
        for count in range(1, steps + 1):
            offset = torch.addcmul(offset, pace, heading)
            weight = math.exp(-0.5 * (count * step / deviation) ** 2)
            total.add_(_at(x, _enlarged(offset).add_(places)), alpha=weight)
            weights += weight
            if count < steps:
                ahead = unit(_at(ways, small + offset))
                heading = torch.where((ahead * heading).sum(-1, keepdim=True) < 0, -ahead, ahead)
    return total.div_(weights)


def _places(x: Tensor) -> Tensor:
    """Where the pixels of x (1, N, h, w) are, (1, h, w, 2), x first."""
    down, right = ((2 * torch.arange(side, device=x.device) + 1) / side - 1 for side in x.shape[2:])
    return torch.stack(torch.meshgrid(down, right, indexing="ij")[::-1], -1)[None]


def _enlarged(vectors: Tensor) -> Tensor:
    """Vectors (1, h, w, 2) for every pixel of the whole picture, (1, H, W, 2).

    Not between neighbours: along an upright stroke they may be opposite, and would cancel out.
    """
    small = torch.view_as_complex(vectors)  # as one number each, a vector is copied thirty times as quickly
    _, h, w = small.shape
    repeated = small[:, :, None, :, None].expand(1, h, REDUCED, w, REDUCED)
    return torch.view_as_real(repeated.reshape(1, REDUCED * h, REDUCED * w))


def _at(x: Tensor, places: Tensor) -> Tensor:
    return fn.grid_sample(x, places, padding_mode="border", align_corners=False)
