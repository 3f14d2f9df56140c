"""Training the gallery's network further, together with what predicts a pair for any picture.

Half of every batch is painted in gallery styles by their own pairs, half in variants of all paintings by predicted
ones, so that the convolutions come to serve both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.train.data.variants import variants
from engine.train.trainers.gallery import GallerySettings, GalleryTrainer
from engine.train.trainers.perceptual import StyleTarget
from engine.train.trainers.trainer import replace_file
from engine.universal.predictor import CODES, Predictor, statistics


class PredictorSettings(GallerySettings, frozen=True, kw_only=True):
    """The numbers of this training."""

    steps: int = 3000
    rate: float = 4e-4  # the network is trained already
    warmup: int = 100
    constant: float = 0.4
    predicted: float = 0.6  # share of pictures
    each: int = 7  # variants of a painting
    variant_side: tuple[int, ...] = (512,)
    predictor_rate: float = 0.2  # over the rate of the convolutions: a step in a code moves every channel
    disturbed_codes: float = 0.15  # deviation of what is added to the codes, or paintings would be learned by heart
    ridge: float = 3.0  # of the linear map that the training starts from


class PredictorTrainer(GalleryTrainer):
    """The network and the predictor in training."""

    settings: PredictorSettings

    def __init__(
        self,
        data: Path,
        settings: PredictorSettings,
        device: torch.device,
        names: Sequence[str],
        held_out: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(data, settings, device, names)
        self.count = len(names)
        found = list(variants(data, names, settings.each, held_out))
        paintings = list(dict.fromkeys(name for name, _ in found[self.count :]))
        # Variant -> the place of its style weight, behind those of the gallery.
        self.places = [self.count + paintings.index(name) for name, _ in found[self.count :]]
        self.weight += [10.0] * len(paintings)
        self.content_errors += [1.0] * len(paintings)
        self.style_errors += [1.0] * len(paintings)
        known = self.perceptual.styles
        self.perceptual.set_styles((a.to(device) for _, a in found[self.count :]), settings.variant_side)
        # In bfloat16, since all of them take 3 GB in float32.
        more = self.perceptual.styles
        self.perceptual.styles = {
            name: torch.cat([known.pop(name).bfloat16(), more.pop(name).bfloat16()]) for name in list(known)
        }
        encoder = SlimEncoder.load().to(device)
        with torch.no_grad():
            self.statistics = torch.stack([statistics(a.to(device), encoder) for _, a in found])
        self.predictor = Predictor(self.statistics.shape[1], self.network.pairs.shape[2]).to(device)
        s = settings
        self.optimizer.add_param_group({"params": list(self.predictor.parameters()), "factor": s.predictor_rate})
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(s.average)
        self.averaged_predictor = torch.optim.swa_utils.AveragedModel(self.predictor, multi_avg_fn=average)

    @torch.no_grad()
    def begin(self) -> None:
        """Codes by principal components; then the ridge regression from the gallery's codes to their pairs."""
        p, S = self.predictor, self.statistics
        p.mean.copy_(S.mean(0))
        _, singular, V = torch.linalg.svd(S - p.mean, full_matrices=False)
        variance = singular[:CODES].square() / len(S)
        # The smallest components say more of the sample than of the style, and are not enlarged like others.
        p.projection[: len(variance)] = V[:CODES] / (variance + 0.01 * variance[0]).sqrt()[:, None]
        p.photo.copy_(self.network.pairs[0])
        c = p.codes(S[: self.count])  # (styles, codes)
        pairs = (self.network.pairs[1:] - p.photo).flatten(1)  # (styles, 2 C)
        middle, centre = pairs.mean(0), c.mean(0)
        K = (c - centre) @ (c - centre).T + self.settings.ridge * torch.eye(self.count, device=c.device)
        W = (c - centre).T @ torch.linalg.solve(K, pairs - middle)  # (codes, 2 C)
        p.linear.weight.copy_(W.T)
        p.linear.bias.copy_(middle - centre @ W)
        p.out.weight.zero_()
        self.averaged_predictor.module.load_state_dict(p.state_dict())

    def style_targets(self) -> list[StyleTarget | None]:
        s, rng = self.settings, self.rng
        targets: list[StyleTarget | None] = []
        for _ in range(s.batch):
            predicted = rng.random() < s.predicted
            # A whole artwork can be painted by its own pair or by the predicted one; -1 - i says the latter.
            i = rng.randrange(self.count)
            if predicted:
                i = -1 - i if rng.random() < 0.2 else self.count + rng.randrange(len(self.places))
            draw = rng.random()
            if draw < s.identities:
                targets.append(None)
            elif draw < s.identities + s.mixtures and not predicted:
                targets.append(StyleTarget(i, rng.randrange(self.count), rng.random(), 1.0))
            else:
                t = rng.uniform(0.2, 1.4) if draw > 1 - s.strengths else 1.0
                targets.append(StyleTarget(i, i, 1.0, t))
        return targets

    def pairs(self, targets: Sequence[StyleTarget | None]) -> Tensor:
        rows = []
        for target in targets:
            if target is None or 0 <= target.i < self.count:
                rows.append(super().pairs([target])[0])
            else:
                rows.append(self._predicted(target))
        return torch.stack(rows)

    def _predicted(self, target: StyleTarget) -> Tensor:
        s = self.statistics[self._variant(target.i)][None]
        codes = self.predictor.codes(s)
        codes = codes + self.settings.disturbed_codes * torch.randn_like(codes)
        return torch.lerp(self.network.pairs[0], self.predictor(codes)[0], target.t)

    def _variant(self, i: int) -> int:
        return i if i >= 0 else -1 - i

    def _styled(self, x: Tensor, y: Tensor, targets: Sequence[StyleTarget]) -> Tensor:
        plain = [t._replace(i=self._variant(t.i), j=self._variant(t.j)) for t in targets]
        content, style = self.perceptual.errors(x, y, plain)
        placed = [t._replace(i=self._place(t.i), j=self._place(t.j)) for t in plain]
        self._adjust_weights(placed, content.tolist(), style.tolist())
        weights = torch.tensor([self.weight_of(t) for t in placed], device=x.device)
        return (content + weights * style).sum()

    def _place(self, i: int) -> int:
        return i if i < self.count else self.places[i - self.count]

    def optimizer_step(self, loss: Tensor) -> None:
        super().optimizer_step(loss)
        self.averaged_predictor.update_parameters(self.predictor)

    @property
    def predicted_result(self) -> Predictor:
        """The predictor with the running mean of its weights."""
        predictor = self.averaged_predictor.module
        assert isinstance(predictor, Predictor)
        return predictor

    def save(self, path: Path) -> None:
        super().save(path)
        state: dict[str, Any] = {"predictor": self.predictor.state_dict()}
        replace_file(path.with_suffix(".predictor"), state | {"averaged": self.averaged_predictor.state_dict()})

    def load(self, path: Path) -> None:
        super().load(path)
        state = torch.load(path.with_suffix(".predictor"), map_location=self.device, weights_only=False)
        self.predictor.load_state_dict(state["predictor"])
        self.averaged_predictor.load_state_dict(state["averaged"])
