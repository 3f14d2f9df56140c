"""Making the swatches: noise optimised towards an artwork's Gram matrices (Gatys, Ecker & Bethge 2015, style only).

The artworks themselves are not distributed. The result holds their strokes and colours and none of their motifs, and
serves as the style picture for every encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.device import quick_type
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fine.gatys import Step
from engine.fine.paint import paint
from engine.recipe import Recipe, Share
from engine.tensors import at_least, resize

STEPS = 100  # from coarse to fine
LEVELS = ("", "half/", "quarter/")  # sizes at which the statistics are to hold: every size of an optimisation
SPOTS = 64  # across the long side of what a reconstruction starts from


class Pyramid:
    """An encoder of a picture at full, at half and at a quarter of its size, so that its statistics hold at all."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.content_layers = encoder.content_layers
        self.style_layers = tuple(level + name for level in LEVELS for name in encoder.style_layers)

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """The encoder's ``layers``, of the reduced pictures those whose names begin with ``half/`` or ``quarter/``."""
        wanted, found = list(layers), dict[str, Tensor]()
        for level in LEVELS:
            names = [name for name in wanted if name.rpartition("/")[0] == level.rstrip("/")]
            if level:
                half = at_least(x.shape[2] / 2, x.shape[3] / 2)
                x = fn.interpolate(x, half, mode="bilinear", antialias=True, align_corners=False)
            if names:
                small = x.contiguous(memory_format=torch.channels_last)
                plain = self.encoder.features(small, [name.removeprefix(level) for name in names])
                found |= {level + name: F for name, F in plain.items()}
        return found


def load_encoder(device: torch.device) -> Pyramid:
    """The encoder of reconstructions."""
    slim = SlimEncoder.load().to(device).to(memory_format=torch.channels_last)
    return Pyramid(slim.quick(quick_type(device)))


def reconstruct(artwork: Tensor, encoder: Encoder, steps: int = STEPS) -> Iterator[Step]:
    """Steps towards a picture of the artwork's size, (3, H, W), that shares only its Gram matrices."""
    # At a ratio of 1e-9 the content of the start does not count.
    recipe = Recipe(styles=(Share("artwork"),), init="photo", ratio=1e-9, steps=steps, seed=1)
    for step in paint(shuffled(artwork), [(artwork, 1.0)], recipe, encoder):
        yield replace(step, x=limit_colours(step.x, artwork))


def shuffled(artwork: Tensor) -> Tensor:
    """The artwork's colours, (3, H, W), as spots in random order: noise that has about the right colours."""
    height, width = artwork.shape[-2:]
    scale = SPOTS / max(height, width)
    small = resize(artwork[None], (round(height * scale), round(width * scale)))
    order = torch.randperm(small[0, 0].numel(), generator=torch.Generator().manual_seed(1))
    return resize(small.flatten(2)[..., order.to(small.device)].view_as(small), (height, width))[0]


def limit_colours(x: Tensor, artwork: Tensor) -> Tensor:
    """x (1, 3, h, w) with the artwork's mean colour, and along none of its principal axes more deviation.

    An engraving gets grey. Less deviation is left as it is: to amplify it would raise every stroke into a relief.
    """
    mine, theirs = x.flatten(2)[0], artwork.flatten(1)
    centred = theirs - theirs.mean(1, keepdim=True)
    axes = torch.linalg.svd(centred @ centred.T).U.T
    found = axes @ (mine - mine.mean(1, keepdim=True))
    wanted = (axes @ centred).std(1, keepdim=True)
    factor = (wanted / found.std(1, keepdim=True).clamp_min(1e-4)).clamp_max(1.0)
    return (axes.T @ (found * factor) + theirs.mean(1, keepdim=True)).view_as(x).clamp(0, 1)
