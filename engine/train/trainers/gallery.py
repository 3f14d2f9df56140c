"""Training the gallery's network on all styles at once, with perceptual losses (Johnson et al. 2016)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from engine.fast.network import Network, noise
from engine.fine.losses import total_variation
from engine.train.data.paintings import whole_artwork
from engine.train.data.teachers import TeacherEncoder
from engine.train.trainers.perceptual import Palettes, Perceptual, StyleTarget, augmented
from engine.train.trainers.trainer import Trainer, TrainerSettings, replace_file


class GallerySettings(TrainerSettings, frozen=True, kw_only=True):
    """The numbers of the gallery's training."""

    steps: int = 10_000
    rate: float = 1.5e-3
    crop: int = 256  # pixels; in a much smaller one there is no room for the large forms of a painting
    enlarged: float = 1.6  # the photos' short side is 288, and things are to be as large as in a photo of 500
    warmup: int = 100
    constant: float = 0.6  # share of the steps before the rate falls
    last_rate: float = 0.02
    paintings: float = 0.0
    identity_steps: int = 250  # of nothing but returning the photo, before any style
    style_weight: float = 1.0  # at the start, against content 1
    weight_limits: tuple[float, float] = (8.0, 30.0)
    # Steps over which the lower limit rises: with too much style at first all forms are lost for good.
    ramp: int = 2000
    weight_rate: float = 0.03  # how fast a style's weight is adjusted until ...
    content_error: float = 1.0  # ... its content error is this; some styles need more weight than others
    tv_weight: float = 2.0
    pairs_rate: float = 2.5  # of the pairs, over the rate of the convolutions: each learns in few of the steps
    identity_weight: float = 20.0  # of the squared pixel error
    identities: float = 0.08  # share of pictures
    mixtures: float = 0.06  # share of pictures, of two styles
    strengths: float = 0.12  # share of pictures, at another strength than the style's own
    painting_sides: tuple[int, ...] = (480, 672)  # pixels, long side: strokes at several scales
    average: float = 0.998  # decay of the running mean of the weights, a step
    palette_weight: float = 0.0  # of the colours' distance from the painting's, against content 1


class PairSettings(GallerySettings, frozen=True, kw_only=True):
    """The numbers of some styles' training while the convolutions stay as they are."""

    steps: int = 400
    rate: float = 3e-3
    warmup: int = 20
    constant: float = 0.3
    identity_steps: int = 0
    ramp: int = 1
    weight_limits: tuple[float, float] = (15.0, 40.0)
    style_weight: float = 20.0
    average: float = 0.98
    palette_weight: float = 6.0


class GalleryTrainer(Trainer):
    """The network of all styles in training."""

    settings: GallerySettings
    network: Network

    def __init__(self, data: Path, settings: GallerySettings, device: torch.device, names: Sequence[str]) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Network(names), data, settings, device)
        # He's factor 2 belongs before a ReLU; the input of the sigmoid is to start near grey.
        self.network.last.weight.data.mul_(0.2)
        shared = [tensor for name, tensor in self.network.named_parameters() if name != "pairs"]
        groups: list[dict[str, Any]] = [{"params": shared}]
        groups.append({"params": [self.network.pairs], "factor": settings.pairs_rate})
        self.optimizer = torch.optim.Adam(groups, lr=settings.rate, betas=(0.9, 0.99))
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average)
        )
        self.perceptual = Perceptual(TeacherEncoder(data / "teachers", mirrored=False).to(device))
        artworks = [whole_artwork(data, name).to(device) for name in names]
        self.perceptual.set_styles(artworks, settings.painting_sides)
        self.palettes = Palettes(artworks) if settings.palette_weight else None
        count = len(names)
        self.weight = [settings.style_weight] * count
        self.content_errors = [0.3] * count  # running means for each style
        self.style_errors = [1.0] * count

    def rate(self) -> float:
        """Linear warm-up, constant for a while, then linear down to ``last_rate``."""
        s = self.settings
        falling = max(0.0, (self.step / s.steps - s.constant) / (1 - s.constant))
        return s.rate * min(1.0, (self.step + 1) / s.warmup) * max(s.last_rate, 1 - (1 - s.last_rate) * falling)

    def photo_batch(self) -> Tensor:
        """The next photos, (B, 3, crop, crop)."""
        return augmented(self.photos.batch(self.settings.batch), self.rng).to(self.device)

    def style_targets(self) -> list[StyleTarget | None]:
        """What the pictures of the next batch are to become; None is the photo itself."""
        s, rng, count = self.settings, self.rng, len(self.weight)
        targets: list[StyleTarget | None] = []
        for i in different(rng, count, s.batch):
            if self.step < s.identity_steps or rng.random() < s.identities:
                targets.append(None)
                continue
            j, share, t = i, 1.0, 1.0
            if rng.random() < s.mixtures:
                j, share = rng.randrange(count), rng.random()
            elif rng.random() < s.strengths:
                t = rng.uniform(0.2, 1.4)
            targets.append(StyleTarget(i, j, share, t))
        return targets

    def pairs(self, targets: Sequence[StyleTarget | None]) -> Tensor:
        """Gamma and beta for each target, (B, 2, C)."""
        identity, styles = self.network.pairs[0], self.network.pairs[1:]
        rows = []
        for target in targets:
            if target is None:
                rows.append(identity)
            else:
                mixed = torch.lerp(styles[target.j], styles[target.i], target.share)
                rows.append(torch.lerp(identity, mixed, target.t) if target.t != 1 else mixed)
        return torch.stack(rows)

    def weight_of(self, target: StyleTarget) -> float:
        """The style weight of a target; its strength is an exponent, as it is for the optimisation."""
        weight = target.share * self.weight[target.i] + (1 - target.share) * self.weight[target.j]
        return float(weight * 10 ** (1.5 * (target.t - 1)))

    def loss(self, x: Tensor, targets: Sequence[StyleTarget | None]) -> Tensor:
        """The batch's loss; keeps the running errors of every style."""
        s = self.settings
        beside = noise(len(x), *x.shape[2:]).to(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            y = self.network(x, self.pairs(targets), beside)
        total = s.tv_weight * total_variation(y)
        same = [k for k, target in enumerate(targets) if target is None]
        if same:
            total = total + s.identity_weight * (y[same] - x[same]).square().mean((1, 2, 3)).sum() / len(x)
        styled = [k for k, target in enumerate(targets) if target is not None]
        if styled:
            total = total + self._styled(x[styled], y[styled], [t for t in targets if t is not None]) / len(x)
        return total

    def _styled(self, x: Tensor, y: Tensor, targets: Sequence[StyleTarget]) -> Tensor:
        content, style = self.perceptual.errors(x, y, targets)
        self._adjust_weights(targets, content.tolist(), style.tolist())
        weights = torch.tensor([self.weight_of(t) for t in targets], device=x.device)
        total = content + weights * style
        if self.palettes:
            shares = torch.tensor([t.t for t in targets], device=x.device).clamp_max(1)
            total = total + self.settings.palette_weight * shares * self.palettes.errors(y, targets)
        return total.sum()

    def _adjust_weights(
        self, targets: Sequence[StyleTarget], content: Sequence[float], style: Sequence[float]
    ) -> None:
        """Update each style's running errors, and move its weight towards that of the wanted content error."""
        s = self.settings
        for target, c, e in zip(targets, content, style, strict=True):
            if target.i != target.j or target.t != 1 or not math.isfinite(c + e):
                continue
            i = target.i
            self.content_errors[i] += 0.03 * (c - self.content_errors[i])
            self.style_errors[i] += 0.03 * (e - self.style_errors[i])
            low, high = s.weight_limits
            low = 1 + (low - 1) * min(1.0, max(0, self.step - s.identity_steps) / s.ramp)
            moved = self.weight[i] * math.exp(s.weight_rate * (s.content_error - self.content_errors[i]))
            self.weight[i] = min(high, max(low, moved))

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields the mean running errors."""
        s = self.settings
        while self.step < s.steps:
            if s.identity_steps and self.step == s.identity_steps:
                # Every style starts as the identity.
                self.network.pairs.data[1:] = self.network.pairs.data[:1]
            x = self.photo_batch().contiguous(memory_format=torch.channels_last)
            loss = self.loss(x, self.style_targets())
            self.optimizer_step(loss)
            self.averaged.update_parameters(self.network)
            content, style = fmean(self.content_errors), fmean(self.style_errors)
            yield {"loss": loss.item(), "content": content, "style": style}

    def save(self, path: Path) -> None:
        super().save(path)
        state: dict[str, Any] = {"kept": self.averaged.state_dict(), "weight": self.weight}
        state |= {"content": self.content_errors, "style": self.style_errors}
        replace_file(path.with_suffix(".kept"), state)

    @property
    def result(self) -> Network:
        """The network with the running mean of its weights."""
        network = self.averaged.module
        assert isinstance(network, Network)
        return network

    def start_from(self, network: Network) -> None:
        """Start from an earlier network: its convolutions, and the pairs of the styles that it knows."""
        ours = self.network.state_dict()
        theirs = network.state_dict()
        self.network.load_state_dict(theirs | {"pairs": ours["pairs"]})
        for k, name in enumerate(self.network.names[1:], 1):
            known = network.names.index(name) if network.knows(name) else 0
            self.network.pairs.data[k] = theirs["pairs"][known]
        self.network.pairs.data[0] = theirs["pairs"][0]
        self.averaged.module.load_state_dict(self.network.state_dict())
        self.step = self.settings.identity_steps + self.settings.ramp

    def only_pairs(self) -> None:
        """Leave everything but the styles' pairs as it is, also the photo's own pair."""
        for name, tensor in self.network.named_parameters():
            tensor.requires_grad_(name == "pairs")
        of_styles = torch.ones(len(self.network.pairs), 1, 1, device=self.device)
        of_styles[0] = 0
        self.network.pairs.register_hook(lambda gradient: gradient * of_styles)

    def load(self, path: Path) -> None:
        super().load(path)
        state = torch.load(path.with_suffix(".kept"), map_location=self.device, weights_only=False)
        self.averaged.load_state_dict(state["kept"])
        self.weight, self.content_errors, self.style_errors = state["weight"], state["content"], state["style"]


def different(rng: random.Random, count: int, wanted: int) -> list[int]:
    """Numbers below ``count``, none again before all were drawn."""
    rounds = -(-wanted // count)
    return [i for _ in range(rounds) for i in rng.sample(range(count), count)][:wanted]
