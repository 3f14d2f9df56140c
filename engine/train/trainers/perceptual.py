"""Perceptual losses (Johnson et al. 2016): content and style errors of pictures against photos and artworks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.train.trainers.reconstruction import Pyramid

# Style layers, each with its weight: the deep ones, and those of the picture at half its size, hold the large forms.
STYLE_LAYERS: Mapping[str, float] = {
    **{"conv1": 1.0, "fire2": 1.0, "fire3": 1.0, "fire4": 1.0, "fire5": 1.0, "fire6": 1.0, "fire8": 1.0},
    **{"half/conv3_1": 1.0, "half/conv4_1": 1.5, "half/conv5_1": 1.5},
    **{"half/fire5": 0.5, "half/fire6": 1.0, "half/fire8": 1.0},
}
# The first keeps things where they are, the second only what they are: strokes may leave the photo's lines.
CONTENT_LAYERS: Mapping[str, float] = {"fire4": 0.5, "half/conv4_2": 0.5}
SLICES = 12  # directions in which palettes are compared, others at every step
RANKS = 1024


class StyleTarget(NamedTuple):
    """What one picture of a batch is to become: ``share`` of style i, the rest of style j, at a strength."""

    i: int
    j: int
    share: float
    t: float  # 0 the photo, 1 the style's own strength


class Perceptual:
    """Content and style errors by a teacher's layers."""

    def __init__(self, teacher: Encoder) -> None:
        """``teacher`` is both teachers, or the slim encoder that stands for them."""
        self.teacher = Pyramid(teacher)
        self.styles: dict[str, Tensor] = {}  # Gram matrices by layer, (styles, N_l, N_l)

    def statistics(self, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(Gram matrices by style layer, features by content layer) of x (B, 3, H, W)."""
        features = self.teacher.features(x, (*STYLE_LAYERS, *CONTENT_LAYERS))
        return grams({name: features[name] for name in STYLE_LAYERS}), {
            name: features[name].float() for name in CONTENT_LAYERS
        }

    @torch.no_grad()
    def set_styles(self, artworks: Iterable[Tensor], sides: Sequence[int]) -> None:
        """Take artworks (1, 3, H, W) as the styles 0, 1, ...: the mean of their Gram matrices at several sizes."""
        found = [self._grams_of(artwork, sides) for artwork in artworks]
        self.styles = {name: torch.stack([A[name] for A in found]) for name in found[0]}

    def _grams_of(self, artwork: Tensor, sides: Sequence[int]) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for side in sides:
            scale = side / max(artwork.shape[-2:])
            height, width = (4 * round(n * scale / 4) for n in artwork.shape[-2:])
            a = fn.interpolate(artwork, (height, width), mode="bilinear", antialias=True, align_corners=False)
            # With its mirror image, or the strokes of flat places would all run one way.
            for name, G in self.statistics(torch.cat([a, a.flip(3)]))[0].items():
                total[name] = total.get(name, 0) + G.mean(0) / len(sides)
        return total

    def errors(self, x: Tensor, y: Tensor, targets: Sequence[StyleTarget]) -> tuple[Tensor, Tensor]:
        """(content, style) error of every picture y of photos x (B, 3, H, W): 0 is perfect, about 1 is unrelated."""
        with torch.autocast(x.device.type, torch.bfloat16):
            with torch.no_grad():
                P = self.teacher.features(x, tuple(CONTENT_LAYERS))
            found, F = self.statistics(y)
        content = torch.zeros(len(x), device=x.device)
        for name, weight in CONTENT_LAYERS.items():
            target = P[name].float()
            error = (F[name] - target).square().mean((1, 2, 3)) / target.square().mean((1, 2, 3))
            content = content + weight / sum(CONTENT_LAYERS.values()) * error
        style = torch.zeros_like(content)
        for name, weight in STYLE_LAYERS.items():
            known = self.styles[name]
            A = torch.stack([torch.lerp(known[t.j].float(), known[t.i].float(), t.share) for t in targets])
            error = (found[name] - A).square().sum((1, 2)) / A.square().sum((1, 2))
            style = style + weight / sum(STYLE_LAYERS.values()) * error
        return content, style


class Palettes:
    """How far pictures' colours are from a painting's: the sliced Wasserstein distance (Rabin et al. 2011).

    Gram matrices of deep networks hardly see a colour that a painting has little of, such as the green of a few
    shapes. Here every colour has to go somewhere.
    """

    def __init__(self, artworks: Iterable[Tensor]) -> None:
        """``artworks`` are (1, 3, H, W) in 0..1."""
        self.colours = torch.cat([_colours(fn.interpolate(a, (192, 192), mode="area")) for a in artworks])

    def errors(self, y: Tensor, targets: Sequence[StyleTarget]) -> Tensor:
        """The squared distance for every picture y (B, 3, H, W), over the painting's own variance: (B,)."""
        directions = fn.normalize(torch.randn(3, SLICES, device=y.device), dim=0)
        seen = _colours(fn.avg_pool2d(y.float(), 2)) @ directions
        known = self.colours.to(y) @ directions
        rows = []
        for colours, target in zip(_quantiles(seen), targets, strict=True):
            # Along a line the colours half way between two palettes are those half way between their ranks.
            A = torch.lerp(_quantiles(known[target.j]), _quantiles(known[target.i]), target.share)
            rows.append((colours - A).square().mean() / A.var(0, correction=0).mean())
        return torch.stack(rows)


def _colours(x: Tensor) -> Tensor:
    """The pixels of pictures (B, 3, h, w) as (B, M, 3): light, and two differences of colours."""
    red, green, blue = x.unbind(1)
    return torch.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue], -1).flatten(1, 2)


def _quantiles(x: Tensor) -> Tensor:
    """Values (..., M, S) in order, at `RANKS` evenly spaced ranks: (..., RANKS, S)."""
    ranks = torch.linspace(0, x.shape[-2] - 1, RANKS, device=x.device).round().long()
    return x.sort(-2).values.index_select(-2, ranks)


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
