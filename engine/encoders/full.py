"""The full encoder: ImageNet's VGG-19 with torchvision's weights, downloaded once or read from a local file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import VGG19_Weights

from engine import gallery
from engine.encoders.vgg import CONTENT_LAYERS, STYLE_LAYERS, TRUNK, Trunk, unit_mean
from engine.images.decode import decode
from engine.recipe import Pooling
from engine.tensors import fit

log = logging.getLogger(__name__)
# Where torchvision's ``features`` keeps each convolution; ReLUs and pools have numbers of their own there.
TORCHVISION = dict(zip(TRUNK, (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), strict=True))


class NoWeights(Exception):
    """The full encoder is unavailable; the message is for the operator."""


class FullEncoder(nn.Module):
    """ImageNet's VGG-19, cut after conv5_1 and normalised as Gatys does.

    Args:
        weights: torchvision's state dict of ``vgg19``.
        pooling: ``avg`` as in the paper, or ``max`` as it was trained.
    """

    style_layers = STYLE_LAYERS
    content_layers = CONTENT_LAYERS

    def __init__(self, weights: dict[str, Tensor], pooling: Pooling = "avg") -> None:
        super().__init__()
        self.trunk = Trunk(1.0, padding_mode="zeros", pooling=pooling)
        self.trunk.convs.load_state_dict(
            {
                f"{name}.{part}": weights[f"features.{i}.{part}"]
                for name, i in TORCHVISION.items()
                for part in ("weight", "bias")
            }
        )
        self.eval().requires_grad_(False)

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """ReLU outputs of ``layers`` for x (B, 3, H, W) in 0..1."""
        found: dict[str, Tensor] = self.trunk(x, layers)
        return found

    @torch.no_grad()
    def normalise(self, pictures: Iterable[Tensor]) -> None:
        """Scale each filter so that its mean activation over pictures (1, 3, H, W) and positions is 1.

        The network computes the same up to those factors: what a layer's filters are divided by, the next layer's
        weights are multiplied with. Departure: Gatys averages over ImageNet, which is not available here.
        """
        found = [{k: f.mean((0, 2, 3)) for k, f in self.trunk(x, TRUNK).items()} for x in pictures]
        before = torch.ones(3, device=self.trunk.mean.device)
        for name in TRUNK:
            factor = unit_mean(torch.stack([means[name] for means in found]).mean(0)).flatten()
            conv = self.trunk.convs[name]
            assert isinstance(conv, nn.Conv2d)
            assert conv.bias is not None
            conv.weight.mul_(factor.view(-1, 1, 1, 1) / before.view(1, -1, 1, 1))
            conv.bias.mul_(factor)
            before = factor


def load(device: torch.device, cache: Path | None, local: Path | None, pooling: Pooling = "avg") -> FullEncoder:
    """The encoder, normalised over the gallery's swatches, on ``device``.

    Args:
        cache: the folder that holds the downloaded weights, or is to hold them; None is torch's own.
        local: a file of weights, instead of a download.

    Raises:
        NoWeights: callers use the slim encoder instead, with a note.
    """
    try:
        encoder = FullEncoder(full_weights(cache, local), pooling).to(device)
    except (KeyError, RuntimeError) as error:
        raise NoWeights(
            f"The file {local or 'in the cache'} does not hold torchvision's vgg19 weights, so the slim encoder "
            "is used. Give another file in the configuration (engine.weights)."
        ) from error
    swatches = [style.swatch for style in gallery.default() if style.swatch.exists()]
    encoder.normalise([fit(decode(path.read_bytes()).pixels, 320)[None].to(device) for path in swatches])
    return encoder


def full_weights(cache: Path | None, local: Path | None) -> dict[str, Tensor]:
    """torchvision's VGG-19: from ``local`` if given, else from ``cache``, which it is downloaded to once.

    Raises:
        NoWeights: with a sentence that says what to do.
    """
    try:
        if local is not None and local.suffix == ".safetensors":
            return load_file(local)
        if local is not None:
            state: dict[str, Tensor] = torch.load(local, map_location="cpu", weights_only=True)
            return state
        downloaded = VGG19_Weights.IMAGENET1K_V1.get_state_dict(
            progress=True, check_hash=True, model_dir=str(cache) if cache else None
        )
        return dict(downloaded)
    except Exception as error:
        where = f"The file {local}" if local else "VGG-19's weights"
        log.info("full encoder: %r", error)
        raise NoWeights(
            f"{where} could not be {'read' if local else 'downloaded'}, so the slim encoder is used. Give a file of "
            "torchvision's vgg19 weights in the configuration (engine.weights), or try again with a connection."
        ) from error


def available(cache: Path | None, local: Path | None) -> bool:
    """Whether the full encoder's weights are on this machine."""
    if local is not None:
        return local.exists()
    name = VGG19_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]
    folder = cache or Path(torch.hub.get_dir()) / "checkpoints"
    return (folder / name).exists()
