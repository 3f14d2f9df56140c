"""Training the slim encoder's branch, layer by layer: each learns its teacher's answer to the teacher's own input.

So every layer is a shallow problem and all are learnt at once, from scratch. In the end the layers are chained, as
they will be used, and learn to live with each other's errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from engine.slim import BRANCH, Branch
from engine.teachers import SqueezeNet
from engine.training import Run, Settings, gram_error, relative_error


class BranchSettings(Settings, frozen=True, kw_only=True):
    """Every number of the branch's training."""

    steps: int = 2400
    rate: float = 3e-3
    warmup: int = 50
    disturbed: float = 0.4
    chained_from: float = 0.7  # share of the steps after which the layers are chained
    gram_weight: float = 0.5


class BranchRun(Run):
    """The branch in training."""

    settings: BranchSettings
    network: Branch

    def __init__(self, data: Path, settings: BranchSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Branch(), data, settings, device)
        self.teacher = SqueezeNet(data / "teachers/squeezenet-1.0.safetensors").to(device)
        self.scale: dict[str, float] = {}
        means = self.targets(self.some_of_both())
        self.scale = {name: 1 / float(f.mean()) for name, f in means.items()}

    @torch.no_grad()
    def targets(self, x: Tensor) -> dict[str, Tensor]:
        """The teacher's layers, each brought to a mean activation of 1."""
        return {name: f * self.scale.get(name, 1.0) for name, f in self.teacher.features(x, BRANCH).items()}

    def answers(self, x: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the branch says: to the teacher's inputs, or to its own once the layers are chained."""
        if self.step >= self.settings.chained_from * self.settings.steps:
            chained: dict[str, Tensor] = self.network(x, BRANCH)
            return chained
        before = [2 * x - 1, *(targets[name] for name in BRANCH[:-1])]
        return {name: self.network.layer(name, h) for name, h in zip(BRANCH, before, strict=True)}

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's relative errors by layer."""
        while self.step < self.settings.steps:
            x = self.batch().contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                targets = self.targets(x)
                found = self.answers(x, targets)
                errors = {name: relative_error(found[name], targets[name]) for name in BRANCH}
                grams = torch.stack([gram_error(found[name], targets[name]) for name in BRANCH])
            self.descend(torch.stack([*errors.values()]).sum() + self.settings.gram_weight * grams.sum())
            yield {name: error.item() for name, error in errors.items()}
