"""From statistics of any picture's features to a pair of the gallery's network, as if trained for it.

After Ghiasi et al. (2017, "Exploring the structure of a real-time, arbitrary neural artistic stylization network"),
with features of the slim encoder in place of a network of its own.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.encoders.vgg import Encoder
from engine.gallery import HERE
from engine.tensors import at_least, resize

FILE = HERE / "weights" / "universal.safetensors"
SIDES = (512, 256)  # pixels, long sides at which a picture is looked at: strokes and forms
LAYERS = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "conv3_1", "conv4_1", "conv5_1")
CODES = 128  # numbers that a picture is described by
HIDDEN = 256
FLOOR = 0.02  # added to means and deviations, which are near 1, before the logarithm


def statistics(a: Tensor, encoder: Encoder) -> Tensor:
    """The logarithms of each filter's mean and deviation over a picture a (1, 3, H, W), at all of `SIDES`: (D,)."""
    found = []
    for side in SIDES:
        scale = side / max(a.shape[-2:])
        x = resize(a, at_least(a.shape[-2] * scale, a.shape[-1] * scale))
        features = encoder.features(x.contiguous(memory_format=torch.channels_last), LAYERS)
        for name in LAYERS:
            f = features[name].float().flatten(2)[0]  # (N_l, M_l)
            found += [(f.mean(1) + FLOOR).log(), (f.std(1, correction=0) + FLOOR).log()]
    return torch.cat(found)


class Predictor(nn.Module):
    """A linear map to a few codes, and from these a linear one and a small correction to gamma and beta."""

    mean: Tensor
    projection: Tensor
    photo: Tensor

    def __init__(self, statistics: int, channels: int, codes: int = CODES, hidden: int = HIDDEN) -> None:
        """For ``statistics`` (D) numbers of a picture and a network of ``channels`` (C) normalised channels."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(statistics))
        self.register_buffer("projection", torch.zeros(codes, statistics))
        self.register_buffer("photo", torch.zeros(2, channels))  # the identity's pair, from which all others differ
        self.linear = nn.Linear(codes, 2 * channels)
        self.into = nn.Linear(codes, hidden)
        self.out = nn.Linear(hidden, 2 * channels, bias=False)

    def codes(self, s: Tensor) -> Tensor:
        """Statistics (B, D) -> (B, codes)."""
        return (s - self.mean) @ self.projection.T

    def forward(self, codes: Tensor) -> Tensor:
        """(B, codes) -> gamma and beta (B, 2, C)."""
        change = self.linear(codes) + self.out(torch.relu(self.into(codes)))
        return self.photo + change.unflatten(1, self.photo.shape)


def load(device: torch.device, path: Path = FILE) -> Predictor:
    """The package's predictor."""
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    predictor = Predictor(len(state["mean"]), state["photo"].shape[1], *state["into.weight"].shape[::-1])
    predictor.load_state_dict(state)
    return predictor.eval().requires_grad_(False).to(device)
