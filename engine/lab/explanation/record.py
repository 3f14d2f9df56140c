"""What is written down of an optimisation while it runs, for the picture that explains it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.colours import matched
from engine.fine.gatys import Step
from engine.fine.losses import gram, gram_loss
from engine.fine.scales import style_side
from engine.recipe import Recipe, weighted
from engine.tensors import Styles, luminance_only, reduced, resize, resized_style

STATIONS = (1, 10, 100, 1000)  # steps after which x is shown, beside the last, where the recipe does not say every=
MEASURED = 16  # times, about, that the energies of the layers are measured: evenly on a scale of logarithms
THUMBNAIL = 480  # pixels, long side


@dataclass
class Record:
    """What was seen of one optimisation."""

    photo: Tensor  # (3, h, w), as all pictures here no larger than `THUMBNAIL`
    style: Tensor
    recipe: Recipe
    steps: list[tuple[int, float, float, float]] = field(default_factory=list)  # index, total, content, style
    scales: list[int] = field(default_factory=list)  # the steps with which a larger size begins
    energies: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by layer: index, E_l
    stations: list[tuple[int, Tensor]] = field(default_factory=list)  # index, x (3, h, w)


class Watch:
    """Takes notes of every step."""

    def __init__(self, record: Record, encoder: Encoder, pictures: Styles, p: Tensor) -> None:
        """``pictures`` and the photo p are (1, 3, h, w)."""
        self.record, self._encoder = record, encoder
        self._grey = record.recipe.colors == "photo"  # as the optimisation, which then sees luminance only
        styles = luminance_only(p, pictures)[1] if self._grey else pictures
        if record.recipe.colors == "matched":
            styles = [(matched(a, p), weight) for a, weight in styles]
        layers = weighted(record.recipe.layers or encoder.style_layers)
        self._size, self._next, self._width = (p.shape[2], p.shape[3]), 1.0, 0
        side = style_side(self._size, record.recipe)
        self._A = _grams(encoder, styles, list(layers), side, record.recipe.brush or 1.0)

    def __call__(self, step: Step) -> None:
        record = self.record
        record.steps.append((step.index, step.total, step.content, step.style))
        if self._width not in (0, step.x.shape[3]):
            record.scales.append(step.index)
        self._width = step.x.shape[3]
        if step.index >= self._next or step.index == step.of:
            self._next = step.index * step.of ** (1 / MEASURED)
            self._measure(step)
        every = record.recipe.every
        if step.index == step.of or (step.index % every == 0 if every else step.index in STATIONS):
            record.stations.append((step.index, reduced(step.x[0], THUMBNAIL)))

    @torch.no_grad()
    def _measure(self, step: Step) -> None:
        """E_l of every style layer, always at the size of the result, so that sizes do not show in the curves."""
        x = resize(step.x, self._size)
        F = self._encoder.features(luminance_only(x, [])[0] if self._grey else x, self._A)
        for l, A in self._A.items():
            E = float(gram_loss(F[l], A) / A.square().mean())
            self.record.energies.setdefault(l, []).append((step.index, E))


@torch.no_grad()
def _grams(encoder: Encoder, styles: Styles, layers: list[str], long_side: int, brush: float) -> dict[str, Tensor]:
    """The mixed Gram matrices, from the layer with the most positions to the one with the fewest."""
    total = sum(weight for _, weight in styles)
    A: dict[str, Tensor] = {}
    positions: dict[str, int] = {}
    for a, weight in styles:
        for l, F in encoder.features(resized_style(a, long_side, brush), layers).items():
            A[l] = A.get(l, 0) + weight / total * gram(F)
            positions[l] = F.shape[2] * F.shape[3]
    return {l: A[l] for l in sorted(A, key=positions.__getitem__, reverse=True)}
