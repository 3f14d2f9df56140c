"""How near pictures come to the painting, in strokes and in large forms, and how near they stay to the photo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor

from engine.fine.losses import gram
from engine.tensors import at_least, resize
from engine.train.data.teachers import TeacherEncoder, VGGTeacher

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")  # as deep as the genuine weights go
LARGE_LAYERS = ("fire6", "fire7", "fire8", "conv5_1")
CONTENT_LAYER = "conv3_1"

Grams = Mapping[str, Tensor]


class Distance(NamedTuple):
    """How far a picture is from the painting and from the photo."""

    style: float  # 0 has the painting's own Gram matrices, 1 is as far from them as the photo is
    large: float  # the same for large forms
    content: float  # squared difference of features over the photo's mean square


class DistanceMeter:
    """*style* and *content* by genuine VGG-19 to conv3_1, which only measures: nothing was trained with it.

    *large* is measured by the deep layers of the two teachers that the slim encoder and the gallery's network were
    trained with, for want of another deep network: it flatters what has learned from them, and compares versions.
    """

    def __init__(self, data: Path, device: torch.device | str = "cpu") -> None:
        self.vgg = VGGTeacher(data / "teachers/vgg19-conv1-3.safetensors").to(device)
        self.teachers = TeacherEncoder(data / "teachers").to(device)

    @torch.no_grad()
    def __call__(self, x: Tensor, p: Tensor, a: Tensor) -> Distance:
        """Distances of x from the photo p and the painting a, all (1, 3, H, W) in 0..1."""
        F, P, A = (self.vgg.features(picture, STYLE_LAYERS) for picture in (x, p, a))
        style = apart(*({l: gram(f[l]) for l in STYLE_LAYERS} for f in (F, P, A)))
        content = (F[CONTENT_LAYER] - P[CONTENT_LAYER]).square().mean() / P[CONTENT_LAYER].square().mean()
        return Distance(style, apart(*(self._large(picture) for picture in (x, p, a))), float(content))

    def _large(self, x: Tensor) -> dict[str, Tensor]:
        """Gram matrices of the deep layers, of the picture and of it at half its size."""
        half = resize(x, at_least(x.shape[-2] / 2, x.shape[-1] / 2))
        whole, reduced = (self.teachers.features(picture, LARGE_LAYERS) for picture in (x, half))
        return {l: gram(F) for l, F in (whole | {f"half/{l}": F for l, F in reduced.items()}).items()}


def apart(G: Grams, P: Grams, A: Grams) -> float:
    """The squared distance of Gram matrices from A, as a share of that of P: the mean over layers."""
    return fmean(float((G[l] - A[l]).square().sum() / (P[l] - A[l]).square().sum()) for l in A)
