"""What generators are trained against: discriminators of patches, and pictures of before to show them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.encoders.slim import SlimEncoder
from engine.fast.normalise import normalised

# Departure: beside the pixels, as in CycleGAN, judges look at layers of an encoder that knows of strokes already
# (Sauer et al. 2021, Projected GANs). Without them it takes some ten thousands of steps until strokes come.
LAYERS = ("conv1", "fire3", "fire5")
PIXELS = "pixels"
PIXEL_LAYERS = 2

Seen = Mapping[str, Tensor]  # what a judge looks at


class Patches(nn.Module):
    """PatchGAN (Isola et al. 2017): says of every patch whether it comes from a real picture, 1, or not, 0."""

    def __init__(self, channels: int, width: int, layers: int) -> None:
        """``layers`` are those of stride 2: on pixels a patch is 16, 34 or 70 wide with 1, 2 or 3."""
        super().__init__()
        widths = [width * min(2**k, 8) for k in range(layers + 1)]
        self.first = nn.Conv2d(channels, widths[0], 4, 2, padding=1)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 4, 1 if k == layers - 1 else 2, padding=1)
            for k, (before, after) in enumerate(itertools.pairwise(widths))
        )
        self.last = nn.Conv2d(widths[-1], 1, 4, 1, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """(B, N, H, W) to (B, 1, h, w)."""
        h = fn.leaky_relu(self.first(h), 0.2)
        for conv in self.convs:
            h = conv(h)
            ones = torch.ones(h.shape[:2], device=h.device)
            h = fn.leaky_relu(normalised(h, ones, torch.zeros_like(ones)), 0.2)
        return self.last(h).float()


class Judge(nn.Module):
    """Discriminators of one kind of picture, each with its own way to look at it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = SlimEncoder.channels()
        self.looks = nn.ModuleDict({name: Patches(channels[name], width, 1) for name in LAYERS})
        self.looks[PIXELS] = Patches(3, width, PIXEL_LAYERS)

    def error(self, seen: Seen, truth: float) -> Tensor:
        """How far what it says is from ``truth``: the mean over patches, and over its ways to look (LSGAN)."""
        return torch.stack([(look(seen[name]) - truth).square().mean() for name, look in self.looks.items()]).mean()


def seen(encoder: SlimEncoder, x: Tensor) -> Seen:
    """The pictures x (B, 3, H, W) in 0..1 as judges look at them."""
    return {PIXELS: 2 * x - 1, **encoder.features(x, LAYERS)}


class History:
    """Painted pictures of before: a judge must not forget the generator's old tricks (Shrivastava et al. 2017).

    50 pictures, as in CycleGAN. Departure: a judge is shown several for every new one, which costs little beside the
    generator's step.
    """

    def __init__(self, rng: random.Random, size: int = 50) -> None:
        self.pictures: list[Tensor] = []
        self.rng, self.size = rng, size

    def with_older(self, x: Tensor, count: int) -> Tensor:
        """``count`` pictures (count, 3, H, W): the new ones x (B, 3, H, W) first, which are kept for later as well."""
        older = self.rng.choices(self.pictures, k=count - len(x)) if self.pictures else []
        for picture in x:
            if len(self.pictures) < self.size:
                self.pictures.append(picture)
            else:
                self.pictures[self.rng.randrange(self.size)] = picture
        return torch.stack([*x, *older])
