"""Style reconstruction (Gatys, Ecker & Bethge 2016, section 2.2): from noise, match only the Gram matrices of a style.

A texture of some depth holds the statistics of that many of the five layers, from the shallowest. The strip shows all
five depths side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

from engine.encoders.circular import circular
from engine.encoders.full import FullEncoder
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Encoder
from engine.fine.gatys import GRID, Run
from engine.fine.paint import steps, white_noise
from engine.fine.scales import Scale, scales
from engine.fine.weights import Weights, shares
from engine.lab.follow import follow
from engine.recipe import DEPTH_BOUNDS, Recipe, to_depth
from engine.stages import Stage
from engine.tensors import Styles, resize
from engine.work import Stages, Tools, Work, preview

DEPTHS = range(DEPTH_BOUNDS[0], DEPTH_BOUNDS[1] + 1)
PANEL = 0.5  # of the recipe's size, the side of one texture of the strip
# Weight of total variation against beta = 1. The Starry Night has a quarter of the pixel noise that it has with fine
# mode's 0.15, at 7 % more style loss: there is no photo here that would keep neighbouring pixels together.
TV = 1.0
GAP = 8  # pixels between two of them
# beta for each pixel. Noise has less contrast than most paintings, and there the loss curves downwards: L-BFGS learns
# nothing, follows the bare gradient, and would not get anywhere with a small one.
PULL = 0.25


def paint(tools: Tools, work: Work) -> Stages:
    """One texture, or the strip of five."""
    encoder = yield from tools.encoder(work)
    size = work.recipe.size or 0
    styles = [(a[None], weight) for a, weight in tools.pictures(work)]
    if work.recipe.depth is None and work.recipe.layers is None:
        return (yield from _strip(work, styles, encoder, round(size * PANEL)))
    tile = work.recipe.tile == "yes"
    if tile and size % GRID:
        size -= size % GRID
        work.recipe = msgspec.structs.replace(work.recipe, size=size)
        work.notes.append(f"The side of a seamless texture is a multiple of {GRID} pixels: this one has {size}.")
    run = of_depth(work.recipe, styles, encoder, size)
    x = yield from follow(run, start(run, work.recipe.seed, work.p), work)
    return x if tile else x[..., :size, :size]


def _strip(work: Work, styles: Styles, encoder: Encoder, side: int) -> Stages:
    panels = [torch.ones(1, 3, side, side).to(work.p) for _ in DEPTHS]
    for i, depth in enumerate(DEPTHS):
        run = of_depth(msgspec.structs.replace(work.recipe, depth=depth), styles, encoder, side)
        whole = run.plan[-1].size
        for step in steps(run, start(run, work.recipe.seed, work.p)):
            panels[i] = resize(step.x, whole)[..., :side, :side]
            if step.note:
                work.notes.append(step.note)
            done = (i + step.done) / len(DEPTHS)
            yield Stage(done, f"depth {depth} of {len(DEPTHS)}", step.note, preview(beside(panels)))
    return beside(panels)


def of_depth(recipe: Recipe, styles: Styles, encoder: Encoder, side: int) -> Run:
    """The optimisation of a square texture of a whole number of the encoder's positions, not smaller than ``side``.

    Departure: the encoder pads circularly. A border is seen less than everything else, and the optimisation fills it
    with the colours that it then leaves out elsewhere.
    """
    assert isinstance(encoder, SlimEncoder | FullEncoder)
    tv = TV if recipe.tv is None else recipe.tv
    whole = -(-side // GRID) * GRID
    beta = PULL * whole**2
    layers = recipe.layers or layers_to(recipe.depth or len(DEPTHS), encoder)
    weights = Weights(0.0, beta, beta * tv, {}, shares(layers))
    plan = [Scale((_down(h), _down(w)), count) for (h, w), count, *_ in scales(whole, whole, recipe.steps or 1)]
    p = torch.zeros(1, 3, whole, whole)
    return Run(plan, encoder, recipe, styles, p, weights=weights, around=circular(encoder))


def start(run: Run, seed: int | None, like: Tensor) -> Tensor:
    """White noise of the first scale's size."""
    return white_noise(run.plan[0].size, seed, like)


def _down(side: int) -> int:
    return side - side % GRID


def layers_to(depth: int, encoder: Encoder) -> tuple[str, ...]:
    """The style layers of the first ``depth`` levels."""
    return to_depth(depth, "slim" if isinstance(encoder, SlimEncoder) else "full")


def beside(panels: Sequence[Tensor]) -> Tensor:
    """Squares (1, 3, s, s) as a strip, white between them."""
    gap = torch.ones(1, 3, panels[0].shape[2], GAP).to(panels[0])
    parts = [part for panel in panels for part in (gap, panel)]
    return torch.cat(parts[1:], 3)
