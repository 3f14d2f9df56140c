"""The full encoder: ImageNet's VGG-19 with torchvision's weights, downloaded once or read from a local file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from engine import gallery
from engine.encoders.vgg import CONTENT_LAYERS, STYLE_LAYERS, TRUNK, Trunk, unit_mean
from engine.encoders.weights import convolutions, full_weights
from engine.images.decode import decode
from engine.recipe import EncoderName, Pooling
from engine.tensors import fit
from engine.wire import EncoderChoice


class FullEncoder(nn.Module):
    """ImageNet's VGG-19, cut after conv5_1 and normalised as Gatys does.

    Args:
        weights: torchvision's state dict of ``vgg19``, or the part of it that `full_weights` gives.
        pooling: ``avg`` as in the paper, or ``max`` as it was trained.
    """

    style_layers = STYLE_LAYERS
    content_layers = CONTENT_LAYERS

    def __init__(self, weights: dict[str, Tensor], pooling: Pooling = "avg") -> None:
        super().__init__()
        self.trunk = Trunk(padding_mode="zeros", pooling=pooling)
        self.trunk.convs.load_state_dict({name: tensor.float() for name, tensor in convolutions(weights).items()})
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
        cache, local: see `full_weights`.

    Raises:
        NoWeights: callers use the slim encoder instead, with a note.
    """
    encoder = FullEncoder(full_weights(cache, local), pooling).to(device)
    swatches = [style.swatch for style in gallery.default() if style.swatch.exists()]
    encoder.normalise([fit(decode(path.read_bytes()).pixels, 320)[None].to(device) for path in swatches])
    return encoder


def usual(wanted: EncoderChoice, device: torch.device, available: bool) -> EncoderName:
    """The encoder of fine orders that name none: ``wanted``, or for ``auto`` full where it is quick and at hand.

    On a CPU it takes three times as long as slim, and nobody is made to wait for a download that was not asked for.
    """
    if wanted != "auto":
        return wanted
    return "full" if device.type == "cuda" and available else "slim"
