"""Refining the slim encoder's trunk or branch: widened if it is narrower, then trained for what it is used for.

What an optimisation follows is the distance of Gram matrices of normalised filters, in pictures that no photo
resembles. So here features and Gram matrices are learned normalised as the teachers' are, on photos, on paintings and
on pictures in the middle of an optimisation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.encoders.slim import BRANCH, READOUTS, Fire, SlimEncoder
from engine.train.data.teachers import calibrated_teachers
from engine.train.trainers.trainer import Trainer, TrainerSettings, gram_error, relative_error

# Weight of each layer's errors: the deep ones, which carry large forms, are the hardest.
WEIGHTS = {"conv1_1": 0.2, "conv2_1": 0.3, "conv4_1": 2.0, "conv5_1": 3.0, "fire6": 1.5, "fire7": 0.5, "fire8": 1.5}
FAITHFUL = ("conv1_1", "conv1_2", "conv2_1", "conv2_2")  # layers of the trunk that need no more training
STYLE = ("conv3_1", "conv4_1", "conv5_1", "fire3", "fire4", "fire5", "fire6", "fire8")


class RefineSettings(TrainerSettings, frozen=True, kw_only=True):
    """The numbers of the refinement."""

    steps: int = 3000
    rate: float = 5e-4
    gram_weight: float = 1.0
    rollout_share: float = 0.25  # of the steps
    rollouts: int = 12  # batches of pictures in the middle of an optimisation
    rollout_steps: int = 2  # of one, each time it is drawn
    rollout_rounds: int = 16  # after which it is replaced


class RefineBranchSettings(RefineSettings, frozen=True, kw_only=True):
    """The numbers of the branch's part."""

    rate: float = 2e-3
    chained_from: float = 0.6  # share of the steps after which the layers are chained; before, each gets its teacher's


class Rollout:
    """A batch of optimisations in progress, led by the student: it learns from where it would lead."""

    RATE = 0.04  # of the range of pixel values: the first step's length; later ones get shorter

    def __init__(self, x: Tensor, style: Tensor) -> None:
        self.x, self.style, self.rounds = x, style, 0


class RefineTrainer(Trainer):
    """The slim encoder in its last training."""

    settings: RefineSettings
    network: SlimEncoder

    def __init__(
        self, data: Path, settings: RefineSettings, device: torch.device, start: SlimEncoder, part: str
    ) -> None:
        """``start`` is the encoder so far, narrower or not; ``part`` is what learns, ``trunk`` or ``branch``."""
        torch.manual_seed(settings.seed)
        super().__init__(SlimEncoder(), data, settings, device)
        self.teachers = calibrated_teachers(data, device)
        widen(start, self.network)
        self.network.scales.requires_grad_(False)
        # Fine detail is so weak in photos that conv1 would lose what it learned from noise.
        self.network.branch.conv1.requires_grad_(False)
        self.match_scales()
        self.layers = BRANCH if part == "branch" else tuple(name for name in READOUTS if name not in FAITHFUL)
        for name, conv in (*self.network.trunk.convs.items(), *self.network.readouts.items()):
            conv.requires_grad_(part == "trunk" and name not in FAITHFUL)
        self.network.branch.fires.requires_grad_(part == "branch")
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=settings.rate, betas=(0.9, 0.99))
        self.rolled: list[Rollout] = []

    @property
    def result(self) -> SlimEncoder:
        """The encoder as it is now."""
        return copy.deepcopy(self.network).eval().requires_grad_(False)

    @torch.no_grad()
    def match_scales(self) -> None:
        """Bring each filter's mean activation to its teacher's, which is far off where it is rarely active."""
        layers = tuple(self.network.channels())
        totals: dict[str, tuple[Tensor, Tensor]] = {}
        for x in self.calibration_batch().split(4):
            P, F = self.teachers.features(x, layers), self.network.features(x, layers)
            for name in layers:
                theirs, ours = totals.get(name, (torch.zeros(()), torch.zeros(())))
                totals[name] = (theirs + P[name].mean((0, 2, 3)), ours + F[name].mean((0, 2, 3)))
        for name, (theirs, ours) in totals.items():
            floor = 0.02 * float(ours.mean())
            self.network.scales[name].mul_(((theirs + floor) / (ours + floor)).clamp(0.1, 10))

    def rollout_batch(self) -> Tensor:
        """The pictures of a random rollout, some steps further."""
        s = self.settings
        if len(self.rolled) < s.rollouts:
            draw = self.rng.random()
            start = self.batch() if draw < 0.8 else torch.rand(s.batch, 3, s.crop, s.crop)
            if draw > 0.5:  # the first size is coarse, and what is enlarged from it is smooth
                start = fn.interpolate(fn.avg_pool2d(start, 2), scale_factor=2.0, mode="bilinear")
            self.rolled.append(Rollout(start.to(self.device), self.paintings.batch(s.batch).to(self.device)))
        rollout = self.rng.choice(self.rolled)
        with torch.no_grad():
            target = self.network.features(rollout.style, STYLE)
        x = rollout.x.clone().requires_grad_(True)
        for _ in range(s.rollout_steps):
            found = self.network.features(x, STYLE)
            loss = torch.stack([gram_error(found[name], target[name]) for name in STYLE]).mean()
            (gradient,) = torch.autograd.grad(loss, x)
            with torch.no_grad():
                # Halfway between the sign, as Adam takes it, and the gradient itself, as L-BFGS does.
                size = gradient.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
                x -= rollout.RATE / (2 + rollout.rounds) * (gradient / size).clamp(-2, 2)
                x.clamp_(0, 1)
        rollout.x, rollout.rounds = x.detach(), rollout.rounds + 1
        if rollout.rounds >= s.rollout_rounds:
            self.rolled.remove(rollout)
        return rollout.x

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's Gram errors by layer."""
        s = self.settings
        while self.step < s.steps:
            with torch.autocast(self.device.type, torch.bfloat16):
                rolled = self.step > s.warmup and self.rng.random() < s.rollout_share
                x = (self.rollout_batch() if rolled else self.batch()).contiguous(memory_format=torch.channels_last)
                loss, errors = self.losses(x)
            self.optimizer_step(loss)
            yield {("rolled/" if rolled else "") + k: v for k, v in errors.items()}

    def losses(self, x: Tensor) -> tuple[Tensor, dict[str, float]]:
        """(the loss of features and Gram matrices, each layer's Gram error)."""
        with torch.no_grad():
            P = self.teachers.features(x, self.layers)
        F = self.outputs(x, P)
        loss, errors = torch.zeros((), device=self.device), {}
        for name in self.layers:
            gram = gram_error(F[name], P[name])
            errors[name] = gram.item()
            feature = relative_error(F[name], P[name])
            loss = loss + WEIGHTS.get(name, 1.0) * (feature + self.settings.gram_weight * gram.clamp_max(4))
        return loss, errors

    def outputs(self, x: Tensor, P: dict[str, Tensor]) -> dict[str, Tensor]:
        """The student's layers; those of the branch at first each from its teacher's layer before."""
        s = self.settings
        if not isinstance(s, RefineBranchSettings) or self.step >= s.chained_from * s.steps:
            return self.network.features(x, self.layers)
        before = [2 * x - 1, *(P[name] / self.network.scales[name].view(1, -1, 1, 1) for name in BRANCH[:-1])]
        found = {name: self.network.branch.layer(name, h) for name, h in zip(BRANCH, before, strict=True)}
        return {name: F * self.network.scales[name].view(1, -1, 1, 1) for name, F in found.items()}


@torch.no_grad()
def widen(narrow: SlimEncoder, wide: SlimEncoder) -> None:
    """Give ``wide`` the function of ``narrow``: filters are doubled, and what reads them shares its weights out.

    Chen, Goodfellow & Shlens 2016, "Net2Net". The shares differ at random, or both copies would learn the same.
    """
    generator = torch.Generator().manual_seed(1)
    before: Tensor | None = None  # which filter of the narrow one each input is
    kept: dict[str, Tensor] = {}
    for name, conv in narrow.trunk.convs.items():
        target = wide.trunk.convs[name]
        kept[name] = _widened(conv, target, before, generator)
        before = kept[name]
    for name, conv in narrow.readouts.items():
        _widened(conv, wide.readouts[name], kept[name], generator)
    wide.branch.conv1.load_state_dict(narrow.branch.conv1.state_dict())
    for name, fire in narrow.branch.fires.items():
        wider = wide.branch.fires[name]
        assert isinstance(fire, Fire)
        assert isinstance(wider, Fire)
        squeezed = _widened(fire.squeeze, wider.squeeze, None, generator)
        _widened(fire.one, wider.one, squeezed, generator)
        _widened(fire.three, wider.three, squeezed, generator)
    for name, scale in narrow.scales.items():
        wide.scales[name].copy_(scale)


def _widened(conv: nn.Module, target: nn.Module, inputs: Tensor | None, rng: torch.Generator) -> Tensor:
    """Fill ``target`` from ``conv``; returns which filter of ``conv`` each of its filters is."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(target, nn.Conv2d)
    outputs = torch.arange(target.out_channels) % conv.out_channels
    W = conv.weight.data[outputs]
    if inputs is not None:
        share = torch.rand(len(outputs), len(inputs), generator=rng) + 0.5
        total = torch.zeros(len(outputs), conv.in_channels).index_add_(1, inputs, share)
        W = W[:, inputs] * (share / total[:, inputs])[..., None, None]
    target.weight.data.copy_(W)
    assert conv.bias is not None
    assert target.bias is not None
    target.bias.data.copy_(conv.bias.data[outputs])
    return outputs
