"""Distilling the slim encoder's branch, layer by layer: each learns its teacher's output for the teacher's own input.

So every layer is a shallow problem and all are learned at once, from scratch. In the end the layers are chained, as
they will be used, and adapt to each other's errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from engine.encoders.slim import BRANCH, Branch
from engine.train.data.teachers import SqueezeNet
from engine.train.trainers.trainer import Trainer, TrainerSettings, gram_error, relative_error


class BranchSettings(TrainerSettings, frozen=True, kw_only=True):
    """The numbers of the branch's training."""

    steps: int = 2400
    rate: float = 3e-3
    warmup: int = 50
    disturbed: float = 0.4
    chained_from: float = 0.7  # share of the steps after which the layers are chained
    gram_weight: float = 0.5
    conv1_steps: int = 800  # of conv1 alone, before everything else
    conv1_rate: float = 3e-2


class BranchTrainer(Trainer):
    """The branch in training."""

    settings: BranchSettings
    network: Branch

    def __init__(self, data: Path, settings: BranchSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Branch(), data, settings, device)
        self.teacher = SqueezeNet(data / "teachers/squeezenet-1.0.safetensors").to(device)
        self.scale: dict[str, float] = {}
        means = self.targets(self.calibration_batch())
        self.scale = {name: 1 / float(f.mean()) for name, f in means.items()}

    @torch.no_grad()
    def targets(self, x: Tensor) -> dict[str, Tensor]:
        """The teacher's layers, each scaled to a mean activation of 1."""
        return {name: f * self.scale.get(name, 1.0) for name, f in self.teacher.features(x, BRANCH).items()}

    def outputs(self, x: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """The branch's layers: for the teacher's inputs, or for its own once the layers are chained."""
        if self.step >= self.settings.chained_from * self.settings.steps:
            chained: dict[str, Tensor] = self.network(x, BRANCH)
            return chained
        before = [2 * x - 1, *(targets[name] for name in BRANCH[:-1])]
        return {name: self.network.layer(name, h) for name, h in zip(BRANCH, before, strict=True)}

    def pretrain_conv1(self) -> None:
        """Fit conv1 alone on pictures that are mostly white noise.

        Fine detail is so weak in photos that gradient descent on them would take very long to learn how a filter of
        7x7 responds to it; in noise every frequency is as strong as every other.
        """
        s = self.settings
        optimizer = torch.optim.Adam(self.network.conv1.parameters(), lr=s.conv1_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=s.conv1_rate, total_steps=s.conv1_steps)
        for _ in range(s.conv1_steps):
            photos = self.batch()[..., :96, :96]
            x = torch.lerp(photos, torch.rand_like(photos), 0.3 + 0.7 * self.rng.random())
            with torch.no_grad():
                target = self.teacher.features(x, ("conv1",))["conv1"] * self.scale["conv1"]
            error = relative_error(self.network.layer("conv1", 2 * x - 1), target)
            optimizer.zero_grad(set_to_none=True)
            error.backward()
            optimizer.step()
            schedule.step()

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's relative errors by layer."""
        if self.step == 0:
            self.pretrain_conv1()
        while self.step < self.settings.steps:
            x = self.batch().contiguous(memory_format=torch.channels_last)
            # Not in bfloat16: the teacher's input goes up to 255, where bfloat16 has only whole numbers, which are too
            # coarse for the finest strokes.
            targets = self.targets(x)
            found = self.outputs(x, targets)
            errors = {name: relative_error(found[name], targets[name]) for name in BRANCH}
            grams = torch.stack([gram_error(found[name], targets[name]) for name in BRANCH])
            self.optimizer_step(torch.stack([*errors.values()]).sum() + self.settings.gram_weight * grams.sum())
            yield {name: error.item() for name, error in errors.items()}
