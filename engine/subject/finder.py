"""Where the subject of a photo is: what one knows it by, whether a face, an animal's, a boat or a cup.

A linear read-out of one deep layer of the slim encoder, fitted to the places that make a classifier name what is in
a photo (class activation maps, Zhou et al. 2016), whichever its class. ``python -m engine.train subject`` fits it, and
measures it on photos that are kept out.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as fn
from safetensors.torch import load_file
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.gallery import HERE
from engine.tensors import at_least, resize

FILE = HERE / "weights" / "subject.safetensors"
LAYER = "fire8"
# Pixels, long sides that a photo is looked at with. The layer sees about a third of the larger: a face that fills the
# photo is told by the smaller.
SIDES = (224, 128)
STEP = 8  # pixels of one position of the layer
# What the read-out says where nothing is, and where it is certain; chosen on the evaluation photos.
NOTHING, CERTAIN = 0.21, 0.42


def deep_features(photo: Tensor, encoder: Encoder, side: int) -> Tensor:
    """What the read-out sees of a photo (3, H, W) in 0..1 at this long side: (N, h, w).

    Roots, since a few responses are many times as large as the others, and without the photo's own mean: a subject is
    what is unlike the rest.
    """
    scale = side / max(photo.shape[1:])
    height, width = at_least(photo.shape[1] * scale, photo.shape[2] * scale)
    x = resize(photo[None], (height // STEP * STEP, width // STEP * STEP))
    with torch.no_grad():
        found = encoder.features(x.contiguous(memory_format=torch.channels_last), (LAYER,))[LAYER].float().sqrt()[0]
    return found - found.mean((1, 2), keepdim=True)


class Finder:
    """Finds subjects by the features of ``encoder``, which must be the slim one."""

    def __init__(self, encoder: Encoder, path: Path = FILE) -> None:
        weights = load_file(path)
        self._encoder, self._weight, self._bias = encoder, weights["weight"], weights["bias"]

    def __call__(self, photo: Tensor) -> Tensor:
        """How much each place of a photo (3, H, W) in 0..1 belongs to its subject: (1, 1, h, w) in 0..1, coarse."""
        looks = [self._look(photo, side) for side in SIDES]
        size = (looks[0].shape[2], looks[0].shape[3])
        said = torch.stack([fn.interpolate(look, size, mode="bilinear") for look in looks]).mean(0)
        share = ((said - NOTHING) / (CERTAIN - NOTHING)).clamp(0, 1)
        return share * share * (3 - 2 * share)

    def _look(self, photo: Tensor, side: int) -> Tensor:
        features = deep_features(photo, self._encoder, side)
        weight = self._weight.to(features)
        return (torch.einsum("nhw,n->hw", features, weight) + self._bias.to(features))[None, None]
