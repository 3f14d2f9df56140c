"""Small pictures as tensors, for tests of what paints."""

from __future__ import annotations

import torch
from torch import Tensor


def disc(height: int, width: int) -> Tensor:
    """A disc on a slope of colour, (3, height, width) in 0..1."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    inside = ((x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.06).float()
    return torch.stack([0.2 + 0.6 * x, 0.7 * y + 0.1, 0.8 * inside + 0.1])
