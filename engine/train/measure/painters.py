"""Every way of painting by name, so that they can be compared: the three modes, and the plain method of the paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.fast import network
from engine.fast.paint import paint as paint_fast
from engine.fine.gatys import Run
from engine.fine.paint import paint as paint_fine
from engine.fine.scales import Scale
from engine.images.decode import decode
from engine.recipe import Mode, Recipe, Share, complete
from engine.train.data.teachers import calibrated_teachers
from engine.universal import decoders
from engine.universal.paint import paint as paint_universal

PLAIN_STEPS = 500


class Painters:
    """Each method: photo (3, H, W), style, the painting (1, 3, h, w) -> the pictures on the way, the last one done."""

    def __init__(self, data: Path, size: int) -> None:
        self.size = size
        self.gallery = gallery.default()
        self.network = network.load(torch.device("cpu"))
        self.slim = SlimEncoder.load()
        self.decoders = decoders.load(torch.device("cpu"))
        self.teachers = calibrated_teachers(data)

    def fast(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        for _, x in paint_fast(self.network, p, [(name, 1.0)], self._recipe(name, "fast")):
            yield x

    def universal(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        recipe = self._recipe(name, "universal")
        for _, x in paint_universal(p, [(self._swatch(name), 1.0)], recipe, self.slim, self.decoders):
            yield x

    def fine(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        recipe, start = self._recipe(name, "fine"), None
        if recipe.init == "fast" or recipe.init == "universal":
            *_, start = getattr(self, recipe.init)(p, name, artwork)
        for step in paint_fine(p, [(self._swatch(name), 1.0)], recipe, self.slim, start):
            yield step.x

    def plain(self, p: Tensor, name: str, artwork: Tensor) -> Iterator[Tensor]:
        """Gatys with the teachers, at one scale from the photo whatever the size."""
        size = (p.shape[1], p.shape[2])
        run = Run([Scale(size, PLAIN_STEPS)], self.teachers, self._recipe(name, "fine"), [(artwork, 1.0)], p[None])
        for step, _ in run.scale(p[None]):
            yield step.x

    def _recipe(self, name: str, mode: Mode) -> Recipe:
        return complete(Recipe(styles=(Share(name),), mode=mode), self.gallery, size=self.size, seed=1)

    def _swatch(self, name: str) -> Tensor:
        return decode(self.gallery[name].swatch.read_bytes()).pixels
