"""What every trainer has: crops of photos and paintings, Adam with a warm-up and a cosine, whole checkpoints."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.train.data.crops import Crops
from engine.train.data.folder import paintings, training_photos


class TrainerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that every training has."""

    steps: int
    rate: float
    crop: int = 160  # pixels; a unit of conv5_1 sees 132
    batch: int = 4
    warmup: int = 200  # steps
    last_rate: float = 0.01  # share of ``rate`` at the end of the cosine
    paintings: float = 0.35  # share of crops that come from paintings
    enlarged: float = 1.0  # at most, of crops of photos
    disturbed: float = 0.3  # share of crops with noise or another crop mixed in, as half-finished pictures look
    seed: int = 1


def relative_error(found: Tensor, target: Tensor) -> Tensor:
    """Squared error over the target's mean square: 0 is perfect, 1 is the error of zeros."""
    target = target.float()
    return (found.float() - target).square().mean() / target.square().mean().clamp_min(1e-8)


def gram_error(found: Tensor, target: Tensor) -> Tensor:
    """The relative error of the Gram matrices, picture by picture: (B, N, h, w) features to a number."""
    G, A = ((F.flatten(2) @ F.flatten(2).mT / F[0, 0].numel()).float() for F in (found, target))
    return ((G - A).square().sum((1, 2)) / A.square().sum((1, 2)).clamp_min(1e-8)).mean()


def disturb(x: Tensor, other: Tensor, share: float, rng: random.Random) -> Tensor:
    """Some of the pictures blended with another, or with noise of a random resolution added."""
    x = x.clone()
    for i in range(len(x)):
        if rng.random() > share:
            continue
        if rng.random() < 0.4:
            x[i] = torch.lerp(x[i], other[i], rng.uniform(0.2, 0.6))
        else:
            cells = x.shape[-1] // rng.choice((1, 1, 2, 4))
            noise = fn.interpolate(torch.randn(1, 3, cells, cells), x.shape[-2:], mode="bilinear")[0]
            x[i] += rng.uniform(0.02, 0.35) * noise
    return x.clamp(0, 1)


def initialise(network: nn.Module) -> None:
    """He et al.'s initial weights for every convolution."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Trainer:
    """A network in training on the data folder's pictures."""

    def __init__(self, network: nn.Module, data: Path, settings: TrainerSettings, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        initialise(self.network)
        self.data, self.settings, self.device = data, settings, device
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.rate, betas=(0.9, 0.99))
        self.step = 0
        self.photos = Crops(training_photos(data), settings.crop, settings.seed, short=288, enlarged=settings.enlarged)
        self.paintings = Crops(paintings(data), settings.crop, settings.seed + 1, short=640)
        self.rng = random.Random(settings.seed)

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's errors."""
        raise NotImplementedError

    def calibration_batch(self) -> Tensor:
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
        count = sum(self.rng.random() < s.paintings for _ in range(s.batch))
        parts = [crops.batch(n) for crops, n in ((self.paintings, count), (self.photos, s.batch - count)) if n]
        x = torch.cat(parts)
        return disturb(x, x.roll(1, 0), s.disturbed, self.rng).to(self.device)

    def optimizer_step(self, loss: Tensor) -> None:
        """One step of the optimiser, with gradients clipped."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group.get("factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1

    def save(self, path: Path) -> None:
        """Write a whole checkpoint; a kill in between leaves the older one."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "random": [rng.getstate() for rng in self._rngs()],
        }
        replace_file(path, state)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint that `save` wrote; it is unpickled, so no other file may be read this way."""
        state = torch.load(path, map_location=self.device, weights_only=False)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        for rng, saved in zip(self._rngs(), state["random"], strict=True):
            rng.setstate(saved)

    def _rngs(self) -> tuple[random.Random, ...]:
        return (self.rng, self.photos.rng, self.paintings.rng)


def replace_file(path: Path, state: dict) -> None:
    """Write a new file beside the old one, then rename it, so that there is always a whole one."""
    new = path.with_name(f"{path.name}.new")
    torch.save(state, new)
    new.replace(path)
