"""Universal mode: a photo painted at once by the gallery's network, in the style of any pictures.

Each picture's pair of gammas and betas is predicted; pairs mix as trained ones do. Departure from Ghiasi et al.
(2017): the painted picture is then given the pictures' own colours, which a prediction may miss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fast.network import Network
from engine.fast.paint import degree_of
from engine.fast.paint import paint as paint_pair
from engine.recipe import Recipe
from engine.style.palette import apply, mixed, palette_of, transport
from engine.universal.predictor import Predictor, statistics

Styles = Sequence[tuple[Tensor, float]]  # pictures (3, h, w) in 0..1, each with its relative weight
COLOURS = 0.7  # of the way to the pictures' colours, at a degree of 1; all of it takes the light out of faces


@torch.no_grad()
def paint(
    network: Network, predictor: Predictor, encoder: Encoder, p: Tensor, pictures: Styles, recipe: Recipe
) -> Iterator[tuple[float, Tensor]]:
    """Paint the photo p (3, H, W) in 0..1 in the pictures' mixed styles; yields as `engine.fast.paint.paint` does."""
    pair = predicted(predictor, encoder, pictures)
    recolour = coloured(pictures, recipe)
    for done, x in paint_pair(network, p, pair, recipe):
        yield done, recolour(x)


def coloured(pictures: Styles, recipe: Recipe) -> Callable[[Tensor], Tensor]:
    """What gives a painted picture (1, 3, H, W) the pictures' colours, as far as the recipe asks for them."""
    if recipe.colors == "photo" or recipe.strength == 0:
        return lambda x: x
    share = COLOURS * min(1.0, degree_of(recipe))
    style = mixed([(palette_of(a[None]), weight) for a, weight in pictures if weight])
    return lambda x: apply(transport(palette_of(x), style), x, share).clamp(0, 1)


@torch.no_grad()
def predicted(predictor: Predictor, encoder: Encoder, pictures: Styles) -> Tensor:
    """The pictures' mean pair by weight, (2, C)."""
    total = sum(weight for _, weight in pictures)
    pairs = [
        weight / total * predictor(predictor.codes(statistics(a[None], encoder)[None]))[0]
        for a, weight in pictures
        if weight
    ]
    return torch.stack(pairs).sum(0)
