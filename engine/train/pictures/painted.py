"""One picture in a style, example photos, and WebP within a limit of bytes."""

from __future__ import annotations

import io

import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine.fast.network import Network
from engine.fast.paint import paint
from engine.recipe import Recipe

SWATCH_BYTES = 220_000


def example_photo(name: str) -> Tensor:
    """One of scikit-image's photos, (3, H, W) in 0..1; only the test extra installs them."""
    from skimage import data

    return torch.from_numpy(getattr(data, name)()).permute(2, 0, 1).float() / 255


def painted(network: Network, photo: Tensor, recipe: Recipe) -> Tensor:
    """The photo (3, H, W) in the recipe's one style, (1, 3, H, W)."""
    *_, (_, x) = paint(network, photo, network.pair([(recipe.styles[0].name, 1.0)]), recipe)
    return x


def webp(x: Tensor, most: int = SWATCH_BYTES) -> bytes:
    """The picture x (1, 3, H, W) in 0..1 as WebP of at most ``most`` bytes, in the best quality that fits."""
    picture = to_pil_image(x[0].cpu())
    for quality in range(90, 30, -4):
        data = io.BytesIO()
        picture.save(data, "WEBP", quality=quality, method=6)
        if data.tell() <= most:
            return data.getvalue()
    raise ValueError(f"the picture does not fit into {most} bytes at an acceptable quality")
