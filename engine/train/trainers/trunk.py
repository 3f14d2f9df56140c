"""Distilling the slim encoder's trunk: its read-outs learn a teacher's layers (Hinton, Vinyals & Dean 2015).

From scratch, on crops of photos and paintings. Every read-out's squared error is divided by the mean square of its
target, so that all layers count alike. During training only, further 1x1 *hints* (Romero et al. 2015) tie the trunk to
the layers between the read-outs, and to SqueezeNet's, which brings gradient to the deep ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.encoders.slim import READOUTS, WIDTHS
from engine.encoders.vgg import TRUNK, Trunk
from engine.train.data.teachers import SqueezeNet, VGGTeacher
from engine.train.trainers.trainer import Trainer, TrainerSettings, gram_error, relative_error

HINTS = tuple(name for name in TRUNK if name not in READOUTS)
# Read where the trunk's grid is SqueezeNet's and its receptive field is as large: name -> (trunk layer, channels).
SQUEEZE_HINTS = {
    "conv1": ("conv2_1", 96),
    "fire2": ("conv3_2", 128),
    "fire3": ("conv3_3", 128),
    "fire4": ("conv3_4", 256),
    "fire5": ("conv4_2", 256),
    "fire6": ("conv4_3", 384),
    "fire8": ("conv4_4", 512),
}
TARGETS = (*READOUTS, *SQUEEZE_HINTS)
# Layers that do not count as 1: the deepest style layer learns slowest, and SqueezeNet's deepest hold more about
# classes than 128 channels can.
WEIGHTS = {"conv5_1": 2.0, "fire6": 0.5, "fire8": 0.3}


class TrunkSettings(TrainerSettings, frozen=True, kw_only=True):
    """The numbers of the trunk's training."""

    steps: int = 7600
    rate: float = 2e-3
    hint_weight: float = 0.5
    gram_weight: float = 1.0  # of the Gram matrices' relative error, which is what the slim encoder is used for
    transfers_from: int = 6500  # the step from which on some batches are unfinished style transfers
    transfer_share: float = 0.5  # of those batches
    transfers: int = 24  # in progress at any time
    transfer_steps: int = 4  # of one transfer, each time that it is drawn
    transfer_rounds: int = 12  # after which a transfer is replaced by a new one


class Teachers(nn.Module):
    """Both teachers' features: targets under the targets' names, hints under the trunk's."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.vgg = VGGTeacher(folder / "vgg19-distilled-16x.safetensors")
        self.squeeze = SqueezeNet(folder / "squeezenet-1.0.safetensors")
        self.scale: dict[str, float] = {}

    def calibrate(self, x: Tensor) -> None:
        """Bring every layer's mean activation over the pictures x to 1 (SqueezeNet's are in the hundreds)."""
        self.scale = {}
        self.scale = {name: 1 / float(f.float().mean()) for found in self(x) for name, f in found.items()}

    @torch.no_grad()
    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        found = self.vgg.features(x, TRUNK) | self.squeeze.features(x, SQUEEZE_HINTS)
        found = {name: f.mul_(self.scale.get(name, 1.0)) for name, f in found.items()}
        return {name: found[name] for name in TARGETS}, {name: found[name] for name in HINTS}


class Student(nn.Module):
    """The trunk with its read-outs, and with the hint layers, which are discarded when training ends."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk(WIDTHS, padding_mode="reflect")
        channels = self.trunk.channels
        self.readouts = nn.ModuleDict({name: nn.Conv2d(channels[name], n, 1) for name, n in READOUTS.items()})
        self.squeeze = nn.ModuleDict(
            {name: nn.Conv2d(channels[source], n, 1) for name, (source, n) in SQUEEZE_HINTS.items()}
        )
        self.hints = nn.ModuleDict({name: nn.Conv2d(channels[name], channels[name], 1) for name in HINTS})

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        h = self.trunk(x, TRUNK)
        found = {name: fn.relu(self.readouts[name](h[name])) for name in READOUTS}
        found |= {name: fn.relu(self.squeeze[name](h[source])) for name, (source, _) in SQUEEZE_HINTS.items()}
        return found, {name: fn.relu(self.hints[name](h[name])) for name in HINTS}


class Transfer:
    """A batch of style transfers in progress, with the student as it is now.

    L-BFGS finds every pattern that a student takes for a stroke and its teachers do not. So the student is trained on
    the pictures that it would itself lead to, with its teachers' features of them (as in Ross, Gordon & Bagnell 2011).
    """

    RATE = 0.04  # of the range of pixel values: the first step's length; later ones get shorter

    def __init__(self, x: Tensor, style: Tensor) -> None:
        self.x, self.style, self.rounds = x, style, 0

    def advance(self, student: nn.Module, steps: int) -> Tensor:
        """``steps`` more steps of signed gradient towards the style's Gram matrices; returns the pictures."""
        with torch.no_grad():
            target, _ = student(self.style)
        x = self.x.clone().requires_grad_(True)
        for _ in range(steps):
            found, _ = student(x)
            loss = torch.stack([gram_error(found[name], target[name]) for name in target]).sum()
            (gradient,) = torch.autograd.grad(loss, x)
            with torch.no_grad():
                x += self.RATE / (2 + self.rounds) * -gradient.sign()
                x.clamp_(0, 1)
        self.x, self.rounds = x.detach(), self.rounds + 1
        return self.x


class TrunkTrainer(Trainer):
    """The trunk in training."""

    settings: TrunkSettings

    def __init__(self, data: Path, settings: TrunkSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        super().__init__(Student(), data, settings, device)
        self.teachers = Teachers(data / "teachers").to(device)
        self.teachers.calibrate(self.calibration_batch())
        self.transfers: list[Transfer] = []

    def transfer_batch(self) -> Tensor:
        """The pictures of a random one of the transfers, some steps further."""
        s = self.settings
        if len(self.transfers) < s.transfers:
            start = self.batch() if self.rng.random() < 0.8 else torch.rand(s.batch, 3, s.crop, s.crop)
            self.transfers.append(Transfer(start.to(self.device), self.paintings.batch(s.batch).to(self.device)))
        transfer = self.rng.choice(self.transfers)
        if transfer.rounds + 1 >= s.transfer_rounds:
            self.transfers.remove(transfer)
        with torch.autocast(self.device.type, torch.bfloat16):
            return transfer.advance(self.network, s.transfer_steps)

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's relative errors by layer."""
        s = self.settings
        while self.step < s.steps:
            transfer = self.step >= s.transfers_from and self.rng.random() < s.transfer_share
            x = (self.transfer_batch() if transfer else self.batch()).contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                targets, hint_targets = self.teachers(x)
                found, hints = self.network(x)
                errors = {name: relative_error(found[name], targets[name]) for name in targets}
                grams = {name: gram_error(found[name], targets[name]) for name in targets}
                hint_errors = [relative_error(hints[name], hint_targets[name]) for name in hints]
            loss = s.hint_weight * torch.stack(hint_errors).sum()
            for name, error in errors.items():
                loss = loss + WEIGHTS.get(name, 1.0) * (error + s.gram_weight * grams[name])
            self.optimizer_step(loss)
            yield {name: error.item() for name, error in errors.items()}
