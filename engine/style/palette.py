"""The colours of one picture for another: the linear map between their means and covariances.

Of all maps between two such pairs, the one taken here changes the colours least in the mean square (Lu et al. 2019, "A
Closed-form Solution to Universal Style Transfer", after Monge's transport between two Gaussians).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.tensors import reduced

ENOUGH = 384  # pixels, long side in which all colours of a photo are seen
FLOOR = 1e-3  # of the mean eigenvalue: directions of hardly any variance are not amplified into noise


class Palette(NamedTuple):
    """Mean (N,) and covariance (N, N) of N channels over all positions, in float64."""

    mean: Tensor
    covariance: Tensor


class LinearMap(NamedTuple):
    """f -> T f + t for the channels f (N,) of one position."""

    T: Tensor  # (N, N)
    t: Tensor  # (N,)


def palette_of(x: Tensor) -> Palette:
    """The colours of a picture (1, N, h, w)."""
    f = x.flatten(2)[0].double()  # (N, M)
    return Palette(f.mean(1), torch.cov(f, correction=0))


def mixed(styles: Sequence[tuple[Palette, float]]) -> Palette:
    """Means and covariances of several styles, averaged by weight."""
    total = sum(weight for _, weight in styles)
    mean = torch.stack([weight / total * style.mean for style, weight in styles]).sum(0)
    return Palette(mean, torch.stack([weight / total * style.covariance for style, weight in styles]).sum(0))


def power(covariance: Tensor, exponent: float, floor: float = 0.0) -> Tensor:
    """A symmetric matrix (N, N) to a power, its eigenvalues raised by ``floor`` times their mean."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values.clamp_min(0) + floor * values.mean().clamp_min(1e-12)
    raised: Tensor = (vectors * values**exponent) @ vectors.mT
    return raised


def transport(content: Palette, style: Palette, floor: float = FLOOR) -> LinearMap:
    """The map after which channels with the content's palette have the style's."""
    root, whitening = (power(content.covariance, exponent, floor) for exponent in (0.5, -0.5))
    # Whiten, rotate and colour, in one matrix.
    T = whitening @ power(root @ style.covariance @ root, 0.5) @ whitening
    return LinearMap(T, style.mean - T @ content.mean)


def in_colours(x: Tensor, style: Palette, share: float = 1.0) -> Tensor:
    """A picture (1, 3, h, w) in 0..1, ``share`` of the way to the style's colours."""
    return apply(transport(palette_of(reduced(x[0], ENOUGH)[None]), style), x, share).clamp_(0, 1)


def apply(map: LinearMap, x: Tensor, share: float = 1.0) -> Tensor:
    """A picture (1, N, h, w) moved ``share`` of the way to where the map takes it."""
    T = share * map.T + (1 - share) * torch.eye(len(map.t)).to(map.T)
    moved = torch.addmm((share * map.t).to(x)[:, None], T.to(x), x.flatten(2)[0])
    return moved.view_as(x)
