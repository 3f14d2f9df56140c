"""Styles repainted in the photo's colours: the first of the two ways of Gatys et al. 2017, section 4.

Matching keeps the painting's relations of light and colour, strokes of another hue among them, and gives them the
photo's palette; the other way, `engine.tensors.luminance_only`, keeps each place's own colour.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.tensors import Styles

LEAST = 1e-4  # added to each colour's variance, so that a picture of one colour, or a grey one, can be matched


def matched(a: Tensor, p: Tensor) -> Tensor:
    """A style picture a (1, 3, h, w) with the mean and the covariance of the colours of a photo p (1, 3, H, W)."""
    mean_a, cov_a = _statistics(a)
    mean_p, cov_p = _statistics(p)
    # Image analogies' way: the symmetric roots, which turn no hue that need not be turned.
    change = _root(cov_p) @ torch.linalg.inv(_root(cov_a))
    moved = change @ (a.flatten(2)[0] - mean_a) + mean_p
    return moved.view_as(a).clamp(0, 1)


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    colours = x.flatten(2)[0]  # (3, M)
    mean = colours.mean(1, keepdim=True)
    covariance = (colours - mean) @ (colours - mean).mT / colours.shape[1]
    return mean, covariance + LEAST * torch.eye(3).to(x)


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag(values.sqrt()) @ vectors.mT


def coloured(noise: Tensor, styles: Styles) -> Tensor:
    """White noise (1, 3, h, w) of mean 0 and deviation 1, given the mean and covariance of the styles' colours."""
    total = sum(weight for _, weight in styles)
    found = [(weight / total, *_statistics(a)) for a, weight in styles]
    mean = torch.stack([w * m for w, m, _ in found]).sum(0)
    covariance = torch.stack([w * c for w, _, c in found]).sum(0)
    return (_root(covariance) @ noise.flatten(2)[0] + mean).view_as(noise)
