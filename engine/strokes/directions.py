"""Which way strokes go: the smoothed structure tensor of a picture (Förstner & Gülch 1987).

Its eigenvector of the smaller eigenvalue is the direction in which the picture changes least. Averaged as a tensor,
the two sides of a stroke, whose gradients are opposite, do not cancel out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.tensors import blur

REDUCED = 2  # times, of the picture in which directions are found: they change slowly, and it takes a fourth as long


def directions(x: Tensor, deviation: float) -> Tensor:
    """How strokes go in a picture (1, 3, H, W) of even sides: (1, 2, h, w), at half its size.

    The vector at a place has *twice* the stroke's angle, so that both ways along it are the same vector and neighbours
    can be averaged. Its length is the coherence: 0 where nothing has a direction, 1 where all goes one way.

    Args:
        deviation: of the Gaussian over the tensors, in pixels of x.
    """
    dy, dx = torch.gradient(fn.avg_pool2d(x, REDUCED), dim=(2, 3))
    # Summed over the channels, so that an edge between two colours of one brightness has a direction too.
    products = torch.cat([dx * dx, dy * dy, dx * dy]).sum(1, keepdim=True)
    xx, yy, xy = blur(products, deviation / REDUCED)
    # Along the stroke is a right angle from the gradient; of twice the angle that is the opposite.
    doubled: Tensor = torch.cat([yy - xx, -2 * xy])[None] / (xx + yy + 1e-6)
    return doubled


def unit(doubled: Tensor) -> Tensor:
    """One of the two unit vectors (1, h, w, 2) along strokes whose `directions` are (1, 2, h, w); x first."""
    angle = 0.5 * torch.atan2(doubled[:, 1], doubled[:, 0])
    return torch.stack([torch.cos(angle), torch.sin(angle)], -1)
