"""A dream that one falls into: each frame is the one before, enlarged a little and dreamed further; there and back."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as fn

from engine.encoders.vgg import Encoder
from engine.lab import dream
from engine.motion.animate import as_bytes
from engine.recipe import SEEDS, Recipe
from engine.stages import Stage
from engine.tensors import clamp
from engine.wire import most_frames
from engine.work import Stages, Tools, Work, preview

NEARER = 1.04  # times the size of the frame before


def paint(tools: Tools, work: Work) -> Stages:
    """A dream, or with ``zoom=`` the frames of one as the work's film, from the photo into the dream and back."""
    if not work.recipe.zoom:
        return (yield from dream.paint(tools, work))
    encoder = yield from tools.encoder(work)
    work.recipe = within_limits(work.recipe, work.p.shape[1], work.p.shape[2], work.notes)
    count, steps = work.recipe.zoom or 1, work.recipe.steps or 1
    x = work.p[None]
    for index, taken, x in frames(work.p, work.recipe, encoder, work.mine):
        if taken is None:
            work.film.append(as_bytes(x[0]))
            yield Stage(index / count, f"frame {index} of {count}", preview=preview(x), at_once=index == 1)
        else:
            yield Stage(min(index / count, taken / steps), f"frame {index} of {count}")
    work.film.extend(work.film[-2:0:-1])
    return x


def within_limits(recipe: Recipe, height: int, width: int, notes: list[str]) -> Recipe:
    """The recipe with as many frames as are painted of this size, each with as many steps as before."""
    wanted = recipe.zoom or 1
    count = max(2, most_frames("dream", height, width))
    if wanted <= count:
        return recipe
    notes.append(f"At this size I dream {count} frames, not {wanted}; with a smaller size= there are more.")
    return msgspec.structs.replace(recipe, zoom=count, steps=max(1, (recipe.steps or 1) * count // wanted))


def frames(
    photo: Tensor, recipe: Recipe, encoder: Encoder, guide: Tensor | None = None
) -> Iterator[tuple[int, int | None, Tensor]]:
    """The frame's number from 1, how many steps were taken of all, or None for a finished frame, and x (1, 3, h, w).

    The recipe's steps are shared by the frames. Each has a seed of its own, so that the jitter is not always the same.
    """
    count, steps, seed = recipe.zoom or 1, recipe.steps or 1, recipe.seed or 0
    x, taken = photo[None], 0
    for index in range(1, count + 1):
        if index > 1:
            x = enlarged(x, NEARER)
        share = steps * index // count - taken
        if share:
            own = msgspec.structs.replace(recipe, steps=share, seed=(seed + index - 1) % SEEDS)
            for step in dream.dream(x[0], own, encoder, guide):
                yield index, taken + step.index, step.x
            x = step.x
            taken += share
        yield index, None, x


def enlarged(x: Tensor, times: float) -> Tensor:
    """x (1, 3, h, w) with its middle, so many times as large, in place of all of it; by fractions of pixels."""
    to = torch.tensor([[1 / times, 0, 0], [0, 1 / times, 0]], dtype=x.dtype, device=x.device)[None]
    grid = fn.affine_grid(to, list(x.shape), align_corners=False)
    return clamp(fn.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False))
