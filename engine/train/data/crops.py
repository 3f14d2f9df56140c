"""Random square crops of a folder of pictures, kept decoded in memory."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as fn
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor


def load(path: Path, short: int | None = None) -> Tensor:
    """The picture at ``path`` as uint8 (3, H, W), its short side reduced to ``short`` pixels if it is longer."""
    with Image.open(path) as picture:
        rgb = ImageOps.exif_transpose(picture).convert("RGB")
        if short and min(rgb.size) > short:
            scale = short / min(rgb.size)
            rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.LANCZOS)
        return pil_to_tensor(rgb)


class Crops:
    """An endless source of crops (B, 3, size, size) in 0..1, at random places and scales, mirrored half the time."""

    def __init__(
        self,
        paths: Sequence[Path],
        size: int,
        seed: int = 0,
        short: int = 512,
        enlarged: float = 1.0,
        reduced: float = math.inf,
    ) -> None:
        """``enlarged`` and ``reduced`` are the largest factors.

        Small pictures, enlarged, show things as large as a large photo does; a painting that is reduced much has no
        strokes any more.
        """
        self.pictures = [load(path, short) for path in paths]
        self.size, self.enlarged, self.reduced = size, enlarged, reduced
        self.rng = random.Random(seed)

    def _one(self) -> Tensor:
        picture = self.rng.choice(self.pictures)
        side = min(picture.shape[1:])
        # Between the crop's own size, or less, and the whole short side, or less, uniformly on a logarithmic scale.
        least = min(side, self.size / self.enlarged)
        most = min(side, self.size * self.reduced)
        edge = round(least * (most / least) ** self.rng.random())
        top = self.rng.randint(0, picture.shape[1] - edge)
        left = self.rng.randint(0, picture.shape[2] - edge)
        crop = picture[None, :, top : top + edge, left : left + edge].float() / 255
        crop = fn.interpolate(crop, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        return crop.flip(3) if self.rng.random() < 0.5 else crop

    def batch(self, count: int) -> Tensor:
        return torch.cat([self._one() for _ in range(count)])
