"""VGG-19's convolutions up to conv5_1, of any width, with features by the paper's layer names.

Simonyan & Zisserman (2015), configuration E, cut after conv5_1. A layer's name means its output *after* the ReLU, as
in Gatys, Ecker & Bethge (2016). Encoders take RGB pictures in 0..1 of shape (B, 3, H, W).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

# Pooling stands before the first convolution of each block but the first.
BLOCKS = (2, 2, 4, 4, 1)
WIDTHS = (64, 128, 256, 512, 512)  # channels of the blocks
TRUNK: tuple[str, ...] = tuple(f"conv{b}_{i}" for b, count in enumerate(BLOCKS, 1) for i in range(1, count + 1))
STYLE_LAYERS: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYERS: tuple[str, ...] = ("conv4_2",)

# The statistics of ImageNet's RGB, which torchvision's weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def unit_mean(mean: Tensor) -> Tensor:
    """The factor per filter that brings its mean activation to 1 (Gatys et al. 2016, section 2): (N,) -> (1, N, 1, 1).

    Departure: the mean activation of a filter that is hardly ever active is taken as a quarter of the layer's average.
    Amplified to the size of everything else, rare filters leave specks, and crowd out the large forms.
    """
    return (1 / mean.clamp_min(float(mean.mean()) / 4).clamp_min(1e-6)).view(1, -1, 1, 1)


class Encoder(Protocol):
    """A network that the losses compare pictures with: features by layer, and the default layers."""

    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]: ...


Padding = Literal["zeros", "reflect"]


class Trunk(nn.Module):
    """The convolutions of VGG-19 up to conv5_1, with ``widths`` channels in its five blocks.

    ``padding_mode`` is ``zeros`` for torchvision's weights and ``reflect`` for the slim encoder; ``pooling`` is
    ``avg`` (Gatys' choice for synthesis) or ``max``.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        padding_mode: Padding = "zeros",
        pooling: str = "avg",
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleDict()
        self.channels: dict[str, int] = {}
        channels = 3
        for b, (count, n) in enumerate(zip(BLOCKS, widths, strict=True), 1):
            for i in range(1, count + 1):
                name = f"conv{b}_{i}"
                self.convs[name] = nn.Conv2d(channels, n, 3, padding=1, padding_mode=padding_mode)
                self.channels[name] = channels = n
        self.pooling = pooling
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """What it multiplies in."""
        return next(self.convs.parameters()).dtype

    def forward(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """ReLU outputs of ``layers`` for x (B, 3, H, W) in 0..1; nothing beyond the deepest is computed."""
        wanted = set(layers)
        deepest = max(TRUNK.index(name) for name in wanted)
        pool = fn.avg_pool2d if self.pooling == "avg" else fn.max_pool2d
        found = {}
        h = ((x - self.mean) / self.std).to(self.dtype)
        for name in TRUNK[: deepest + 1]:
            if name.endswith("_1") and name != "conv1_1":
                h = pool(h, 2)
            h = fn.relu_(self.convs[name](h))
            if name in wanted:
                found[name] = h
        return found
