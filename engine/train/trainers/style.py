"""Training one more style on top of the gallery's network: only its (gamma, beta), as in Dumoulin et al., section 3.2.

It needs nothing but the package, the picture and some photos: the slim encoder's branch is the network of the losses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import torch
from torch import Tensor

from engine.encoders.slim import Slim
from engine.fast import network as fast
from engine.fine.losses import total_variation
from engine.train.data.crops import Crops
from engine.train.trainers.gallery import GallerySettings, Perceptual, Wish, dimmed

LAYERS = ("conv1", "fire2", "fire3", "fire4", "fire5", "fire6")  # fire8 of the branch is not faithful enough


class PairSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every number of it."""

    steps: int = 400
    rate: float = 5e-2  # 25 times that of a whole network: few numbers, each with much to say
    crop: int = 192
    enlarged: float = GallerySettings().enlarged
    batch: int = 2
    style_weight: float = 12.0
    tv_weight: float = GallerySettings().tv_weight
    painting_sides: tuple[int, ...] = GallerySettings().painting_sides
    seed: int = 1


class Lesson:
    """One style being learnt by a network whose convolutions stay as they are."""

    def __init__(
        self, network: fast.Network, encoder: Slim, artwork: Tensor, photos: Crops, settings: PairSettings
    ) -> None:
        """``artwork`` is (1, 3, H, W) in 0..1; ``photos`` gives crops of the settings' size."""
        self.network, self.photos, self.settings = network, photos, settings
        self.device = artwork.device
        self.perceptual = Perceptual(encoder, LAYERS)
        self.perceptual.learn([artwork], settings.painting_sides)
        self.random = random.Random(settings.seed)
        torch.manual_seed(settings.seed)
        self.pair = self._nearest().clone().requires_grad_(True)

    @torch.no_grad()
    def _nearest(self) -> Tensor:
        """The pair among those known that comes nearest to the artwork by itself: half the way is done."""
        x = self.photos.batch(2).to(self.device)
        pairs = [self.network.pairs[k] for k in range(1, len(self.network.names))]
        return min(pairs, key=lambda pair: float(self._errors(x, pair)[1].mean()))

    def _errors(self, x: Tensor, pair: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(content errors, style errors, total variation) of the photos x painted with ``pair``."""
        grain = 2 * torch.rand(len(x), 1, *x.shape[2:], device=self.device) - 1
        with torch.autocast(self.device.type, torch.bfloat16):
            y = self.network(x, pair.expand(len(x), -1, -1), grain)
        content, style = self.perceptual.errors(x, y, [Wish(0, 0, 1.0, 1.0)] * len(x))
        return content, style, total_variation(y)

    def steps(self) -> Iterator[dict[str, float]]:
        """Learn; yields each step's errors."""
        s = self.settings
        optimizer = torch.optim.Adam([self.pair], lr=s.rate, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, s.rate, total_steps=s.steps + 1, pct_start=0.1)
        for _ in range(s.steps):
            x = dimmed(self.photos.batch(s.batch), self.random).to(self.device)
            content, style, tv = self._errors(x.contiguous(memory_format=torch.channels_last), self.pair)
            loss = (content + s.style_weight * style).mean() + s.tv_weight * tv
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            yield {"content": content.mean().item(), "style": style.mean().item()}
