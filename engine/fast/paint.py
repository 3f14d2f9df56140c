"""Fast mode: a network applied to a photo, with strength, mixtures, brush, colours and seed.

The network is the gallery's, or the generator of a collection.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.fast.generator import ResNetGenerator
from engine.fast.network import STRIDE, Moments, Network
from engine.fast.network import noise as network_noise
from engine.fast.pieces import Place, Run, in_pieces
from engine.recipe import MINE_STRENGTH, Recipe
from engine.tensors import at_least, luminance_only, resize

# The strength that shows a pair as it was trained; below it the degree falls faster than the strength, as the style's
# share of the optimisation does. Chosen by eye: at a style's own 42 subjects stay recognisable, and as trained few do.
TRAINED = 48
STRONGEST = 1.4  # t at strength=100; the largest that was trained
# A picture is looked at whole, so that one which is twice as large has strokes twice as large: it is painted at about
# this side in pixels and enlarged, and its strokes are drawn out at its own size. Beyond LARGEST, strokes get finer.
SIDE, LARGEST = 512, 2.0
LEAST = 1.05  # times; less is not worth a picture's sharpness
# Strokes larger than those are painted by a first pass at a reduced size; a second pass, with this share
# of the degree, adds the fine ones. Chosen by eye.
SECOND = 0.4
AREA = 24  # pixels, side of the areas whose colours the second pass keeps
LARGEST_SHIFT = 4  # pixels; the seed also shifts the network's grid over the picture

Way = Callable[[Tensor, torch.Generator], Run]  # how one pass paints pictures, (B, 3, H, W)


def degree(strength: int) -> float:
    """How far from the photo's own pair (0) towards the style's (1) and beyond a recipe's strength of 0..100 goes."""
    if strength <= TRAINED:
        return float((strength / TRAINED) ** 1.5)
    return 1 + (STRONGEST - 1) * (strength - TRAINED) / (100 - TRAINED)


def opacity(t: float) -> float:
    """The painted picture's share over the photo, for a degree: next to nothing is left of the photo from 0.8 on.

    What the network makes of the photo's own pair is duller than the photo, so that without this there would be a jump
    between strength 0 and 1.
    """
    return 1 - (1 - min(1.0, t)) ** 4


def scale_of(size: tuple[int, int]) -> float:
    """How large strokes should be in a picture of this size (h, w), beside those that the network paints."""
    return min(LARGEST, max(size) / SIDE)


def passes_of(recipe: Recipe, scale: float) -> list[tuple[float, float]]:
    """The passes that paint a recipe: each a share of its degree, and how much smaller than the picture it is.

    Near the photo's own pair smaller passes would only blur.
    """
    t = min(1.0, degree_of(recipe))
    own, brush = max(1.0, scale) ** t, (recipe.brush or 1.0) ** t
    own = own if own >= LEAST else 1.0
    return [(1.0, own * brush), (SECOND, own)] if brush > 1 else [(1.0, own * brush)]


def paint(network: Network, p: Tensor, pair: Tensor, recipe: Recipe) -> Iterator[tuple[float, Tensor]]:
    """Paint the photo.

    Args:
        p: photo (3, H, W) in 0..1, at the size of the result.
        pair: gamma and beta of the style, or of a mixture, (2, C).
        recipe: complete.

    Yields:
        (share done, x (1, 3, H, W) in 0..1); the last x is the picture.
    """
    size = (p.shape[1], p.shape[2])
    return _painted(p[None], recipe, _degrees(network, p, [(pair, recipe)]), scale_of(size))


def alike(p: Tensor, recipe: Recipe) -> Hashable:
    """What recipes must have in common for `paint_together`: the passes, their sizes, and what is drawn by lot."""
    height, width = p.shape[1:]
    passes = passes_of(recipe, scale_of((height, width)))
    sizes = tuple(at_least(height / reduction, width / reduction) for _, reduction in passes)
    return degree_of(recipe) == 0, sizes, recipe.seed, recipe.colors


def paint_together(network: Network, p: Tensor, orders: Sequence[tuple[Tensor, Recipe]]) -> Tensor:
    """The pictures (B, 3, H, W) that `paint` makes of these pairs and recipes, which are `alike`, in one go."""
    xs = p[None].expand(len(orders), -1, -1, -1)
    scale = scale_of((p.shape[1], p.shape[2]))
    return list(_painted(xs, orders[0][1], _degrees(network, p, orders), scale))[-1][1]


def touched(network: Network, x: Tensor, pair: Tensor, recipe: Recipe, share: float) -> Iterator[tuple[float, Tensor]]:
    """A picture x (1, 3, H, W) with fine strokes, by a share of the recipe's degree, and large areas' colours kept."""
    way = _degrees(network, x[0], [(pair, recipe)])(share)
    random = torch.Generator().manual_seed(recipe.seed or 0)
    for done, y in _pass(x, way, random):
        stroked = with_colours_of(x, y)
        yield done, keep_colours(x, stroked) if recipe.colors == "photo" else stroked


def paint_collection(generator: ResNetGenerator, p: Tensor, recipe: Recipe) -> Iterator[tuple[float, Tensor]]:
    """The same by the generator of a collection: the degree is its picture's share, and beyond 1 exaggerates it."""
    t = degree_of(recipe)
    return _painted(p[None], recipe, lambda share: partial(_by_generator, generator, share * t))


def degree_of(recipe: Recipe) -> float:
    """The degree of a complete recipe; one with the papers' ratio, which only fine mode has, has the usual one."""
    return degree(MINE_STRENGTH if recipe.strength is None else recipe.strength)


def _degrees(network: Network, p: Tensor, orders: Sequence[tuple[Tensor, Recipe]]) -> Callable[[float], Way]:
    """Makes a pass of a share of each order's own degree."""

    def way(share: float) -> Way:
        ts = [share * degree_of(recipe) for _, recipe in orders]
        pairs = torch.cat([network.towards(pair, t) for (pair, _), t in zip(orders, ts, strict=True)])
        opacities = torch.tensor([opacity(t) for t in ts])[:, None, None, None]
        return partial(_by_network, network, pairs.to(p), opacities.to(p))

    return way


def _painted(
    x: Tensor, recipe: Recipe, way: Callable[[float], Way], scale: float = 1.0
) -> Iterator[tuple[float, Tensor]]:
    """See `paint`; ``way`` makes a pass of a share of the degree, and x (B, 3, H, W) is the photo, once or more."""
    if degree_of(recipe) == 0:
        yield 1.0, x.clone()
        return
    random = torch.Generator().manual_seed(recipe.seed or 0)
    passes = [(way(share), reduction) for share, reduction in passes_of(recipe, scale)]
    for share, painted in _passes(x, passes, random):
        yield share, keep_colours(x, painted) if recipe.colors == "photo" else painted


def keep_colours(x: Tensor, painted: Tensor) -> Tensor:
    """The painted picture's luminance under the photo's colours (Gatys et al. 2017, section 4)."""
    _, _, finish = luminance_only(x, [])
    return finish(painted)


def _passes(x: Tensor, passes: Sequence[tuple[Way, float]], random: torch.Generator) -> Iterator[tuple[float, Tensor]]:
    """Pass after pass, each a (way, reduction) over what the one before has painted, all shown at the size of x."""
    height, width = x.shape[-2:]
    y = x
    for count, (way, reduction) in enumerate(passes):
        size = at_least(height / reduction, width / reduction)
        before = y
        for done, painted in _pass(resize(before, size), way, random):
            y = resize(painted, (height, width))
            if count:
                y = with_colours_of(before, y)
            yield (count + done) / len(passes), y


def with_colours_of(before: Tensor, y: Tensor) -> Tensor:
    """y with the large areas' colours of the pass before, which a second pass would change further than was asked."""
    size = y.shape[-2:]
    coarse = max(1, size[0] // AREA), max(1, size[1] // AREA)
    difference = fn.interpolate(before - y, coarse, mode="area")
    return (y + fn.interpolate(difference, size, mode="bilinear", align_corners=False)).clamp(0, 1)


def _pass(x: Tensor, way: Way, random: torch.Generator) -> Iterator[tuple[float, Tensor]]:
    """One pass over x at its size."""
    height, width = x.shape[-2:]
    top, left = (int(n) for n in torch.randint(0, LARGEST_SHIFT, (2,), generator=random))
    bottom, right = (-(height + top) % STRIDE, -(width + left) % STRIDE)
    framed = fn.pad(x, (left, right, top, bottom), mode="replicate")
    for done, painted in in_pieces(framed, way(framed, random)):
        yield done, painted[..., top : top + height, left : left + width]


def _by_network(network: Network, pairs: Tensor, opacities: Tensor, x: Tensor, random: torch.Generator) -> Run:
    noise = network_noise(1, x.shape[2], x.shape[3], random).to(x)

    def paint(places: Sequence[Place], moments: list[Moments] | None) -> Tensor:
        photo = _at(places, x)
        beside = _at(places, noise).expand(len(photo), -1, -1, -1)
        return torch.lerp(photo, run(network, photo, pairs, beside, moments), opacities)

    return paint


@torch.no_grad()
def run(network: Network, x: Tensor, pair: Tensor, noise: Tensor, moments: list[Moments] | None = None) -> Tensor:
    """The network's picture of x; see `Network.forward`."""
    x = x.contiguous(memory_format=torch.channels_last)
    painted: Tensor = network(x, pair.expand(len(x), -1, -1), noise, moments)
    return painted.contiguous()  # L-BFGS, which may continue from here, does not work with channels last


def _by_generator(generator: ResNetGenerator, t: float, x: Tensor, random: torch.Generator) -> Run:
    @torch.no_grad()
    def paint(places: Sequence[Place], moments: list[Moments] | None) -> Tensor:
        photo = _at(places, x)
        painted: Tensor = generator(photo.contiguous(memory_format=torch.channels_last), moments)
        return torch.lerp(photo, painted.contiguous(), t).clamp(0, 1)

    return paint


def _at(places: Sequence[Place], x: Tensor) -> Tensor:
    return torch.cat([x[place] for place in places])
