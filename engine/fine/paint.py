"""Fine mode: a photo optimised towards the mixed styles, from the photo, noise or an instant picture.

Departure from Gatys et al. (2016): the start may be the photo, or what fast or universal mode makes of it. Reduced to
the coarsest scale, that has the painting's colours, which an optimisation from the photo does not reach in many steps.
With plain=yes there is one scale, its grid stays where it is, every place of the photo counts alike and noise is grey,
as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from engine.device import is_out_of_memory
from engine.encoders.vgg import Encoder
from engine.fine.canvases import Canvas
from engine.fine.colours import coloured, matched
from engine.fine.gatys import Run, Step
from engine.fine.scales import Scale, further, scales
from engine.recipe import Recipe
from engine.style.palette import in_colours, mixed, palette_of
from engine.subject.importance import Importance
from engine.tensors import Styles, clamp, luminance_only, resize

# How far the photo is moved towards the styles' colours before it is painted. All the way, little is left of a warm
# light in a cold painting; chosen by eye.
COLOURS = 0.85
ENTIRELY = 30  # the strength from which on it is moved so far; below, in proportion: 0 is the photo itself
START_NOISE = 0.02  # of the seeded noise that is added to the photo


def paint(
    photo: Tensor,
    pictures: Sequence[tuple[Tensor, float]],
    recipe: Recipe,
    encoder: Encoder,
    start: Tensor | None = None,
    importance: Importance | None = None,
    plan: list[Scale] | None = None,
    anchor: Callable[[Tensor], Tensor] | None = None,
    canvas: Canvas | None = None,
    sketch: Callable[[int], Tensor] | None = None,
    halve: bool = False,
    enlarged: float = 1.0,
) -> Iterator[Step]:
    """Paint the photo in the mixed styles; the last step's x is the picture.

    Args:
        photo: (3, H, W) in 0..1, at the size of the result.
        pictures: style pictures (3, h, w) in 0..1, each with its relative weight.
        recipe: complete; its size and encoder have been applied by the caller.
        start: an instant picture (1, 3, H, W), to start from instead of the photo or noise.
        importance: how much each place of the photo counts; without it all count alike, as in the paper.
        plan: scales other than the usual ones.
        anchor: one more loss of x, grey where the colours are the photo's.
        sketch: the instant picture (1, 3, H, W) of another strength. Where the recipe goes on at another strength, x
            is moved first by what that changes in the sketch.
        canvas: what the recipe's beginning has led to already; the rest goes on from there, and to the same picture.
        halve: there is too little memory for the whole size.
        enlarged: how much larger the picture will be that people see, who are told its size.

    Raises:
        torch.OutOfMemoryError: when half the size is too large as well.
    """
    p = photo[None]
    styles = [(a[None], weight) for a, weight in pictures]
    finish: Callable[[Tensor], Tensor] = clamp
    if recipe.colors == "photo":
        p, styles, finish = luminance_only(p, styles)
    elif recipe.colors == "matched":
        styles = [(matched(a, p), weight) for a, weight in styles]
    elif recipe.plain != "yes":
        # Departure: the content is that of the photo in the styles' colours. The two losses then agree on the colours,
        # and a weight with which forms stay does not keep the photo's brown and grey as well.
        palette = mixed([(palette_of(a), weight) for a, weight in styles])
        strength = ENTIRELY if recipe.strength is None else recipe.strength
        p = in_colours(p, palette, COLOURS * min(1.0, strength / ENTIRELY))
    start = None if start is None else _in_colours(start, p, recipe)
    if recipe.strength == 0:
        yield Step(1, 1, 1.0, 0.0, 0.0, 0.0, 0.0, photo[None].clone(), p)
        return
    importance = None if recipe.plain == "yes" else importance
    plan = plan or _plan(photo, recipe)
    if canvas is not None:
        plan = [scale for scale in plan if scale.after > canvas.after]
        x = canvas.x.to(p)
    else:
        x = _start(p, plan[0].size, recipe, styles) if start is None else resize(start, plan[0].size)
    run = Run(plan, encoder, recipe, styles, p, finish, importance, before=canvas.steps if canvas else 0)
    run.anchor = anchor
    if sketch is not None:
        run.sketch = lambda strength: _in_colours(sketch(strength), p, recipe)
    run.enlarged = enlarged
    if canvas is not None:
        run.strength = canvas.strength or recipe.strength
    if halve:
        run.halve("There is too little memory for {before} pixels, so I painted it at {after}.")
    yield from steps(run, x, halved=halve)


def _in_colours(x: Tensor, p: Tensor, recipe: Recipe) -> Tensor:
    """An instant picture in the colours that x is optimised in."""
    if recipe.colors == "photo":
        return luminance_only(x, [])[0]
    return matched(x, p) if recipe.colors == "matched" else x


def _plan(photo: Tensor, recipe: Recipe) -> list[Scale]:
    size, count = (photo.shape[1], photo.shape[2]), recipe.steps or 1
    rising = [Scale(size, count)] if recipe.plain == "yes" else scales(*size, count)
    return rising + further(size, recipe.then or ())


def steps(run: Run, x: Tensor, *, halved: bool = False) -> Iterator[Step]:
    """Every scale from an x of any size, at half the size from where memory runs out the first time.

    Args:
        halved: whether it is at half the size already.
    """
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


def _start(p: Tensor, size: tuple[int, int], recipe: Recipe, styles: Styles) -> Tensor:
    """The first x: white noise as in the paper, or the photo with a little of it, which is what a seed varies."""
    if recipe.init == "noise" and recipe.plain == "yes":
        return white_noise(size, recipe.seed, p)
    if recipe.init == "noise":
        # Departure: of the styles' colours, since from grey it takes hundreds of steps until large areas have any.
        return coloured(_normal(size, recipe.seed, p), styles)
    return resize(p, size) + START_NOISE * _normal(size, recipe.seed, p)


def white_noise(size: tuple[int, int], seed: int | None, like: Tensor) -> Tensor:
    """Noise around grey, (1, 3, *size), on the device of ``like``."""
    return 0.5 + 0.25 * _normal(size, seed, like)


def _normal(size: tuple[int, int], seed: int | None, like: Tensor) -> Tensor:
    generator = torch.Generator(device="cpu").manual_seed(seed or 0)
    return torch.randn(1, 3, *size, generator=generator).to(like)
