"""How near pictures come to the painting and stay to the photo, by a network that nothing here was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from engine.fine.losses import gram
from engine.train.data.teachers import VGGTeacher

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1")  # as deep as the genuine weights go
CONTENT_LAYER = "conv3_1"


class Distance(NamedTuple):
    """How far a picture is from the painting and from the photo."""

    style: float  # 0 has the painting's own Gram matrices, 1 is as far from them as the photo is
    content: float  # squared difference of features over the photo's mean square
    seconds: float


class DistanceMeter:
    """Genuine VGG-19 to conv3_1, which only measures: the slim encoder and the gallery have other teachers."""

    def __init__(self, data: Path) -> None:
        self.vgg = VGGTeacher(data / "teachers/vgg19-conv1-3.safetensors")

    @torch.no_grad()
    def __call__(self, x: Tensor, p: Tensor, a: Tensor, seconds: float) -> Distance:
        """Distances of x from the photo p and the painting a, all (1, 3, H, W) in 0..1."""
        F, P, A = (self.vgg.features(picture, STYLE_LAYERS) for picture in (x, p, a))
        style = [
            float((gram(F[l]) - gram(A[l])).square().sum() / (gram(P[l]) - gram(A[l])).square().sum())
            for l in STYLE_LAYERS
        ]
        content = (F[CONTENT_LAYER] - P[CONTENT_LAYER]).square().mean() / P[CONTENT_LAYER].square().mean()
        return Distance(sum(style) / len(style), float(content), seconds)
