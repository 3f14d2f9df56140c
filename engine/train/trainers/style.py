"""Training one more style on top of the gallery's network: only its (gamma, beta), as in Dumoulin et al., section 3.2.

It needs nothing but the package, the picture and some photos: the slim encoder is the network of the losses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import torch
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.fast.network import Network, noise
from engine.fine.losses import total_variation
from engine.train.data.crops import Crops
from engine.train.trainers.gallery import GallerySettings
from engine.train.trainers.perceptual import Perceptual, StyleTarget, augmented
from engine.universal import predictor as universal
from engine.universal.paint import predicted


class StyleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one style's training."""

    steps: int = 400
    rate: float = 5e-2  # 25 times that of a whole network: few numbers, each of large effect
    crop: int = 192
    enlarged: float = GallerySettings().enlarged
    batch: int = 2
    style_weight: float = 12.0
    tv_weight: float = GallerySettings().tv_weight
    painting_sides: tuple[int, ...] = GallerySettings().painting_sides
    seed: int = 1


class StyleTrainer:
    """One style in training, for a network whose convolutions stay as they are."""

    def __init__(
        self, network: Network, encoder: SlimEncoder, artwork: Tensor, photos: Crops, settings: StyleSettings
    ) -> None:
        """``artwork`` is (1, 3, H, W) in 0..1; ``photos`` gives crops of the settings' size."""
        self.network, self.photos, self.settings = network, photos, settings
        self.device = artwork.device
        self.perceptual = Perceptual(encoder)
        self.perceptual.set_styles([artwork], settings.painting_sides)
        self.rng = random.Random(settings.seed)
        torch.manual_seed(settings.seed)
        # What universal mode would paint with, which is most of the way.
        pair = predicted(universal.load(self.device), encoder, [(artwork[0], 1.0)])
        self.pair = pair.clone().requires_grad_(True)

    def _errors(self, x: Tensor, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(content errors, style errors, total variation) of the photos x painted with ``pair``."""
        beside = noise(len(x), *x.shape[2:]).to(x)
        with torch.autocast(self.device.type, torch.bfloat16):
            y = self.network(x, pair.expand(len(x), -1, -1), beside)
        content, style = self.perceptual.errors(x, y, [StyleTarget(0, 0, 1.0, 1.0)] * len(x))
        return content, style, total_variation(y)

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's errors."""
        s = self.settings
        optimizer = torch.optim.Adam([self.pair], lr=s.rate, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, s.rate, total_steps=s.steps + 1, pct_start=0.1)
        for _ in range(s.steps):
            x = augmented(self.photos.batch(s.batch), self.rng).to(self.device)
            content, style, tv = self._errors(x.contiguous(memory_format=torch.channels_last), self.pair)
            loss = (content + s.style_weight * style).mean() + s.tv_weight * tv
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            yield {"content": content.mean().item(), "style": style.mean().item()}
