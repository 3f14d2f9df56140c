"""Small scenes whose motion is known, and files of them."""

from __future__ import annotations

import io
import math

import torch
from PIL import Image
from torch import Tensor

from engine.motion.flow import sampled


def texture(height: int, width: int, seed: int = 1) -> Tensor:
    """(1, 3, height, width) in 0..1, with detail at every scale down to two pixels."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, height, width)
    for cell in (2, 4, 8, 16):
        noise = torch.rand(1, 3, height // cell + 2, width // cell + 2, generator=generator)
        large = torch.nn.functional.interpolate(noise, scale_factor=cell, mode="bicubic", align_corners=False)
        total += large[..., :height, :width] / 4
    return total.clamp(0, 1)


def pan(count: int, height: int = 64, width: int = 96, step: int = 4) -> list[Tensor]:
    """A camera that moves to the right: what a frame shows at x was at x + step in the one before."""
    wide = texture(height, width + count * step)
    return [wide[..., i * step : i * step + width] for i in range(count)]


def square(at: int, side: int = 28, height: int = 72, width: int = 112) -> Tensor:
    """A square at a column, over a background that stands still."""
    frame = texture(height, width, 2).clone()
    frame[..., 20 : 20 + side, at : at + side] = texture(side, side, 3)
    return frame


def disc(angle: float, side: int = 96) -> Tensor:
    """A disc turned by an angle, over a background that stands still."""
    frame, picture = texture(side, side, 4), texture(side, side, 5)
    rows, columns = torch.meshgrid(torch.arange(side) - side / 2, torch.arange(side) - side / 2, indexing="ij")
    at = torch.stack(
        [math.cos(angle) * columns + math.sin(angle) * rows, math.cos(angle) * rows - math.sin(angle) * columns]
    )
    turned = sampled(picture, at[None] + side / 2, "bicubic").clamp(0, 1)
    return torch.where(rows**2 + columns**2 < (side / 3) ** 2, turned, frame)


def as_bytes(frames: list[Tensor]) -> list[Tensor]:
    return [frame[0].mul(255).round().to(torch.uint8) for frame in frames]


def pictures(frames: list[Tensor]) -> list[Image.Image]:
    return [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in as_bytes(frames)]


def file(kind: str, frames: list[Image.Image], times: list[int], loop: int | None = 0, **settings) -> bytes:
    """An animation; times in milliseconds."""
    out = io.BytesIO()
    repeats = {} if loop is None else {"loop": loop}
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=times, **repeats, **settings)
    return out.getvalue()
