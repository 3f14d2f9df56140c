"""Content reconstruction (Gatys, Ecker & Bethge 2016, section 2.1): from noise, match only the photo's features."""

from __future__ import annotations

from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.gatys import Run
from engine.fine.paint import white_noise
from engine.fine.scales import Scale
from engine.fine.weights import Weights, shares
from engine.lab.follow import follow
from engine.recipe import Recipe
from engine.work import Stages, Tools, Work

# Weight of total variation against alpha = 1, for each pixel that a layer has one position for: the deeper it is, the
# more of the pixels it leaves open.
TV = 0.06
PIECE = 32  # pixels, side of what is looked at to learn that


def paint(tools: Tools, work: Work) -> Stages:
    """The photo as one layer, or several, sees it."""
    encoder = yield from tools.encoder(work)
    size = (work.p.shape[1], work.p.shape[2])
    # One scale, as in the paper: a coarse one would tell the next where everything is, which deep layers do not.
    plan = [Scale(size, work.recipe.steps or 1)]
    run = Run(plan, encoder, work.recipe, [], work.p[None], weights=weights(work.recipe, encoder, work.p))
    return (yield from follow(run, white_noise(size, work.recipe.seed, work.p), work))


def weights(recipe: Recipe, encoder: Encoder, photo: Tensor) -> Weights:
    """Nothing but content, and what keeps neighbouring pixels of a photo (3, H, W) together."""
    piece = photo[None, :, :PIECE, :PIECE]
    layers = shares(recipe.content or encoder.content_layers)
    tv = recipe.tv if recipe.tv is not None else sum(share * _open(encoder, l, piece) for l, share in layers.items())
    return Weights(1.0, 0.0, tv, layers, {})


def _open(encoder: Encoder, layer: str, piece: Tensor) -> float:
    """The default weight of total variation for a reconstruction from this layer alone."""
    return TV * PIECE**2 / encoder.features(piece, (layer,))[layer][0, 0].numel()
