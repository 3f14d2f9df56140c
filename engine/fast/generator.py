"""The ResNet generator of CycleGAN (Zhu et al. 2017), as pytorch-CycleGAN-and-pix2pix stores it.

Its layers have the numbers that they have there, ``model.1.weight`` and so on, so its files load as they are. What has
no weights (padding, normalisation, ReLU) keeps its number as an `nn.Identity` and is done in `forward`. So does batch
normalisation, which some of these networks have in place of instance normalisation: it is a part of the convolutions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.fast.layers import Conv
from engine.fast.network import Moments, moments_of
from engine.fast.normalise import normalised

WIDTH, BLOCKS = 64, 9  # of the published networks; a file may have others
EPSILON = 1e-5  # torch's own for instance normalisation, which the published networks use
STRIDE = 4

Kind = Literal["instance", "batch"]  # of normalisation
Norm = Callable[[Tensor], Tensor]


class Block(nn.Module):
    """A residual block: two convolutions, each normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        gap = [nn.Identity() for _ in range(4)]
        self.conv_block = nn.Sequential(gap[0], Conv(width, width, 3), *gap[1:], Conv(width, width, 3))

    def forward(self, h: Tensor, norm: Norm) -> Tensor:
        first, second = self.conv_block[1], self.conv_block[5]
        return h + norm(second(fn.relu_(norm(first(h)))))


class ResNetGenerator(nn.Module):
    """A photo to a picture as a collection shows things; the way back is another one."""

    def __init__(self, width: int = WIDTH, blocks: int = BLOCKS, kind: Kind = "instance") -> None:
        super().__init__()
        self.kind = kind
        with_weights = [
            Conv(3, width, 7),
            nn.Conv2d(width, 2 * width, 3, 2, padding=1),
            nn.Conv2d(2 * width, 4 * width, 3, 2, padding=1),
            *(Block(4 * width) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * width, 2 * width, 3, 2, padding=1, output_padding=1),
            nn.ConvTranspose2d(2 * width, width, 3, 2, padding=1, output_padding=1),
            Conv(width, 3, 7),
        ]
        layers: list[nn.Module] = [nn.Identity()]
        for layer in with_weights:
            layers += [layer] if isinstance(layer, Block) else [layer, nn.Identity(), nn.Identity()]
        layers.insert(-3, nn.Identity())  # the last convolution's padding
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor, moments: list[Moments] | None = None) -> Tensor:
        """Pictures (B, 3, H, W) in 0..1 of photos in 0..1; H and W are multiples of `STRIDE`.

        ``moments`` as for `engine.fast.network.Network.forward`.
        """
        norm = _norm(moments) if self.kind == "instance" else _unchanged
        *before, last = (layer for layer in self.model if not isinstance(layer, nn.Identity))
        h = (2 * x - 1).to(next(self.parameters()).dtype)
        for layer in before:
            h = layer(h, norm) if isinstance(layer, Block) else fn.relu_(norm(layer(h)))
        return (torch.tanh(last(h).float()) + 1) / 2


def _unchanged(h: Tensor) -> Tensor:
    return h


def _norm(moments: list[Moments] | None) -> Norm:
    """Instance normalisation; with an empty list notes every layer's moments in it, with a full one uses those."""
    given = iter(list(moments)) if moments else None

    def norm(h: Tensor) -> Tensor:
        if moments is None:
            ones = torch.ones(h.shape[:2], device=h.device)
            return normalised(h, ones, torch.zeros_like(ones), EPSILON)
        if given is not None:
            mean, variance = next(given)
        else:
            mean, variance = moments_of(h.float())
            moments.append((mean, variance))
        scale = torch.rsqrt(variance + EPSILON)
        return torch.addcmul((-mean * scale).to(h.dtype), h, scale.to(h.dtype))

    return norm
