"""How faithful the slim encoder is to its teachers: cosines and relative errors of features and Gram matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean

import msgspec
import torch
from torch import Tensor

from engine.fine.losses import gram

Features = Callable[[Tensor], dict[str, Tensor]]


class Fidelity(msgspec.Struct, frozen=True):
    """One layer's similarity, a mean over pictures; 1 and 0 are perfect."""

    feature_cosine: float
    feature_error: float  # |F - P| / |P|
    gram_cosine: float
    gram_error: float


@torch.no_grad()
def fidelity(student: Features, teacher: Features, pictures: Iterable[Tensor]) -> dict[str, Fidelity]:
    """Similarity by layer over pictures (1, 3, H, W), for the layers that the teacher has."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for x in pictures:
        found, targets = student(x), teacher(x)
        for name, P in targets.items():
            F, G, A = found[name], gram(found[name]), gram(P)
            rows.setdefault(name, []).append((cosine(F, P), error(F, P), cosine(G, A), error(G, A)))
    return {name: Fidelity(*(fmean(column) for column in zip(*row, strict=True))) for name, row in rows.items()}


def cosine(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-12))


def error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm().clamp_min(1e-12))
