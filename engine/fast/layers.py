"""The network's convolutions: padded by reflection and enlarged without a copy of what they read.

On a CPU with bfloat16 the products are cheap, and what remains is reading and writing: torch's reflection padding and
its enlargement each write every feature once more.
"""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

# Rows or columns from which the edges are computed. A few would do, but from fewer than five oneDNN's bfloat16
# convolution of stride 2 returns what happened to be in memory (torch 2.15).
STRIP = 16


class Conv(nn.Conv2d):
    """A convolution that pads by reflection, so that borders get no dark edge."""

    def __init__(self, channels: int, filters: int, side: int, stride: int = 1) -> None:
        super().__init__(channels, filters, side, stride, padding=side // 2, padding_mode="reflect")
        self.pad, self.step = side // 2, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, H, W) to (B, filters, ceil(H / stride), ceil(W / stride))."""
        if torch.is_grad_enabled() or min(x.shape[2:]) < 2 * STRIP:
            return super().forward(x)
        return with_edges(self, x, fn.conv2d(x, self.weight, self.bias, self.step, self.pad))


class Enlarging(nn.Conv2d):
    """Twice the size by repeating every position, then a convolution of 3x3 padded by reflection."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__(channels, filters, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, H, W) to (B, filters, 2 H, 2 W)."""
        # Each of the four pixels of a position is a convolution of the positions themselves, with another kernel.
        taps = _TAPS.to(self.weight)
        kernel = torch.einsum("ati,ocij,buj->oabctu", taps, self.weight, taps).flatten(0, 2)
        assert self.bias is not None
        # What reflection repeats beyond the border of the enlarged picture is the border's own position.
        y = fn.conv2d(fn.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, self.bias.repeat_interleave(4))
        return fn.pixel_shuffle(y, 2)


# How the kernel's three taps fall on three positions, for the first and for the second pixel of a position.
_TAPS = torch.tensor([[[1.0, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]])


def with_edges(conv: Conv, x: Tensor, y: Tensor) -> Tensor:
    """y = conv(x) padded with zeros, its edges replaced by what padding by reflection gives."""
    p, s = conv.pad, conv.step
    ring = -(-p // s)  # rows and columns of y that see the padding
    for dim in (2, 3):
        length, out = x.shape[dim], y.shape[dim]
        first = fn.pad(x.narrow(dim, 0, STRIP), _padding(dim, p, p, 0), mode="reflect")
        y.narrow(dim, 0, ring).copy_(fn.conv2d(first, conv.weight, conv.bias, conv.step).narrow(dim, 0, ring))
        seen = (out - 1) * s + p - (length - 1)  # rows of padding that the last one reads
        if seen > 0:
            begin = (out - STRIP // s) * s - p
            last = fn.pad(x.narrow(dim, begin, length - begin), _padding(dim, p, 0, seen), mode="reflect")
            found = fn.conv2d(last, conv.weight, conv.bias, conv.step)
            count = -(-seen // s)
            y.narrow(dim, out - count, count).copy_(found.narrow(dim, found.shape[dim] - count, count))
    return y


def _padding(dim: int, across: int, first: int, last: int) -> tuple[int, int, int, int]:
    """(left, right, top, bottom): ``first`` and ``last`` along ``dim``, ``across`` on the other sides."""
    return (across, across, first, last) if dim == 2 else (first, last, across, across)
