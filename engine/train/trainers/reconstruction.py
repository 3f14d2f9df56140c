"""Making the swatches: noise optimised towards an artwork's Gram matrices (Gatys, Ecker & Bethge 2015, style only).

The artworks themselves are not distributed. The result holds their strokes and colours and none of their motifs, and
serves as the style picture for every encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fine.gatys import Run, Step
from engine.fine.paint import paint
from engine.fine.scales import Scale
from engine.recipe import Recipe, Share
from engine.tensors import resize
from engine.train.data.teachers import calibrated_teachers

STEPS = 150  # with the slim encoder, from coarse to fine ...
LAST_STEPS = 40  # ... and then with the teachers, which it stands for, at full size
SPOTS = 64  # across the long side of what a reconstruction starts from


class Pyramid:
    """An encoder of a picture at full and at half size, so that its statistics hold at both."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.content_layers = encoder.content_layers
        self.style_layers = (*encoder.style_layers, *(f"half/{name}" for name in encoder.style_layers))

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        wanted = list(layers)
        full = [name for name in wanted if not name.startswith("half/")]
        found = self.encoder.features(x, full)
        half = [name.removeprefix("half/") for name in wanted if name.startswith("half/")]
        if half:
            small = fn.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True, align_corners=False)
            found |= {f"half/{name}": f for name, f in self.encoder.features(small, half).items()}
        return found


class Encoders(NamedTuple):
    """The encoders of a reconstruction."""

    slim: Encoder
    teachers: Encoder  # some four times as slow


def load_encoders(data: Path, device: torch.device) -> Encoders:
    return Encoders(Pyramid(SlimEncoder.load().to(device)), Pyramid(calibrated_teachers(data, device)))


def reconstruct(artwork: Tensor, encoders: Encoders, steps: int = STEPS) -> Iterator[Step]:
    """Steps towards a picture of the artwork's size, (3, H, W), that shares only its Gram matrices."""
    # At a ratio of 1e-9 the content of the start does not count.
    recipe = Recipe(styles=(Share("artwork"),), init="photo", ratio=1e-9, steps=steps, seed=1)
    for first in paint(shuffled(artwork), [(artwork, 1.0)], recipe, encoders.slim):
        x = first.x
        yield first
    size = (artwork.shape[1], artwork.shape[2])
    run = Run([Scale(size, LAST_STEPS)], encoders.teachers, recipe, [(artwork[None], 1.0)], x)
    for last, _ in run.scale(x):
        yield replace(last, index=steps + last.index, x=limit_colours(last.x, artwork))


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
