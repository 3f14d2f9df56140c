"""DeepDream (Mordvintsev, Olah & Tyka 2015): whatever a layer sees in a photo is made stronger, by gradient ascent.

The photo is dreamed small first, and what was added is carried over to the next octave, so that there are large
figures and small ones. Jitter keeps the encoder's grid out of the picture, smoothed gradients keep noise out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.gatys import GRID, shifted
from engine.recipe import Recipe
from engine.stages import Stage
from engine.tensors import MIN_SIDE, YIQ, blur, clamp, fit, reduced_map, resize
from engine.work import Stages, Tools, Work, preview

OCTAVE = 1.4  # times the size of the one before
RATE = 0.006  # of the range of pixel values, how far a pixel moves in a step on average, at strength 50
FAINT = 1e-3  # energy below which a filter, whose mean activation is about 1 in pictures, counts as silent
COLOUR = 0.5  # of the gradient's colours that are kept: a dream is drawn in light and shade more than in colours
SMOOTH = (0.5, 1.0, 2.0)  # pixels, deviations of the Gaussians whose mean smooths the gradient
GUIDE_SIDE = 384  # pixels, long side of a guide
GUIDE_PLACES = 2048  # of a guide, at most, that a dream is compared with
PIECE = 4096  # places of x compared at once


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ascent."""

    index: int  # from 1
    of: int
    done: float  # share of the whole work, 0..1
    seen: float  # the objective, before the step
    x: Tensor  # (1, 3, h, w) in 0..1


def paint(tools: Tools, work: Work) -> Stages:
    """The photo, dreamed."""
    encoder = yield from tools.encoder(work)
    wanted, found = work.recipe.octaves or 1, len(octaves(work.p.shape[1], work.p.shape[2], work.recipe.octaves or 1))
    if found < wanted:
        work.notes.append(f"There is room for {found} octaves at this size, not for {wanted}.")
    x = work.p[None]
    for step in dream(work.p, work.recipe, encoder, work.mine):
        x = step.x
        yield Stage(step.done, f"step {step.index} of {step.of}", preview=preview(x))
    return x


def octaves(height: int, width: int, count: int) -> list[tuple[int, int]]:
    """Sizes from small to (height, width), ``count`` of them or as many as have a side long enough for the encoder."""
    found = [(height, width)]
    for i in range(1, count):
        size = round(height / OCTAVE**i), round(width / OCTAVE**i)
        if min(size) < MIN_SIDE:
            break
        found.append(size)
    return found[::-1]


def dream(photo: Tensor, recipe: Recipe, encoder: Encoder, guide: Tensor | None = None) -> Iterator[Step]:
    """Steps towards more of what the recipe's layer sees in the photo, or of what it sees in the guide.

    Args:
        photo: (3, H, W) in 0..1, at the size of the result.
        recipe: complete.
        guide: another picture, (3, h, w) in 0..1.
    """
    layer = (recipe.layers or encoder.content_layers)[0]
    strength = 50 if recipe.strength is None else recipe.strength
    Y = None if guide is None else places(encoder, layer, guide)
    generator = torch.Generator().manual_seed(recipe.seed or 0)
    steps = recipe.steps or 1
    sizes = octaves(photo.shape[1], photo.shape[2], min(recipe.octaves or 1, steps))
    work = [h * w for h, w in sizes]
    ends = [round(steps * (i + 1) / len(sizes)) for i in range(len(sizes))]
    index, done, p = 0, 0.0, photo[None]
    added = torch.zeros_like(p)
    for size, begin, end in zip(sizes, [0, *ends], ends, strict=False):
        base = resize(p, size)
        x = clamp(base + reduced_map(added, size))
        for _ in range(end - begin):
            down, right = torch.randint(0, GRID, (2,), generator=generator).tolist()
            seen, gradient = ascent(x, encoder, layer, (down, right), Y)
            x = clamp(x + RATE * strength / 50 * gradient)
            index += 1
            done += size[0] * size[1] / sum(a * (n - m) for a, m, n in zip(work, [0, *ends], ends, strict=False))
            yield Step(index, steps, min(1.0, done), seen, x)
        added = x - base


def ascent(x: Tensor, encoder: Encoder, layer: str, shift: tuple[int, int], Y: Tensor | None) -> tuple[float, Tensor]:
    """The objective at x, and the direction in which it grows: smoothed, and 1 on average."""
    x = x.clone().requires_grad_(True)
    F = encoder.features(shifted(x, shift).contiguous(memory_format=torch.channels_last), (layer,))[layer]
    seen = activation(F) if Y is None else guided(F, Y)
    (gradient,) = torch.autograd.grad(seen, x)
    channels = gradient.transpose(0, 1)
    smooth = torch.stack([blur(channels, deviation) for deviation in SMOOTH]).mean(0).transpose(0, 1)
    smooth = muted(smooth, COLOUR)
    return float(seen.detach()), smooth / smooth.abs().mean().clamp_min(1e-12)


def muted(x: Tensor, share: float) -> Tensor:
    """x (1, 3, h, w) with this share of its colours left, and its luminance as it is."""
    grey = torch.einsum("j,bjhw->bhw", torch.tensor(YIQ[0]).to(x), x)[:, None]
    return grey + share * (x - grey)


def activation(F: Tensor) -> Tensor:
    """How strongly a layer responds: the mean over its filters of the logarithm of their energy, F (1, N_l, h, w).

    Departure: not the energy itself, of which the loudest filters have most. They draw straight stripes everywhere;
    the logarithm has each filter grow by a share of what it is.
    """
    return (_float(F).square().mean((2, 3)) + FAINT).log().mean()


def guided(F: Tensor, Y: Tensor) -> Tensor:
    """How much of a guide a layer finds: every place of F with the place of Y, (N_l, M), that is most like it."""
    flat = _float(F).flatten(2)[0]  # (N_l, M_l)
    with torch.no_grad():
        unit = Y / Y.norm(dim=0).clamp_min(1e-6)
        best = torch.cat([(unit.mT @ piece).argmax(0) for piece in torch.split(flat, PIECE, 1)])
    return (flat * Y[:, best]).sum(0).mean()


@torch.no_grad()
def places(encoder: Encoder, layer: str, guide: Tensor) -> Tensor:
    """A layer's features of a guide (3, h, w), one column for each of at most `GUIDE_PLACES` places, (N_l, M)."""
    small = fit(guide, GUIDE_SIDE)[None].contiguous(memory_format=torch.channels_last)
    F = _float(encoder.features(small, (layer,))[layer]).flatten(2)[0]
    every = -(-F.shape[1] // GUIDE_PLACES)
    return F[:, ::every]


def _float(F: Tensor) -> Tensor:
    return F.float() if F.dtype == torch.bfloat16 else F
