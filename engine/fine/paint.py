"""Fine mode: a photo optimised towards the mixed styles, from the photo, noise or an instant picture.

Departure from Gatys et al. (2016): the start may be the photo, or what fast or universal mode makes of it. Reduced to
the coarsest scale, that has the painting's colours, which an optimisation from the photo does not reach in many steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from engine.device import is_out_of_memory
from engine.encoders.vgg import Encoder
from engine.fine.gatys import Run, Step
from engine.fine.scales import scales
from engine.recipe import Recipe
from engine.subject.importance import Importance
from engine.tensors import clamp, luminance_only, resize

START_NOISE = 0.02  # of the seeded noise that is added to the photo


def paint(
    photo: Tensor,
    pictures: Sequence[tuple[Tensor, float]],
    recipe: Recipe,
    encoder: Encoder,
    start: Tensor | None = None,
    importance: Importance | None = None,
) -> Iterator[Step]:
    """Paint the photo in the mixed styles; the last step's x is the picture.

    Args:
        photo: (3, H, W) in 0..1, at the size of the result.
        pictures: style pictures (3, h, w) in 0..1, each with its relative weight.
        recipe: complete; its size and encoder have been applied by the caller.
        start: an instant picture (1, 3, H, W), to start from instead of the photo or noise.
        importance: how much each place of the photo counts; without it all count alike, as in the paper.

    Raises:
        torch.OutOfMemoryError: when half the size is too large as well.
    """
    p = photo[None]
    styles = [(a[None], weight) for a, weight in pictures]
    finish: Callable[[Tensor], Tensor] = clamp
    if recipe.colors == "photo":
        p, styles, finish = luminance_only(p, styles)
        start = None if start is None else luminance_only(start, [])[0]
    if recipe.strength == 0:
        yield Step(1, 1, 1.0, 0.0, 0.0, 0.0, 0.0, photo[None].clone())
        return
    plan = scales(photo.shape[1], photo.shape[2], recipe.steps or 1)
    x = _start(p, plan[0].size, recipe) if start is None else resize(start, plan[0].size)
    yield from _run(Run(plan, encoder, recipe, styles, p, finish, importance), x)


def _run(run: Run, x: Tensor) -> Iterator[Step]:
    """Every scale, at half the size from where memory runs out the first time."""
    halved = False
    while run.plan:
        try:
            for step, reached in run.scale(x):
                x = reached
                yield step
        except RuntimeError as error:
            if halved or not is_out_of_memory(error):
                raise
            halved = True
            run.halve()


def _start(p: Tensor, size: tuple[int, int], recipe: Recipe) -> Tensor:
    """The first x: white noise as in the paper, or the photo with a little of it, which is what a seed varies."""
    generator = torch.Generator(device="cpu").manual_seed(recipe.seed or 0)
    noise = torch.randn(1, 3, *size, generator=generator).to(p)
    if recipe.init == "noise":
        return 0.5 + 0.25 * noise
    return resize(p, size) + START_NOISE * noise
