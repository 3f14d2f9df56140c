"""The styles' pictures and looks: the gallery's, decoded once, and the picture that a person sent along."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.gallery import MINE, Gallery
from engine.images.decode import decode
from engine.images.formats import ImageRefused
from engine.recipe import Recipe
from engine.stages import Refused
from engine.style.look import Look, look_of, mixed


class StylePictures:
    """Pictures (3, h, w) in 0..1, and their looks."""

    def __init__(self, gallery: Gallery, device: torch.device) -> None:
        self._gallery, self._device = gallery, device
        self._swatches: dict[str, Tensor] = {}
        self._looks: dict[str, Look] = {}

    def of(self, recipe: Recipe, mine: Tensor | None) -> list[tuple[Tensor, float]]:
        """The recipe's styles, each with its weight; ``mine`` is the picture that was sent along."""
        return [(self._of(share.name, mine), float(share.weight)) for share in recipe.styles]

    def look(self, shares: Sequence[tuple[str, float]], mine: Tensor | None) -> Look:
        """The look of styles, each by name with its weight, mixed."""
        return mixed([(self._look(name, mine), weight) for name, weight in shares])

    def swatch(self, name: str) -> Tensor:
        """The picture of one of the gallery's styles.

        Raises:
            Refused: it is an operator's own, and cannot be read.
        """
        if name not in self._swatches:
            try:
                picture = decode(self._gallery[name].swatch.read_bytes())
            except ImageRefused as refusal:
                raise Refused(f"The gallery's picture of {name} cannot be used. {refusal}") from refusal
            self._swatches[name] = picture.pixels.to(self._device)
        return self._swatches[name]

    def _of(self, name: str, mine: Tensor | None) -> Tensor:
        if name != MINE:
            return self.swatch(name)
        assert mine is not None
        return mine

    def _look(self, name: str, mine: Tensor | None) -> Look:
        if name == MINE:
            return look_of(self._of(name, mine)[None])
        if name not in self._looks:
            self._looks[name] = look_of(self.swatch(name)[None], self._gallery[name].flow)
        return self._looks[name]
