"""One order on its way through the engine: its pictures, decoded, and what its method may ask of the painter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.gallery import Gallery
from engine.images.encode import encode_jpeg
from engine.recipe import Recipe, line
from engine.stages import Stage
from engine.style.look import Look
from engine.wire import Cell, Finding

PREVIEW_SIDE = 384  # pixels, long side; as wide as a bubble in a chat

Stages = Generator[Stage, None, Tensor]  # of one picture; what it returns is x, (1, 3, H, W) in 0..1


@dataclass
class Work:
    """One order, decoded."""

    p: Tensor  # the photo at the size of the result, (3, H, W) in 0..1; a grey square where the mode takes none
    recipe: Recipe  # complete; as painted in the end
    mine: Tensor | None  # the style picture that was sent along, (3, h, w)
    alpha: Tensor | None  # the photo's, (1, H, W) in 0..1, if it is to be kept
    notes: list[str] = field(default_factory=list)  # sentences for the person
    findings: list[Finding] = field(default_factory=list)  # styles that were found, for programs
    cells: tuple[Cell, ...] = ()  # of a sheet
    film: list[Tensor] = field(default_factory=list)  # (3, h, w) uint8, pictures that are to be shown as a clip
    watch: Callable[[Any], None] | None = None  # is handed every `engine.fine.gatys.Step`
    anew: bool = False  # from the start, whatever is kept
    went_on: bool = False  # from a canvas of `engine.fine.canvases`, so that only the rest was painted


class Tools(Protocol):
    """What the painter does for the methods of `engine.lab`."""

    gallery: Gallery
    device: torch.device

    def encoder(self, work: Work) -> Generator[Stage, None, Encoder]:
        """The encoder that the recipe names, or the slim one with a note."""
        ...

    def pictures(self, work: Work) -> list[tuple[Tensor, float]]:
        """The styles' pictures (3, h, w) in 0..1, each with its weight."""
        ...

    def look(self, work: Work, shares: Sequence[tuple[str, float]] | None = None) -> Look:
        """The look of the recipe's styles, mixed, or of these by name with their weights."""
        ...

    def swatch(self, name: str) -> Tensor:
        """The picture of one of the gallery's styles."""
        ...

    def repaint(self, work: Work) -> Stages:
        """A picture in the mode of the work's own, complete recipe."""
        ...

    def together(self, p: Tensor, recipes: Sequence[Recipe]) -> Tensor:
        """The pictures (B, 3, H, W) of a photo p by recipes of fast mode that are `engine.fast.paint.alike`."""
        ...

    def kept(self, p: Tensor, recipe: Recipe) -> Tensor | None:
        """How much the instant modes keep each place of a photo (3, H, W), (1, 1, h, w) in 0..1, if at all."""
        ...


def preview(x: Tensor) -> Callable[[], bytes]:
    """Makes a small JPEG of (1, 3, H, W), for a `Stage`."""
    return partial(encode_jpeg, x[0], PREVIEW_SIDE)


def named(p: Tensor, mine: Tensor | None, recipe: Recipe) -> str:
    """Names a picture by all that it depends on: its photo, the person's own style, its complete recipe."""
    digest = hashlib.blake2b(line(recipe).encode(), digest_size=16)
    for picture in (p, mine if recipe.mine else None):
        if picture is not None:
            digest.update(repr(tuple(picture.shape)).encode())
            digest.update(picture.detach().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def as_part(stages: Stages, part: Callable[[Stage], Stage]) -> Stages:
    """The same picture, each of its stages told as a part of something longer."""
    while True:
        try:
            stage = next(stages)
        except StopIteration as end:
            x: Tensor = end.value
            return x
        yield part(stage)


def finished(stages: Stages) -> Tensor:
    """The picture that stages end with, for who shows none of them."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            x: Tensor = end.value
            return x
