"""First and second moments of features, and the linear maps from one picture's moments to another's.

The paper whitens and colours with the symmetric roots of both covariances. Any rotation in between gives the same
covariance; the one taken here changes the features least in the mean square (Lu et al. 2019, "A Closed-form Solution
to Universal Style Transfer", after Monge's transport between two Gaussians), and keeps more of the photo's forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

FLOOR = 1e-3  # of the mean eigenvalue: directions of hardly any variance are not amplified into a texture


class Moments(NamedTuple):
    """Mean (N,) and covariance (N, N) of N filters over all positions, in float64."""

    mean: Tensor
    covariance: Tensor


class LinearMap(NamedTuple):
    """f -> T f + t for features f (N,) of one position."""

    T: Tensor  # (N, N)
    t: Tensor  # (N,)


def moments(parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Moments]:
    """Each layer's moments over all positions of one picture, whose features (1, N, h, w) come in parts."""
    count: Counter[str] = Counter()
    origin: dict[str, Tensor] = {}  # near the mean, so that in bfloat16 the differences lose nothing
    total: dict[str, Tensor] = {}
    squares: dict[str, Tensor] = {}
    for part in parts:
        for name, F in part.items():
            f = F.flatten(2)[0]  # (N, M)
            if name not in origin:
                origin[name] = f.float().mean(1).to(f.dtype)
            f = f - origin[name][:, None]
            count[name] += f.shape[1]
            total[name] = total.get(name, 0) + f.float().sum(1).double()
            squares[name] = squares.get(name, 0) + (f @ f.mT).double()
    found = {}
    for name, sums in total.items():
        m = sums / count[name]
        found[name] = Moments(m + origin[name].double(), squares[name] / count[name] - torch.outer(m, m))
    return found


def moments_of(F: Tensor) -> Moments:
    """The moments of one layer's features (1, N, h, w)."""
    return moments([{"": F}])[""]


def mixed(styles: Sequence[tuple[Moments, float]]) -> Moments:
    """Means and covariances of several styles, averaged by weight."""
    total = sum(weight for _, weight in styles)
    mean = torch.stack([weight / total * style.mean for style, weight in styles]).sum(0)
    return Moments(mean, torch.stack([weight / total * style.covariance for style, weight in styles]).sum(0))


def power(covariance: Tensor, exponent: float, floor: float = 0.0) -> Tensor:
    """A symmetric matrix (N, N) to a power, its eigenvalues raised by ``floor`` times their mean."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values.clamp_min(0) + floor * values.mean().clamp_min(1e-12)
    return (vectors * values**exponent) @ vectors.mT


def transport(content: Moments, style: Moments, floor: float = FLOOR) -> LinearMap:
    """The map after which features with the content's moments have the style's."""
    root, whitening = (power(content.covariance, exponent, floor) for exponent in (0.5, -0.5))
    # Whiten, rotate and colour, in one matrix.
    T = whitening @ power(root @ style.covariance @ root, 0.5) @ whitening
    return LinearMap(T, style.mean - T @ content.mean)


def apply(map: LinearMap, F: Tensor, share: float = 1.0) -> Tensor:
    """Features (B, N, h, w) moved ``share`` of the way to where the map takes them."""
    # The share is part of the map, which a convolution of 1x1 applies in one pass.
    T = share * map.T + (1 - share) * torch.eye(len(map.t)).to(map.T)
    return fn.conv2d(F, T.to(F)[..., None, None], (share * map.t).to(F))
