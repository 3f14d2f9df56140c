"""Small helpers for pictures as tensors, (B, 3, H, W) in 0..1, which several methods share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

MIN_SIDE = 32  # pixels; below it the encoders' fifth level, a sixteenth of the picture, is left with a single column
YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))

Styles = list[tuple[Tensor, float]]  # pictures (1, 3, h, w), each with its relative weight


M = TypeVar("M", bound=nn.Module)


def in_type(network: M, dtype: torch.dtype) -> M:
    """The network with its convolutions' weights in ``dtype``, and nothing else."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(dtype)
    return network


def clamp(x: Tensor) -> Tensor:
    return x.clamp(0, 1)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 3, H, W) to (B, 3, *size), antialiased."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return fn.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def fit(pixels: Tensor, long_side: int) -> Tensor:
    """``pixels`` (C, H, W) with its long side at exactly ``long_side`` pixels, larger or smaller, antialiased.

    The short side follows, but is never below `MIN_SIDE`.
    """
    height, width = pixels.shape[1:]
    scale = long_side / max(height, width)
    return resize(pixels[None], at_least(height * scale, width * scale))[0]


def reduced(pixels: Tensor, long_side: int) -> Tensor:
    """``pixels`` (C, H, W) with its long side at most ``long_side`` pixels."""
    return fit(pixels, long_side) if max(pixels.shape[1:]) > long_side else pixels


def reduced_map(weights: Tensor, size: tuple[int, int]) -> Tensor:
    """A map (1, 1, H, W) at another size, antialiased."""
    return fn.interpolate(weights, size, mode="bilinear", antialias=True, align_corners=False)


def at_least(height: float, width: float) -> tuple[int, int]:
    """A size in whole pixels, no side below `MIN_SIDE`."""
    return max(MIN_SIDE, round(height)), max(MIN_SIDE, round(width))


def resized_style(a: Tensor, long_side: int, brush: float) -> Tensor:
    """A style picture (1, 3, h, w) as large as the photo, times the brush.

    Only the brush enlarges it beyond its own size, since blurred strokes have blurred statistics.
    """
    height, width = a.shape[-2:]
    native = max(height, width)
    factor = brush * min(long_side, native) / native
    return resize(a, at_least(height * factor, width * factor))


def grey(x: Tensor) -> Tensor:
    """A picture (B, 3, H, W) by its luminance alone."""
    return torch.einsum("j,bjhw->bhw", torch.tensor(YIQ[0]).to(x), x)[:, None].expand(-1, 3, -1, -1)


def luminance_only(
    p: Tensor, styles: Sequence[tuple[Tensor, float]]
) -> tuple[Tensor, Styles, Callable[[Tensor], Tensor]]:
    """Paint in luminance and put the photo's colours back (Gatys et al. 2017, section 4).

    Of that paper's two ways it is the one that keeps the photo's colours exactly; matching histograms would only
    recolour the style. As there, the style's luminance gets the mean and deviation of the photo's.

    Args:
        p: photo, (1, 3, H, W) in 0..1.
        styles: pictures (1, 3, h, w) in 0..1, each with its weight.

    Returns:
        The photo in grey, the styles in grey, and the function that puts the photo's colours into the result.
    """
    to_yiq = torch.tensor(YIQ).to(p)
    yiq = torch.einsum("ij,bjhw->bihw", to_yiq, p)
    to_rgb = torch.linalg.inv(to_yiq)
    y = yiq[:, :1]

    def grey(a: Tensor) -> Tensor:
        luminance = torch.einsum("j,bjhw->bhw", to_yiq[0], a)[:, None]
        matched = (luminance - luminance.mean()) * (y.std() / luminance.std().clamp_min(1e-3)) + y.mean()
        return matched.clamp(0, 1).expand(-1, 3, -1, -1)

    def finish(x: Tensor) -> Tensor:
        luminance = torch.einsum("j,bjhw->bhw", to_yiq[0], x.clamp(0, 1))[:, None]
        colours = fn.interpolate(yiq[:, 1:], x.shape[-2:], mode="bilinear", antialias=True, align_corners=False)
        return torch.einsum("ij,bjhw->bihw", to_rgb, torch.cat([luminance, colours], 1)).clamp(0, 1)

    return y.expand(-1, 3, -1, -1), [(grey(a), weight) for a, weight in styles], finish


def blur(x: Tensor, deviation: float) -> Tensor:
    """A Gaussian of this deviation in pixels over x (B, 1, h, w), mirrored at the borders."""
    radius = min(round(3 * deviation), min(x.shape[2:]) - 1)
    offsets = torch.arange(-radius, radius + 1).to(x)
    kernel = torch.exp(-(offsets / deviation).square() / 2)
    kernel = kernel / kernel.sum()
    x = fn.conv2d(fn.pad(x, (radius, radius, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    return fn.conv2d(fn.pad(x, (0, 0, radius, radius), mode="reflect"), kernel.view(1, 1, -1, 1))
