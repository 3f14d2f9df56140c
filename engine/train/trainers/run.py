"""What every training run has: crops of photos and paintings, Adam under a warm-up and a cosine, whole checkpoints."""

from __future__ import annotations

import math
import random
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.train.data.crops import Crops, held_out


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that every run has."""

    steps: int
    rate: float
    crop: int = 160  # pixels; a unit of conv5_1 sees 132
    batch: int = 4
    warmup: int = 200  # steps
    last_rate: float = 0.01  # share of ``rate`` at the end of the cosine
    paintings: float = 0.35  # share of crops that come from paintings
    enlarged: float = 1.0  # at most, of crops of photos
    disturbed: float = 0.3  # share of crops with noise or another crop mixed in: half-made pictures look like that
    seed: int = 1


def relative_error(found: Tensor, target: Tensor) -> Tensor:
    """Squared error over the target's mean square: 0 is perfect, 1 is what answering zero would get."""
    target = target.float()
    return (found.float() - target).square().mean() / target.square().mean().clamp_min(1e-8)


def gram_error(found: Tensor, target: Tensor) -> Tensor:
    """The same of the Gram matrices, each picture's for itself: (B, N, h, w) features to a number."""
    G, A = ((F.flatten(2) @ F.flatten(2).mT / F[0, 0].numel()).float() for F in (found, target))
    return ((G - A).square().sum((1, 2)) / A.square().sum((1, 2)).clamp_min(1e-8)).mean()


def disturb(x: Tensor, other: Tensor, share: float, chance: random.Random) -> Tensor:
    """Some of the pictures blended with another, or under noise of a random grain."""
    x = x.clone()
    for i in range(len(x)):
        if chance.random() > share:
            continue
        if chance.random() < 0.4:
            x[i] = torch.lerp(x[i], other[i], chance.uniform(0.2, 0.6))
        else:
            grain = x.shape[-1] // chance.choice((1, 1, 2, 4))
            noise = fn.interpolate(torch.randn(1, 3, grain, grain), x.shape[-2:], mode="bilinear")[0]
            x[i] += chance.uniform(0.02, 0.35) * noise
    return x.clamp(0, 1)


def from_scratch(network: nn.Module) -> None:
    """He et al.'s initial weights for every convolution."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Run:
    """A network in training on the data folder's pictures."""

    def __init__(self, network: nn.Module, data: Path, settings: Settings, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        from_scratch(self.network)
        self.data, self.settings, self.device = data, settings, device
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.rate, betas=(0.9, 0.99))
        self.step = 0
        photos = [path for path in sorted((data / "photos/train").glob("*.jpg")) if not held_out(path)]
        self.photos = Crops(photos, settings.crop, settings.seed, short=288, enlarged=settings.enlarged)
        paintings = sorted((data / "paintings").glob("*.jpg"))
        self.paintings = Crops(paintings, settings.crop, settings.seed + 1, short=640)
        self.random = random.Random(settings.seed)

    def some_of_both(self) -> Tensor:
        """Pictures to measure activations on: (24, 3, crop, crop)."""
        return torch.cat([self.photos.batch(16), self.paintings.batch(8)]).to(self.device)

    def rate(self) -> float:
        """Linear warm-up, then a cosine down to ``last_rate``."""
        s = self.settings
        cosine = s.last_rate + (1 - s.last_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / s.steps)))
        return s.rate * min(1.0, (self.step + 1) / s.warmup) * cosine

    def batch(self) -> Tensor:
        """The next crops, (batch, 3, crop, crop)."""
        s = self.settings
        count = sum(self.random.random() < s.paintings for _ in range(s.batch))
        parts = [crops.batch(n) for crops, n in ((self.paintings, count), (self.photos, s.batch - count)) if n]
        x = torch.cat(parts)
        return disturb(x, x.roll(1, 0), s.disturbed, self.random).to(self.device)

    def descend(self, loss: Tensor) -> None:
        """One step of the optimiser down the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group.get("factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1

    def save(self, path: Path) -> None:
        """A whole checkpoint, written beside and moved into place, so that a kill leaves the older one."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "random": [source.getstate() for source in self._chances()],
        }
        beside = path.with_suffix(".new")
        torch.save(state, beside)
        beside.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of our own; no file from elsewhere is read this way."""
        state = torch.load(path, map_location=self.device, weights_only=False)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        for source, saved in zip(self._chances(), state["random"], strict=True):
            source.setstate(saved)

    def _chances(self) -> tuple[random.Random, ...]:
        return (self.random, self.photos.random, self.paintings.random)
