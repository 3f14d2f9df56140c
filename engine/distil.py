"""Training the slim encoder: its read-outs learn what the teachers' layers say (Hinton, Vinyals & Dean 2015).

From scratch, on crops of photos and paintings. Every read-out's squared error is divided by the mean square of its
target, so that all layers count alike. While training only, further 1x1 *hints* (Romero et al. 2015) tie the trunk's
layers between the read-outs to the teacher's, which carries the gradient to the deep ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.crops import Crops, held_out
from engine.fidelity import Fidelity, fidelity
from engine.teachers import SqueezeNet, VGGTeacher
from engine.vgg import CONTENT_LAYERS, READOUTS, STYLE_LAYERS, TRUNK, Slim, unit_mean

VGG_LAYERS = (*STYLE_LAYERS, *CONTENT_LAYERS)
SQUEEZE_LAYERS = tuple(name for name in READOUTS if name not in VGG_LAYERS)
CALIBRATION_BATCHES = 60
HINTS = tuple(name for name in TRUNK if name not in VGG_LAYERS)


class DistilSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every number of the slim encoder's training."""

    steps: int = 8000
    crop: int = 160  # pixels; a unit of conv5_1 sees 132
    batch: int = 4
    rate: float = 2e-3
    warmup: int = 200
    last_rate: float = 0.01  # share of ``rate`` at the end of the cosine
    hint_weight: float = 0.5
    gram_weight: float = 1.0  # of the Gram matrices' relative error, which is what the slim encoder is used for
    paintings: float = 0.35  # share of crops that come from paintings
    disturbed: float = 0.3  # share of crops with noise or another crop mixed in: half-made pictures look like that
    chase_from: int = 6500  # the step from which on some batches are pictures half way through a style transfer
    chased: float = 0.5  # share of those batches
    chases: int = 24  # transfers under way at any time
    chase_steps: int = 4  # of one transfer, each time that its turn comes
    chase_turns: int = 12  # after which a transfer is begun anew
    seed: int = 1


# Layers that do not count as 1: the deepest style layer learns slowest, and SqueezeNet's deepest say more of classes
# than 128 channels can hold.
WEIGHTS = {"conv5_1": 2.0, "fire6": 0.5, "fire8": 0.3}


class Teachers(nn.Module):
    """Both teachers' answers under the read-outs' names, hints under the trunk's."""

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
    def forward(self, x: Tensor, hints: bool = True) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        found = self.vgg.features(x, (*VGG_LAYERS, *(HINTS if hints else ())))
        found |= self.squeeze.features(x, SQUEEZE_LAYERS)
        found = {name: f.mul_(self.scale.get(name, 1.0)) for name, f in found.items()}
        return {name: found[name] for name in READOUTS}, {name: found[name] for name in HINTS if hints}


class Student(nn.Module):
    """The slim encoder with its hint layers, which are dropped when training ends."""

    def __init__(self) -> None:
        super().__init__()
        self.slim = Slim()
        self.hints = nn.ModuleDict(
            {name: nn.Conv2d(n, n, 1) for name, n in self.slim.trunk.channels.items() if name in HINTS}
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        h = self.slim.trunk(x, TRUNK)
        readouts = {name: fn.relu(self.slim.readouts[name](h[source])) for name, (source, _) in READOUTS.items()}
        return readouts, {name: fn.relu(self.hints[name](h[name])) for name in HINTS}


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


class Chase:
    """A batch of style transfers under way with the student as it is now.

    L-BFGS finds every pattern that a student takes for a stroke and its teachers do not. So the student is shown what
    it would itself make of a picture, and told what its teachers see there (as in Ross, Gordon & Bagnell 2011).
    """

    RATE = 0.04  # of the range of pixel values: the first step's length; later ones get shorter

    def __init__(self, x: Tensor, style: Tensor) -> None:
        self.x, self.style, self.turns = x, style, 0

    def advance(self, student: Student, steps: int) -> Tensor:
        """``steps`` more steps of signed gradient towards the style's Gram matrices; returns the pictures."""
        with torch.no_grad():
            target, _ = student(self.style)
        x = self.x.clone().requires_grad_(True)
        for _ in range(steps):
            found, _ = student(x)
            loss = torch.stack([gram_error(found[name], target[name]) for name in target]).sum()
            (gradient,) = torch.autograd.grad(loss, x)
            with torch.no_grad():
                x += self.RATE / (2 + self.turns) * -gradient.sign()
                x.clamp_(0, 1)
        self.x, self.turns = x.detach(), self.turns + 1
        return self.x


class Distillation:
    """One training run: its networks, optimiser and step count, which a checkpoint holds in full."""

    def __init__(self, data: Path, settings: DistilSettings, device: torch.device) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.device, self.data = settings, device, data
        self.teachers = Teachers(data / "teachers").to(device)
        self.student = Student().to(device).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.student.parameters(), lr=settings.rate, betas=(0.9, 0.99))
        self.step = 0
        photos = [p for p in sorted((data / "photos/train").glob("*.jpg")) if not held_out(p)]
        self.photos = Crops(photos, settings.crop, settings.seed, short=288)
        paintings = sorted((data / "paintings").glob("*.jpg"))
        self.paintings = Crops(paintings, settings.crop, settings.seed + 1, short=640)
        self.random = random.Random(settings.seed)
        self.chases: list[Chase] = []
        self.teachers.calibrate(torch.cat([self.photos.batch(16), self.paintings.batch(8)]).to(device))

    def rate(self) -> float:
        """Linear warm-up, then a cosine down to ``last_rate``."""
        s = self.settings
        done = min(1.0, self.step / s.steps)
        cosine = s.last_rate + (1 - s.last_rate) * 0.5 * (1 + torch.cos(torch.tensor(done * torch.pi)).item())
        return s.rate * min(1.0, (self.step + 1) / s.warmup) * cosine

    def batch(self) -> Tensor:
        s = self.settings
        count = sum(self.random.random() < s.paintings for _ in range(s.batch))
        parts = [crops.batch(n) for crops, n in ((self.paintings, count), (self.photos, s.batch - count)) if n]
        x = torch.cat(parts)
        return disturb(x, x.roll(1, 0), s.disturbed, self.random)

    def chased(self) -> Tensor:
        """The pictures of one of the transfers under way, some steps further."""
        s = self.settings
        if len(self.chases) < s.chases:
            start = self.batch() if self.random.random() < 0.8 else torch.rand(s.batch, 3, s.crop, s.crop)
            self.chases.append(Chase(start.to(self.device), self.paintings.batch(s.batch).to(self.device)))
        chase = self.random.choice(self.chases)
        if chase.turns + 1 >= s.chase_turns:
            self.chases.remove(chase)
        with torch.autocast(self.device.type, torch.bfloat16):
            return chase.advance(self.student, s.chase_steps)

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's relative errors by layer."""
        while self.step < self.settings.steps:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            chase = self.step >= self.settings.chase_from and self.random.random() < self.settings.chased
            x = self.chased() if chase else self.batch().to(self.device)
            x = x.contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                targets, hint_targets = self.teachers(x)
                found, hints = self.student(x)
                errors = {name: relative_error(found[name], targets[name]) for name in targets}
                hint_errors = [relative_error(hints[name], hint_targets[name]) for name in hints]
                gram_errors = {name: gram_error(found[name], targets[name]) for name in targets}
            loss = self.settings.hint_weight * torch.stack(hint_errors).sum()
            for name, error in errors.items():
                loss = loss + WEIGHTS.get(name, 1.0) * (error + self.settings.gram_weight * gram_errors[name])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)
            self.optimizer.step()
            self.step += 1
            yield {name: error.item() for name, error in errors.items()}

    def save(self, path: Path) -> None:
        """A whole checkpoint, written beside and moved into place, so that a kill leaves the older one."""
        state = {
            "student": self.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "random": [r.getstate() for r in (self.random, self.photos.random, self.paintings.random)],
        }
        beside = path.with_suffix(".new")
        torch.save(state, beside)
        beside.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint of our own."""
        state = torch.load(path, map_location=self.device, weights_only=False)
        self.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        for r, saved in zip((self.random, self.photos.random, self.paintings.random), state["random"], strict=True):
            r.setstate(saved)

    @torch.no_grad()
    def export(self) -> dict[str, Tensor]:
        """The slim encoder's tensors in half precision, each read-out's filters scaled to a mean activation of 1."""
        means: dict[str, list[Tensor]] = {name: [] for name in READOUTS}
        for _ in range(CALIBRATION_BATCHES):
            found, _ = self.student(self.photos.batch(self.settings.batch).to(self.device))
            for name, f in found.items():
                means[name].append(f.mean((0, 2, 3)))
        state = self.student.slim.state_dict()
        for name, found_means in means.items():
            factor = unit_mean(torch.stack(found_means).mean(0)).flatten()
            state[f"readouts.{name}.weight"] = state[f"readouts.{name}.weight"] * factor.view(-1, 1, 1, 1)
            state[f"readouts.{name}.bias"] = state[f"readouts.{name}.bias"] * factor
        return {name: tensor.half().contiguous().cpu() for name, tensor in state.items()}

    def fidelity(self, pictures: Sequence[Tensor]) -> dict[str, dict[str, Fidelity]]:
        """The student against each teacher on pictures (1, 3, H, W) that it has not seen."""
        folder = self.data / "teachers"
        genuine = VGGTeacher(folder / "vgg19-conv1-3.safetensors").to(self.device)
        first = STYLE_LAYERS[:3]  # all that the genuine file holds
        scale = self.teachers.scale

        def ours(x: Tensor) -> dict[str, Tensor]:
            return self.student(x)[0]

        def scaled(x: Tensor) -> dict[str, Tensor]:
            return {name: f * scale[name] for name, f in genuine.features(x, first).items()}

        return {
            "distilled VGG-19 and SqueezeNet": fidelity(ours, lambda x: self.teachers(x, hints=False)[0], pictures),
            "genuine VGG-19": fidelity(ours, scaled, pictures),
        }
