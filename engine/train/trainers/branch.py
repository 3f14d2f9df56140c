"""Training the slim encoder's branch, layer by layer: each learns its teacher's answer to the teacher's own input.

So every layer is a shallow problem and all are learnt at once, from scratch. In the end the layers are chained, as
they will be used, and learn to live with each other's errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from engine.encoders.slim import BRANCH, Branch, Fire
from engine.train.data.teachers import SqueezeNet
from engine.train.trainers.run import Run, Settings, gram_error, relative_error


class BranchSettings(Settings, frozen=True, kw_only=True):
    """Every number of the branch's training."""

    steps: int = 2400
    rate: float = 3e-3
    warmup: int = 50
    disturbed: float = 0.4
    chained_from: float = 0.7  # share of the steps after which the layers are chained
    gram_weight: float = 0.5
    sharpen_steps: int = 800  # of conv1 alone, before all else
    sharpen_rate: float = 3e-2


class BranchRun(Run):
    """The branch in training."""

    settings: BranchSettings
    network: Branch

    def __init__(self, data: Path, settings: BranchSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Branch(), data, settings, device)
        for fire in self.network.fires.values():
            assert isinstance(fire, Fire)
            fire.three.padding_mode = "zeros"  # as the teacher does; see engine/slim.py
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

    def sharpen(self) -> float:
        """Fit conv1 alone on pictures that are mostly white noise; returns the last steps' relative error.

        Fine detail is so faint in photos that gradient descent on them would take for ever to learn how a filter of
        7x7 answers to it; in noise every detail is as strong as every other.
        """
        s = self.settings
        optimizer = torch.optim.Adam(self.network.conv1.parameters(), lr=s.sharpen_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=s.sharpen_rate, total_steps=s.sharpen_steps)
        average = 1.0
        for _ in range(s.sharpen_steps):
            photos = self.batch()[..., :96, :96]
            x = torch.lerp(photos, torch.rand_like(photos), 0.3 + 0.7 * self.random.random())
            with torch.no_grad():
                target = self.teacher.features(x, ("conv1",))["conv1"] * self.scale["conv1"]
            error = relative_error(self.network.layer("conv1", 2 * x - 1), target)
            optimizer.zero_grad(set_to_none=True)
            error.backward()
            optimizer.step()
            schedule.step()
            average = 0.9 * average + 0.1 * error.item()
        return average

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's relative errors by layer."""
        if self.step == 0:
            self.sharpen()
        while self.step < self.settings.steps:
            x = self.batch().contiguous(memory_format=torch.channels_last)
            # Not in bfloat16: the teacher's input runs to 255, and in whole numbers the finest strokes are lost.
            targets = self.targets(x)
            found = self.answers(x, targets)
            errors = {name: relative_error(found[name], targets[name]) for name in BRANCH}
            grams = torch.stack([gram_error(found[name], targets[name]) for name in BRANCH])
            self.descend(torch.stack([*errors.values()]).sum() + self.settings.gram_weight * grams.sum())
            yield {name: error.item() for name, error in errors.items()}
