"""Making the styles' pictures: noise driven to an artwork's Gram matrices (Gatys, Ecker & Bethge 2015, style only).

The artworks themselves are not passed on. What comes out holds their strokes and colours and none of their motifs, and
serves as the style picture for every encoder.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine.encoders.full import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fine import gatys
from engine.recipe import Recipe, Share
from engine.train.data.crops import load
from engine.train.data.teachers import TeacherEncoder

# Gallery name -> the artwork's file in the data folder.
PAINTINGS = {
    "starrynight": "starry-night",
    "greatwave": "great-wave",
    "scream": "the-scream",
    "compositionvii": "composition-vii",
    "udnie": "udnie",
    "metzinger": "metzinger-portrait",
    "waterlilies": "water-lilies",
    "shipwreck": "shipwreck-minotaur",
    "thekiss": "the-kiss",
    "compositionviii": "composition-viii",
    "cyclist": "dynamism-cyclist",
    "flowerclouds": "flower-clouds",
    "grandejatte": "grande-jatte",
    "sunrise": "impression-sunrise",
    "bluehorse": "little-blue-horse",
    "mondrian": "mondrian-grid",
    "wheatfield": "wheatfield-cypresses",
    "strawhat": "van-gogh-self-portrait",
    "tahiti": "pastorales-tahitiennes",
    "dore": "red-riding-hood-forest",
    "redchalk": "red-chalk-peasant",
    "streetberlin": "street-berlin",
    "willowbough": "willow-bough",
    "bayeux": "bayeux-tapestry",
    "cittanuova": "citta-nuova",
    "haystack": "haystack",
    "horizontalvolumes": "horizontal-volumes",
    "adele": "adele-bloch-bauer",
    "utamaro": "hairdressing-utamaro",
    "nightcafe": "night-cafe",
}
# Where an artwork's file shows more than the artwork, what to take of it: left, top, right and bottom as shares.
WITHIN = {
    "dore": (0.03, 0.02, 0.97, 0.96),
    "redchalk": (0.13, 0.05, 0.9, 0.95),
    "cittanuova": (0.04, 0.04, 0.96, 0.94),
    "utamaro": (0.03, 0.02, 0.97, 0.98),
}
LONG_SIDE = 448  # pixels
STEPS = 150  # with the slim encoder, from coarse to fine ...
LAST_STEPS = 40  # ... and then with the teachers, which it only stands for, at full size
SPOTS = 64  # across the long side of what a reconstruction starts from
MAX_BYTES = 120_000
CALIBRATION_PHOTOS = 40


class Pyramid:
    """An encoder that looks at a picture at full and at half size, so that its statistics hold at both."""

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
    """What a reconstruction is made with."""

    slim: Encoder
    teachers: Encoder  # some four times as slow


def encoders(data: Path, device: torch.device) -> Encoders:
    """The slim encoder, and its teachers, calibrated on training photos."""
    teachers = TeacherEncoder(data / "teachers").to(device)
    photos = sorted((data / "photos/train").glob("*.jpg"))[:CALIBRATION_PHOTOS]
    teachers.calibrate([load(path, 288)[None].to(device).float() / 255 for path in photos])
    return Encoders(Pyramid(SlimEncoder.load().to(device)), Pyramid(teachers))


def reconstruct(artwork: Tensor, encoders: Encoders, steps: int = STEPS) -> Iterator[gatys.Step]:
    """Steps towards a picture of the artwork's size, (3, H, W), that shares only its Gram matrices."""
    # A ratio of 1e-9 forgets what it starts from.
    recipe = Recipe(styles=(Share("artwork"),), init="photo", ratio=1e-9, steps=steps, seed=1)
    for first in gatys.paint(shuffled(artwork), [(artwork, 1.0)], recipe, encoders.slim):
        x = first.x
        yield first
    size = (artwork.shape[1], artwork.shape[2])
    run = gatys.Run([gatys.Scale(size, LAST_STEPS)], encoders.teachers, recipe, [(artwork[None], 1.0)], x)
    for last, _ in run.scale(x):
        yield replace(last, index=steps + last.index, x=quietened(last.x, artwork))


def shuffled(artwork: Tensor) -> Tensor:
    """The artwork's colours, (3, H, W), as spots in any order: noise from which the right colours are not far."""
    height, width = artwork.shape[-2:]
    scale = SPOTS / max(height, width)
    small = gatys.resize(artwork[None], (round(height * scale), round(width * scale)))
    order = torch.randperm(small[0, 0].numel(), generator=torch.Generator().manual_seed(1))
    return gatys.resize(small.flatten(2)[..., order.to(small.device)].view_as(small), (height, width))[0]


def quietened(x: Tensor, artwork: Tensor) -> Tensor:
    """x (1, 3, h, w) with the mean of the artwork's colours, and along none of their principal axes more deviation.

    An engraving gets grey. What has less is left alone: to make it louder would raise every stroke into a relief.
    """
    mine, theirs = x.flatten(2)[0], artwork.flatten(1)
    centred = theirs - theirs.mean(1, keepdim=True)
    axes = torch.linalg.svd(centred @ centred.T).U.T
    found = axes @ (mine - mine.mean(1, keepdim=True))
    wanted = (axes @ centred).std(1, keepdim=True)
    factor = (wanted / found.std(1, keepdim=True).clamp_min(1e-4)).clamp_max(1.0)
    return (axes.T @ (found * factor) + theirs.mean(1, keepdim=True)).view_as(x).clamp(0, 1)


def webp(x: Tensor, most: int = MAX_BYTES) -> bytes:
    """The picture x (1, 3, H, W) in 0..1 as WebP of at most ``most`` bytes, as good as that allows."""
    picture = to_pil_image(x[0].cpu())
    for quality in range(90, 30, -4):
        data = io.BytesIO()
        picture.save(data, "WEBP", quality=quality, method=6)
        if data.tell() <= most:
            return data.getvalue()
    raise ValueError(f"the swatch does not fit into {most} bytes at any quality worth having")


def artwork(data: Path, name: str) -> Tensor:
    """The artwork of a gallery style, (3, H, W) in 0..1, long side LONG_SIDE."""
    whole = load(data / "paintings" / f"{PAINTINGS[name]}.jpg")[None].float() / 255
    height, width = whole.shape[-2:]
    left, top, right, bottom = WITHIN.get(name, (0, 0, 1, 1))
    part = whole[..., round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    scale = LONG_SIDE / max(part.shape[-2:])
    return gatys.resize(part, (round(part.shape[-2] * scale), round(part.shape[-1] * scale)))[0]
