"""What the total loss of an optimisation is made of: how much each layer counts, for content and for style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from engine.encoders.vgg import Encoder
from engine.recipe import Recipe, weighted

DECADES = ((0, 4.0), (42, 1.3), (50, 0.0), (100, -2.0))  # of the ratio above the papers', by strength
TV = 0.15  # weight of total variation against beta = 1


class Weights(NamedTuple):
    """Equation 7 with every factor in it: alpha L_content + beta L_style + tv L_tv."""

    alpha: float
    beta: float
    tv: float
    content: Mapping[str, float]  # by content layer; the sum is 1
    style: Mapping[str, float]  # the paper's w_l by style layer; the sum is 1


def ratio(strength: int) -> float:
    """alpha / beta for a strength of 0..100, strictly decreasing; 50 is the papers' 1e-3.

    Straight lines in its logarithm between points chosen by eye: at 768 pixels and 42, the gallery's usual strength,
    loaves, towers and animals stay what they are. Both ends were not checked one by one.
    """
    (low, most), (high, least) = next(pair for pair in pairwise(DECADES) if strength <= pair[1][0])
    return 1e-3 * 10.0 ** (most + (least - most) * (strength - low) / (high - low))


def of_recipe(recipe: Recipe, encoder: Encoder) -> Weights:
    """The weights of a fine picture."""
    r = recipe.ratio if recipe.ratio is not None else ratio(recipe.strength or 50)
    # alpha + beta = 1 keeps the total's size, and so L-BFGS' first steps, alike for every ratio.
    alpha, beta = r / (1 + r), 1 / (1 + r)
    tv = TV if recipe.tv is None else recipe.tv
    content = recipe.content or encoder.content_layers
    return Weights(alpha, beta, beta * tv, shares(content), shares(recipe.layers or encoder.style_layers))


def shares(layers: Sequence[str]) -> dict[str, float]:
    """The layers of a recipe, each with its share of all their weights."""
    found = weighted(tuple(layers))
    return {name: weight / sum(found.values()) for name, weight in found.items()}


def evened(given: Mapping[str, float], pulls: Mapping[str, float]) -> dict[str, float]:
    """Shares with which every layer, of such a pull at a share of 1, pulls in proportion to its ``given`` share.

    All together they pull as much as before. A layer that hardly pulls is content already, and is not made louder
    than a hundred times.
    """
    least = max(max(pulls.values()) / 100, 1e-12)
    floored = {l: max(pull, least) for l, pull in pulls.items()}
    total = sum(given[l] * pull for l, pull in floored.items())
    return {l: given[l] * total / pull for l, pull in floored.items()}
