"""Tensor -> bytes: PNG and JPEG without metadata, but for the recipe line in a PNG."""

from __future__ import annotations

import io
import zlib

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from engine.images.metadata import LINE_KEY, MADE_WITH_KEY
from engine.tensors import fit


def encode_png(pixels: Tensor, line: str = "", alpha: Tensor | None = None, made_with: str = "") -> bytes:
    """PNG of ``pixels`` (3, H, W) in 0..1 sRGB and ``alpha`` (1, H, W), with no text but the recipe ``line`` and the
    versions that it was ``made_with``."""
    info = PngInfo()
    info.add(b"sRGB", b"\0")  # the colour space; rendering intent: perceptual
    for key, text in ((LINE_KEY, line), (MADE_WITH_KEY, made_with)):
        if text:
            info.add_text(key, text)
    file = io.BytesIO()
    picture = picture_of(pixels if alpha is None else torch.cat([pixels, alpha]))
    # Brushwork does not repeat: to look for more than runs of a value takes four times as long and saves nothing.
    picture.save(file, "PNG", pnginfo=info, compress_type=zlib.Z_RLE)
    return file.getvalue()


def encode_jpeg(pixels: Tensor, long_side: int | None = None, quality: int = 85) -> bytes:
    """A small baseline JPEG of ``pixels`` (3, H, W) in 0..1, reduced to ``long_side`` pixels if it is larger."""
    if long_side and long_side < max(pixels.shape[1:]):
        pixels = fit(pixels.detach().float(), long_side)
    file = io.BytesIO()
    picture_of(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def picture_of(pixels: Tensor) -> Image.Image:
    """What Pillow draws upon, of ``pixels`` (C, H, W) in 0..1."""
    values = pixels.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
    return Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())
