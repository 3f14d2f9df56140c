"""Style vectors: the upper triangles of a picture's Gram matrices, one after the other, compressed.

The Gram matrices of Gatys, Ecker & Bethge (2016) are what a style is; two pictures whose matrices are near each other
are painted alike. Whole, they are 456,432 numbers. Here each layer's N_l filters are first reduced to a few
directions, as in compact bilinear pooling (Gao et al. 2016), but to those that carry most of the gallery's own Gram
matrices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.losses import gram
from engine.tensors import fit

SIDE = 384  # pixels, long side of what is looked at, so that strokes of two pictures are compared at one scale
# Directions kept of each layer. With them every painting of the gallery, and every half of one, is still nearest to
# its own swatch, as with all of them; half as many fail for a half.
DIRECTIONS = 16

Bases = Mapping[str, Tensor]  # layer -> (N_l, DIRECTIONS), scaled: see `bases_of`


@torch.no_grad()
def grams(encoder: Encoder, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """The Gram matrices by layer of a picture (3, H, W) in 0..1, looked at with a long side of `SIDE`."""
    x = fit(picture, SIDE)[None].contiguous(memory_format=torch.channels_last)
    return {l: gram(F).float() for l, F in encoder.features(x, layers).items()}


def triangle(G: Tensor) -> Tensor:
    """The upper triangle of a symmetric matrix (n, n), of the same length as the matrix: sqrt 2 off the diagonal."""
    row, column = torch.triu_indices(len(G), len(G)).to(G.device)
    return torch.where(row == column, 1.0, 2**0.5).to(G) * G[row, column]


def vector(G: Mapping[str, Tensor], bases: Bases) -> Tensor:
    """The style vector of a picture with these Gram matrices; the distance of two is that of their pictures."""
    return torch.cat([triangle(B.mT @ G[l] @ B) for l, B in bases.items()])


def bases_of(gallery: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The directions that carry most of the gallery's Gram matrices, by layer.

    They are scaled so that every layer counts the same, and so that the distance of two styles of the gallery is 1 in
    the mean (the root of the mean square).
    """
    found = {}
    for l in gallery[0]:
        mean = torch.stack([G[l] / G[l].norm() for G in gallery]).mean(0)
        B = torch.linalg.eigh(mean).eigenvectors[:, -DIRECTIONS:]  # of ascending eigenvalues
        spread = torch.pdist(torch.stack([triangle(B.mT @ G[l] @ B) for G in gallery])).square().mean().sqrt()
        found[l] = B / (spread * len(gallery[0]) ** 0.5).sqrt()
    return found


class Plane(NamedTuple):
    """Vectors seen from where they are furthest apart: the first two principal components."""

    places: Tensor  # (S, 2), around 0
    share: float  # of the squared distances of the vectors from their mean that the plane keeps


def plane(vectors: Tensor) -> Plane:
    """The plane of at least three vectors (S, D)."""
    centred = vectors - vectors.mean(0)
    U, S, _ = torch.linalg.svd(centred, full_matrices=False)
    places = U[:, :2] * S[:2]
    # A component's sign is arbitrary: the first vector is put right of and above the middle.
    signs = torch.where(places[0] < 0, -1.0, 1.0)
    return Plane(places * signs, float(S[:2].square().sum() / S.square().sum()))
