"""How a fine picture gets its full size: enlarged, its last strokes by the instant network.

Departure from Gatys et al. (2016): at the full size L-BFGS has time for few steps, and the slim encoder, which sees
every second pixel first, leaves a mesh and small rings in them. The network's strokes are clean, and what the
optimisation has found, forms and colours, is large enough to be enlarged.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine.fast.network import Network
from engine.fast.paint import touched
from engine.recipe import Recipe, optimised_size
from engine.tensors import resize

SHARE = 0.33  # of the degree that the network would paint the photo with; more stamps its own forms upon it. By eye


def optimised(p: Tensor, recipe: Recipe) -> Tensor:
    """The photo p (3, H, W) at the size up to which its picture is optimised."""
    return resize(p[None], optimised_size(recipe, p.shape[1], p.shape[2]))[0]


def finish(
    network: Network, pair: Tensor, x: Tensor, size: tuple[int, int], recipe: Recipe
) -> Iterator[tuple[float, Tensor]]:
    """The picture x (1, 3, h, w) in 0..1 enlarged to (H, W) with its last strokes, as (share done, x)."""
    return touched(network, resize(x, size), pair, recipe, SHARE)
