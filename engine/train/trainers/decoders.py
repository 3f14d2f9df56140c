"""Training universal mode's decoders: each learns to reconstruct a picture from its features.

For reconstruction only, as in the paper, without any style. The loss is the squared error of the pixels and that of
the reconstruction's features, each relative to its target. Departure: some of the features are given another
picture's moments first, as they will be in use. No picture is known that has them, so only the features are compared.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.encoders.slim import SlimEncoder
from engine.train.trainers.trainer import Trainer, TrainerSettings, relative_error
from engine.universal.decoders import LEVELS, Decoders
from engine.universal.moments import apply, moments, moments_of, power, transport


class DecoderSettings(TrainerSettings, frozen=True, kw_only=True):
    """The numbers of the decoders' training."""

    steps: int = 5500
    rate: float = 1.5e-3
    crop: int = 128
    feature_weight: float = 1.0  # of the features' relative error, against the pixels' 1
    grid_weight: float = 2.0  # against grid artefacts in pictures of such features
    features_from: float = 0.4  # share of the steps after which features count
    transferred: float = 0.5  # share of those steps in which the features have been given another picture's moments


def grid_artefacts(x: Tensor) -> Tensor:
    """The share of the finest detail of x (B, 3, H, W) that repeats every four pixels, as a decoder's grid does.

    The mean over a neighbourhood of how each of the 4x4 pixels within a position differs from its surroundings.
    """
    fine = x - fn.avg_pool2d(fn.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
    repeated = fn.avg_pool2d(fn.pixel_unshuffle(fine, 4), 4)
    return repeated.square().mean() / fine.square().mean().clamp_min(1e-8)


class Student(nn.Module):
    """The decoders behind a fixed whitening of their features, without which Adam takes many times the steps."""

    FLOOR = 1e-2  # of the mean eigenvalue

    def __init__(self) -> None:
        super().__init__()
        self.decoders = Decoders()
        self.whitening = nn.ModuleDict(
            {name: nn.Conv2d(n, n, 1) for name, n in SlimEncoder.channels().items() if name in LEVELS}
        )
        self.whitening.requires_grad_(False)

    def whitening_of(self, name: str) -> nn.Conv2d:
        """The whitening of one level, a 1x1 convolution."""
        conv = self.whitening[name]
        assert isinstance(conv, nn.Conv2d)
        return conv

    def calibrate(self, P: dict[str, Tensor]) -> None:
        """Learn the whitening from features (B, N_l, h, w) by level."""
        for name, F in P.items():
            mean, covariance = moments([{name: F[i : i + 1]} for i in range(len(F))])[name]
            W = power(covariance, -0.5, self.FLOOR)
            state = {"weight": W[:, :, None, None].float(), "bias": -(W @ mean).float()}
            self.whitening_of(name).load_state_dict(state)

    def forward(self, name: str, F: Tensor) -> Tensor:
        x: Tensor = self.decoders[name](self.whitening[name](F))
        return x

    def folded(self) -> Decoders:
        """The decoders alone, with the whitening folded into their first weights."""
        decoders = copy.deepcopy(self.decoders)
        for name in LEVELS:
            first, before = decoders.of(name).first, self.whitening_of(name)
            assert first.bias is not None
            assert before.bias is not None
            state = {
                "weight": torch.einsum("oihw,ij->ojhw", first.weight, before.weight[:, :, 0, 0]),
                "bias": first.bias + torch.einsum("oihw,i->o", first.weight, before.bias),
            }
            first.load_state_dict(state)
        return decoders.eval().requires_grad_(False)


class DecoderTrainer(Trainer):
    """The decoders in training."""

    settings: DecoderSettings
    network: Student

    def __init__(self, data: Path, settings: DecoderSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Student(), data, settings, device)
        for name in LEVELS:
            last = self.network.decoders.of(name).last
            last.load_state_dict({"weight": 0.1 * last.weight, "bias": torch.full((12,), 0.45)})  # begin near grey
        self.encoder = SlimEncoder.load().to(device).to(memory_format=torch.channels_last)
        self.network.calibrate(self.encoder.features(self.calibration_batch(), LEVELS))

    def losses(self, x: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The loss, and each level's mean squared error of the pixels."""
        s = self.settings
        with torch.no_grad():
            P = self.encoder.features(x, LEVELS)
        found = {name: self.network(name, P[name]).float() for name in LEVELS}
        pixels = {name: (y - x).square().mean() for name, y in found.items()}
        loss = torch.stack(list(pixels.values())).sum() / x.var()
        if self.step >= s.features_from * s.steps:
            level = self.rng.choice(list(LEVELS))  # one a step: encoding costs as much as all that is above
            if self.rng.random() < s.transferred:
                loss = loss + s.feature_weight * self.transferred_error(level, P[level])
            else:
                F = self.encoder.features(found[level], [level])[level]
                loss = loss + s.feature_weight * relative_error(F, P[level])
        return loss, {name: error.item() for name, error in pixels.items()}

    def transferred_error(self, level: str, P: Tensor) -> Tensor:
        """The error of pictures decoded from features that were given another picture's moments."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            F = P.float()
            each = [moments_of(F[i : i + 1]) for i in range(len(F))]
            maps = [transport(each[i], each[i - 1]) for i in range(len(F))]
            F = torch.cat([apply(map, F[i : i + 1], self.rng.uniform(0.5, 1)) for i, map in enumerate(maps)]).relu()
        x = self.network(level, F).float()
        G = self.encoder.features(x, [level])[level]
        outside = (x - x.clamp(0, 1)).square().mean()
        return relative_error(G, F) + outside + self.settings.grid_weight * grid_artefacts(x)

    @torch.no_grad()
    def psnr(self, pictures: Sequence[Tensor]) -> dict[str, float]:
        """Each level's peak signal-to-noise ratio in dB, the mean over pictures (1, 3, H, W)."""
        decoders, found = self.network.folded(), []
        for picture in pictures:
            x = picture.to(self.device)
            P = self.encoder.features(x, LEVELS)
            errors = [float((decoders[name](P[name]).clamp(0, 1) - x).square().mean()) for name in LEVELS]
            found.append([-10 * math.log10(error) for error in errors])
        return {name: fmean(values) for name, values in zip(LEVELS, zip(*found, strict=True), strict=True)}

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each level's squared error."""
        while self.step < self.settings.steps:
            x = self.batch().contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                loss, errors = self.losses(x)
            self.optimizer_step(loss)
            yield errors
