"""Perceptual losses (Johnson et al. 2016): content and style errors of pictures against photos and artworks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor

STYLE_LAYERS = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire8")
CONTENT_LAYER = "fire4"


class StyleTarget(NamedTuple):
    """What one picture of a batch is to become: ``share`` of style i, the rest of style j, at a strength."""

    i: int
    j: int
    share: float
    t: float  # 0 the photo, 1 the style's own strength


class Teacher(Protocol):
    """A network whose layers are compared: SqueezeNet, or the slim encoder's branch that stands for it."""

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]: ...


class Perceptual:
    """Content and style errors by a teacher's layers."""

    def __init__(self, teacher: Teacher, layers: Sequence[str] = STYLE_LAYERS) -> None:
        self.teacher, self.layers = teacher, tuple(layers)
        self.styles: dict[str, Tensor] = {}  # Gram matrices by layer, (styles, N_l, N_l)

    def statistics(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(Gram matrices by layer, content features) of x (B, 3, H, W)."""
        features = self.teacher.features(x, self.layers)
        return grams(features), features[CONTENT_LAYER].float()

    @torch.no_grad()
    def set_styles(self, artworks: Iterable[Tensor], sides: Sequence[int]) -> None:
        """Take artworks (1, 3, H, W) as the styles 0, 1, ...: the mean of their Gram matrices at several sizes."""
        found = [self._grams_of(artwork, sides) for artwork in artworks]
        self.styles = {name: torch.stack([A[name] for A in found]) for name in found[0]}

    def _grams_of(self, artwork: Tensor, sides: Sequence[int]) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for side in sides:
            scale = side / max(artwork.shape[-2:])
            height, width = (2 * round(n * scale / 2) for n in artwork.shape[-2:])
            a = fn.interpolate(artwork, (height, width), mode="bilinear", antialias=True, align_corners=False)
            for name, G in self.statistics(a)[0].items():
                total[name] = total.get(name, 0) + G[0] / len(sides)
        return total

    def errors(self, x: Tensor, y: Tensor, targets: Sequence[StyleTarget]) -> tuple[Tensor, Tensor]:
        """(content, style) error of every picture y of photos x (B, 3, H, W): 0 is perfect, about 1 is unrelated."""
        with torch.autocast(x.device.type, torch.bfloat16):
            with torch.no_grad():
                P = self.teacher.features(x, (CONTENT_LAYER,))[CONTENT_LAYER].float()
            found, F = self.statistics(y)
        content = (F - P).square().mean((1, 2, 3)) / P.square().mean((1, 2, 3))
        style = torch.zeros_like(content)
        for name, G in found.items():
            A = torch.stack([torch.lerp(self.styles[name][t.j], self.styles[name][t.i], t.share) for t in targets])
            style = style + (G - A).square().sum((1, 2)) / A.square().sum((1, 2)) / len(found)
        return content, style


def grams(features: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gram matrices of each picture, (B, N_l, N_l), over the number of positions."""
    return {name: (F.flatten(2) @ F.flatten(2).mT).float() / F[0, 0].numel() for name, F in features.items()}


def augmented(x: Tensor, rng: random.Random) -> Tensor:
    """The photos (B, 3, h, w), some made dark, pale or flat, since networks fail at nights and skies."""
    x = x.clone()
    for i in range(len(x)):
        draw = rng.random()
        if draw < 0.15:
            x[i] *= rng.uniform(0.15, 0.6)
        elif draw < 0.25:
            x[i] = x[i].mean((1, 2), keepdim=True).lerp(x[i], rng.uniform(0.15, 0.6))
        elif draw < 0.35:
            coarse = fn.adaptive_avg_pool2d(x[i : i + 1], rng.choice((2, 3, 5)))
            smooth = fn.interpolate(coarse, x.shape[-2:], mode="bicubic", align_corners=False)[0].clamp(0, 1)
            rows = rng.randint(x.shape[-2] // 3, x.shape[-2])  # flat down to here, as a sky above a town
            x[i, :, :rows] = smooth[:, :rows]
    return x


def uniform_noise(x: Tensor) -> Tensor:
    """The network's noise channel for photos x (B, 3, H, W): (B, 1, H, W) in -1..1."""
    return 2 * torch.rand(len(x), 1, *x.shape[2:], device=x.device) - 1
