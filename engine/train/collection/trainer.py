"""Two generators, there and back, trained on pictures that belong to no pairs (CycleGAN, Zhu et al. 2017)."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from engine.device import quick_type
from engine.encoders.slim import SlimEncoder
from engine.train.collection.beginning import identity
from engine.train.collection.judge import History, Judge, seen
from engine.train.data.crops import Crops
from engine.train.trainers.trainer import replace_file

M = TypeVar("M", bound=nn.Module)


class CollectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of the training; where they are not CycleGAN's, a small training needed others."""

    steps: int = 6000
    width: int = 24  # of the generators; 64 in the paper, with seven times the work
    blocks: int = 9
    judge_width: int = 32
    crop: int = 128  # pixels
    batch: int = 1
    rate: float = 3e-4
    judges_rate: float = 1e-3
    judged: int = 4  # pictures of either side that a judge is shown in a step
    warmup: int = 100  # steps; Adam's first ones are as long as all others, and would undo the beginning
    constant: float = 0.5  # share of the steps before the rate falls, linearly to 0
    cycle_weight: float = 4.0
    identity_weight: float = 1.0
    average: float = 0.995  # of the weights over the steps; the mean is what paints
    photos_enlarged: float = 1.4
    paintings_enlarged: float = 1.0
    reduced: float = 1.7  # at most, of crops of either
    seed: int = 1


class CollectionTrainer:
    """Photos and a collection's paintings, the generators between them, and the judge of either side."""

    def __init__(
        self, photos: Sequence[Path], paintings: Sequence[Path], settings: CollectionSettings, device: torch.device
    ) -> None:
        s = settings
        self.settings, self.device, self.step = settings, device, 0
        torch.manual_seed(s.seed)
        self.there, self.back = (self._on_device(identity(s.width, s.blocks)) for _ in range(2))
        self.of_photos, self.of_paintings = (self._on_device(Judge(s.judge_width)) for _ in range(2))
        self.encoder = SlimEncoder.load().to(device).to(memory_format=torch.channels_last).quick(quick_type(device))
        self.result = copy.deepcopy(self.there).requires_grad_(False)
        self.painters = _adam(self.there, self.back)
        self.judges = _adam(self.of_photos, self.of_paintings)
        self.photos = Crops(photos, s.crop, s.seed, short=288, enlarged=s.photos_enlarged, reduced=s.reduced)
        self.paintings = Crops(
            paintings, s.crop, s.seed + 1, short=1024, enlarged=s.paintings_enlarged, reduced=s.reduced
        )
        self.rng = random.Random(s.seed)
        self.histories = History(self.rng), History(self.rng)

    def _on_device(self, network: M) -> M:
        return network.to(self.device).to(memory_format=torch.channels_last)

    def rates(self) -> tuple[float, float]:
        """Of the generators and of the judges: constant, then linearly to 0."""
        s = self.settings
        share = min(1.0, (1 - self.step / s.steps) / (1 - s.constant))
        return s.rate * share * min(1.0, (self.step + 1) / s.warmup), s.judges_rate * share

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the settings' end; yields each step's errors."""
        while self.step < self.settings.steps:
            a, b = (self._batch(crops, self.settings.batch) for crops in (self.photos, self.paintings))
            for optimizer, rate in zip((self.painters, self.judges), self.rates(), strict=True):
                optimizer.param_groups[0]["lr"] = rate
            errors, painted, undone = self._paint(a, b)
            errors["judges"] = self._judge(undone, painted)
            self.step += 1
            self._follow_average()
            yield errors

    def _batch(self, crops: Crops, count: int) -> Tensor:
        x = crops.batch(count).to(self.device)
        return x.contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16)

    def _paint(self, a: Tensor, b: Tensor) -> tuple[dict[str, float], Tensor, Tensor]:
        """A step of the generators, for photos a and paintings b.

        Returns:
            its errors, the painted photos, and what was made of the paintings.
        """
        s = self.settings
        for judge in (self.of_photos, self.of_paintings):
            judge.requires_grad_(False)
        with self._autocast():
            painted, same_b = self.there(torch.cat([a, b])).chunk(2)
            again_a, undone, same_a = self.back(torch.cat([painted, b, a])).chunk(3)
            again_b = self.there(undone)
            style = self.of_paintings.error(seen(self.encoder, painted), 1)
            photo = self.of_photos.error(seen(self.encoder, undone), 1)
        # L1 of values in -1..1, as in the paper
        cycle = 2 * (fn.l1_loss(again_a, a) + fn.l1_loss(again_b, b))
        same = 2 * (fn.l1_loss(same_a, a) + fn.l1_loss(same_b, b))
        _descend(self.painters, style + photo + s.cycle_weight * cycle + s.identity_weight * same)
        errors = {"style": style.item(), "photo": photo.item(), "cycle": cycle.item(), "identity": same.item()}
        return errors, painted.detach(), undone.detach()

    def _judge(self, undone: Tensor, painted: Tensor) -> float:
        """A step of the judges, against what the generators have just made, and have made before."""
        sides = (self.of_photos, self.photos, undone), (self.of_paintings, self.paintings, painted)
        losses, count = [], self.settings.judged
        for history, (judge, crops, made) in zip(self.histories, sides, strict=True):
            judge.requires_grad_(True)
            with self._autocast():
                with torch.no_grad():
                    real = seen(self.encoder, self._batch(crops, count))
                    false = seen(self.encoder, history.with_older(made, max(count, len(made))))
                losses.append((judge.error(real, 1) + judge.error(false, 0)) / 2)
        loss = torch.stack(losses).sum()
        _descend(self.judges, loss)
        return loss.item()

    @torch.no_grad()
    def _follow_average(self) -> None:
        """The result, a step nearer to the generator: less swayed by the last pictures."""
        share = 1 - min(self.settings.average, self.step / (self.step + 10))
        for mean, now in zip(self.result.parameters(), self.there.parameters(), strict=True):
            mean.lerp_(now, share)

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        names = ("there", "back", "of_photos", "of_paintings", "result", "painters", "judges")
        return {name: getattr(self, name) for name in names}

    def _rngs(self) -> Iterable[random.Random]:
        return (self.rng, self.photos.rng, self.paintings.rng)

    def save(self, path: Path) -> None:
        """Write a whole checkpoint."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "random": [rng.getstate() for rng in self._rngs()]}
        replace_file(path, state | {"histories": [history.pictures for history in self.histories]})

    def load(self, path: Path) -> None:
        """Continue from a checkpoint that `save` wrote; it is unpickled, so no other file may be read this way."""
        state = torch.load(path, map_location=self.device, weights_only=False)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]
        for rng, saved in zip(self._rngs(), state["random"], strict=True):
            rng.setstate(saved)
        for history, pictures in zip(self.histories, state["histories"], strict=True):
            history.pictures = pictures


def _adam(*networks: nn.Module) -> torch.optim.Adam:
    parameters = itertools.chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(list(parameters), betas=(0.5, 0.999))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
