"""The styles' pictures: the gallery's, decoded once, and the one that a person sent along."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.gallery import MINE, Gallery
from engine.images.decode import decode
from engine.images.formats import ImageRefused
from engine.recipe import Recipe
from engine.stages import Refused
from engine.style.palette import Palette, mixed, palette_of


class StylePictures:
    """Pictures (3, h, w) in 0..1, and their colours."""

    def __init__(self, gallery: Gallery, device: torch.device) -> None:
        self._gallery, self._device = gallery, device
        self._swatches: dict[str, Tensor] = {}
        self._palettes: dict[str, Palette] = {}

    def of(self, recipe: Recipe, mine: Tensor | None) -> list[tuple[Tensor, float]]:
        """The recipe's styles, each with its weight; ``mine`` is the picture that was sent along."""
        return [(self._of(share.name, mine), float(share.weight)) for share in recipe.styles]

    def palette(self, recipe: Recipe, mine: Tensor | None) -> Palette:
        """The colours of the recipe's styles, mixed."""
        return mixed([(self._palette(share.name, mine), float(share.weight)) for share in recipe.styles])

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

    def _palette(self, name: str, mine: Tensor | None) -> Palette:
        if name == MINE:
            return palette_of(self._of(name, mine)[None])
        if name not in self._palettes:
            self._palettes[name] = palette_of(self.swatch(name)[None])
        return self._palettes[name]
