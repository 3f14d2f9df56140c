"""Moving features towards their nearest patches in a style's features (Chen & Schmidt 2016, "Fast Patch-based Style
Transfer of Arbitrary Style").

Moments of whole pictures cannot put strokes into a flat sky, which stays flat under any linear map. Patches can: each
place of the photo takes on what the style has in the place most like it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.universal.moments import Moments, power

SIDE = 3  # of a patch, in positions
DIRECTIONS = 64  # of largest variance, in which patches are compared
CANDIDATES = 3072  # patches of the styles, at most
ROWS = 2048  # positions compared at a time


def sampled(styles: Sequence[tuple[Tensor, float]], generator: torch.Generator) -> Tensor:
    """Random patches of the styles' features (1, N, h, w), in number by the styles' weights: (K, N SIDE SIDE)."""
    total, found = sum(weight for _, weight in styles), []
    for S, weight in styles:
        patches = fn.unfold(S, SIDE)[0].mT
        count = min(len(patches), round(CANDIDATES * weight / total))
        found.append(patches[torch.randperm(len(patches), generator=generator)[:count].to(S.device)])
    return torch.cat(found)


def with_noise(F: Tensor, style: Moments, amount: float, generator: torch.Generator) -> Tensor:
    """F (1, N, h, w) with noise of the style's covariance where F is flatter than the style, for example in skies.

    Without it all of a flat sky has the same nearest patch.
    """
    axes = principal_directions(style.covariance).to(F)
    away = torch.einsum("kn,bnhw->bkhw", axes, F - style.mean.to(F).view(1, -1, 1, 1)).square().sum(1, keepdim=True)
    around = fn.avg_pool2d(fn.pad(away, (2,) * 4, mode="replicate"), 5, 1)
    lacking = (1 - around / style.covariance.trace().to(F)).clamp_min(0).sqrt()
    white = torch.randn(F.shape, generator=generator).to(F)
    return F + amount * lacking * torch.einsum("ij,bjhw->bihw", power(style.covariance, 0.5).to(F), white)


def principal_directions(covariance: Tensor) -> Tensor:
    """The directions of largest variance, (DIRECTIONS, N)."""
    return torch.linalg.eigh(covariance).eigenvectors[:, -DIRECTIONS:].mT


def nearest(F: Tensor, patches: Tensor, axes: Tensor) -> Tensor:
    """F (1, N, h, w) with every patch replaced by its nearest of ``patches``; where they overlap, by their mean.

    ``axes`` (K, N) are the directions in which patches are compared.
    """
    N, (h, w) = F.shape[1], F.shape[-2:]
    low = torch.einsum("kn,pns->pks", axes, patches.view(len(patches), N, -1)).flatten(1)
    own = _unfolded(torch.einsum("kn,bnhw->bkhw", axes, F)).mT
    offset = low.square().sum(1)
    index = torch.cat([(offset - 2 * part @ low.mT).argmin(1) for part in own.split(ROWS)])
    taken = patches[index].mT[None]
    padded = (h + SIDE - 1, w + SIDE - 1)
    total, count = (fn.fold(t, padded, SIDE) for t in (taken, torch.ones_like(taken[:, : SIDE**2])))
    return (total / count)[..., SIDE // 2 : h + SIDE // 2, SIDE // 2 : w + SIDE // 2]


def _unfolded(F: Tensor) -> Tensor:
    """The patch around every position, (N SIDE SIDE, h w)."""
    return fn.unfold(fn.pad(F, (SIDE // 2,) * 4, mode="reflect"), SIDE)[0]
