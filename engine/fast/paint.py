"""Fast mode: the gallery's network applied to a photo, with strength, mixtures, brush, colours and seed.

Large pictures are painted in tiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.fast.network import STRIDE, Moments, Network
from engine.fast.network import noise as network_noise
from engine.recipe import MINE_STRENGTH, Recipe
from engine.tensors import at_least, luminance_only, resize

WHOLE = 3_000_000  # pixels that are painted in one piece; a larger picture is painted in tiles
TILE = 1024  # pixels, side of a tile without its margin
MARGIN = 136  # pixels around a tile; what a pixel of the result depends on is 130 away at most
PATCH = 256  # pixels, side of the patches from which a large picture's moments are taken
PATCHES = 32
# The strength that shows a pair as it was trained; below it the degree falls faster than the strength, as the style's
# share of the optimisation does. Chosen by eye: at a style's own 42 subjects stay recognisable, and as trained few do.
TRAINED = 48
STRONGEST = 1.4  # t at strength=100; the largest that was trained
# Strokes larger than those of training are painted by a first pass at a reduced size; a second pass, with this share
# of the degree, adds the fine ones. Chosen by eye.
SECOND = 0.4
AREA = 24  # pixels, side of the areas whose colours the second pass keeps
LARGEST_SHIFT = 4  # pixels; the seed also shifts the network's grid over the picture


def degree(strength: int) -> float:
    """How far from the photo's own pair (0) towards the style's (1) and beyond a recipe's strength of 0..100 goes."""
    if strength <= TRAINED:
        return float((strength / TRAINED) ** 1.5)
    return 1 + (STRONGEST - 1) * (strength - TRAINED) / (100 - TRAINED)


def paint(
    network: Network, p: Tensor, shares: Sequence[tuple[str, float]], recipe: Recipe
) -> Iterator[tuple[float, Tensor]]:
    """Paint the photo.

    Args:
        p: photo (3, H, W) in 0..1, at the size of the result.
        shares: gallery styles that the network knows, each with its weight.
        recipe: complete.

    Yields:
        (share done, x (1, 3, H, W) in 0..1); the last x is the picture.
    """
    x = p[None]
    strength = MINE_STRENGTH if recipe.strength is None else recipe.strength  # only fine mode has a ratio
    if strength == 0:
        yield 1.0, x.clone()
        return
    t = degree(strength)
    # Near the photo's own pair a reduced first pass would only blur.
    reduction = (recipe.brush or 1.0) ** min(1.0, t)
    generator = torch.Generator().manual_seed(recipe.seed or 0)
    passes = [(network.pair(shares, t), reduction)]
    if reduction > 1:
        passes.append((network.pair(shares, SECOND * t), 1.0))
    for share, painted in _passes(network, x, passes, generator):
        yield share, keep_colours(x, painted) if recipe.colors == "photo" else painted


def keep_colours(x: Tensor, painted: Tensor) -> Tensor:
    """The painted picture's luminance under the photo's colours (Gatys et al. 2017, section 4)."""
    _, _, finish = luminance_only(x, [])
    return finish(painted)


def _passes(
    network: Network, x: Tensor, passes: Sequence[tuple[Tensor, float]], generator: torch.Generator
) -> Iterator[tuple[float, Tensor]]:
    """Pass after pass, each a (pair, reduction) over what the one before has painted, all shown at the size of x."""
    height, width = x.shape[-2:]
    y = x
    for count, (pair, reduction) in enumerate(passes):
        size = at_least(height / reduction, width / reduction)
        before = y
        for done, painted in _pass(network, resize(before, size), pair.to(x), generator):
            y = resize(painted, (height, width))
            if count:
                y = _with_colours_of(before, y)
            yield (count + done) / len(passes), y


def _with_colours_of(before: Tensor, y: Tensor) -> Tensor:
    """y with the large areas' colours of the pass before, which a second pass would change further than was asked."""
    size = y.shape[-2:]
    coarse = max(1, size[0] // AREA), max(1, size[1] // AREA)
    difference = fn.interpolate(before - y, coarse, mode="area")
    return (y + fn.interpolate(difference, size, mode="bilinear", align_corners=False)).clamp(0, 1)


def _pass(network: Network, x: Tensor, pair: Tensor, generator: torch.Generator) -> Iterator[tuple[float, Tensor]]:
    """One pass of the network over x at its size, whole or by tiles."""
    height, width = x.shape[-2:]
    top, left = (int(n) for n in torch.randint(0, LARGEST_SHIFT, (2,), generator=generator))
    bottom, right = (-(height + top) % STRIDE, -(width + left) % STRIDE)
    framed = fn.pad(x, (left, right, top, bottom), mode="replicate")
    noise = network_noise(1, framed.shape[2], framed.shape[3], generator).to(x)
    inside = (..., slice(top, top + height), slice(left, left + width))
    if height * width <= WHOLE:
        yield 1.0, run(network, framed, pair, noise)[inside]
        return
    canvas = framed.clone()
    moments = _moments(network, framed, pair, noise)
    yield 0.1, canvas[inside]
    places = list(tiles(*framed.shape[-2:]))
    for count, (outer, inner, within) in enumerate(places, 1):
        canvas[inner] = run(network, framed[outer], pair, noise[outer], moments)[within]
        yield 0.1 + 0.9 * count / len(places), canvas[inside]


@torch.no_grad()
def run(network: Network, x: Tensor, pair: Tensor, noise: Tensor, moments: list[Moments] | None = None) -> Tensor:
    """The network's picture of x; see `Network.forward`."""
    x = x.contiguous(memory_format=torch.channels_last)
    painted: Tensor = network(x, pair.expand(len(x), -1, -1), noise, moments)
    return painted.contiguous()  # L-BFGS, which may continue from here, does not work with channels last


def _moments(network: Network, x: Tensor, pair: Tensor, noise: Tensor) -> list[Moments]:
    """Every layer's moments over patches that lie evenly over the whole picture, at its full size.

    Those of a reduced copy would be moments of finer detail, and the tiles would come out pale.
    """
    height, width = x.shape[-2:]
    rows = max(1, round(math.sqrt(PATCHES * height / width)))
    columns = max(1, PATCHES // rows)

    def spread(length: int, count: int) -> list[int]:
        step = (length - PATCH) / max(1, count - 1)
        return [int(i * step) // STRIDE * STRIDE for i in range(count)]

    places = [(top, left) for top in spread(height, rows) for left in spread(width, columns)]
    cut = [(..., slice(top, top + PATCH), slice(left, left + PATCH)) for top, left in places]
    found: list[Moments] = []
    run(network, torch.cat([x[at] for at in cut]), pair, torch.cat([noise[at] for at in cut]), found)
    return found


def tiles(height: int, width: int) -> Iterator[tuple[tuple, tuple, tuple]]:
    """Each tile as indices into (1, N, H, W): (what to read, what to write, where the latter is in the former)."""

    def along(length: int) -> list[tuple[slice, slice, slice]]:
        found = []
        for begin in range(0, length, TILE):
            end = min(begin + TILE, length)
            first, last = max(0, begin - MARGIN), min(length, end + MARGIN)
            found.append((slice(first, last), slice(begin, end), slice(begin - first, end - first)))
        return found

    for rows in along(height):
        for columns in along(width):
            yield tuple((..., one, other) for one, other in zip(rows, columns, strict=True))  # type: ignore[misc]
