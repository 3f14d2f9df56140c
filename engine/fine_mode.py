"""Fine mode from order to picture: a sketch, the optimisation that starts from it, and the last strokes.

Departure from Gatys et al. (2016): at the full size L-BFGS has time for few steps, and the slim encoder, which sees
every second pixel first, leaves a mesh and small rings in them. So the picture is optimised at two thirds of its size
and enlarged, and the instant network goes over it, whose strokes are clean. In the end it gets the last touches of
every mode. From the photo or noise, and with plain=yes, it is the optimisation alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Protocol

import msgspec
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fast.finish import last_touches
from engine.fast.network import Network
from engine.fast.paint import touched
from engine.fine.canvases import Canvas, Canvases
from engine.fine.gatys import Step
from engine.fine.paint import paint as optimise
from engine.recipe import INSTANT, Init, Memory, Recipe, optimisation_alone, optimised_size
from engine.stages import Stage
from engine.subject.importance import Importance
from engine.tensors import at_least, resize
from engine.work import Stages, Tools, Work, as_part, finished, preview

SKETCH = 0.03  # of the work, for the instant picture that it starts from
LAST = 0.33  # of the degree that the network would paint the photo with; more stamps its own forms upon it. By eye


class FineTools(Tools, Protocol):
    """What the painter does for fine mode beside that."""

    @property
    def network(self) -> Network: ...

    def pair(self, work: Work) -> Tensor:
        """The mixed styles' pair for the network, (2, C), in fast or universal mode."""
        ...

    def alone(self, work: Work) -> Callable[[Tensor, Recipe], Tensor] | None:
        """What paints a frame (1, 3, H, W) of a style that the network does not paint in fast mode."""
        ...

    def what_matters(self, p: Tensor, recipe: Recipe) -> Importance:
        """How much each place of a photo (3, H, W) counts."""
        ...

    def memory(self) -> Memory:
        """As it is now."""
        ...


def paint(tools: FineTools, canvases: Canvases, work: Work) -> Stages:
    """The picture; what it may go on from later is kept among the canvases."""
    # What is watched is painted whole, and so is what is verified.
    canvas = None if work.watch or work.anew else canvases.find(work)
    start = None
    if canvas is not None:
        work.went_on = True
        work.notes.extend(canvas.notes)
    elif work.recipe.init in INSTANT and work.recipe.strength != 0:
        start = yield from _sketch(tools, work)
    encoder = yield from tools.encoder(work)
    size = optimised_size(work.recipe, work.p.shape[1], work.p.shape[2])
    for step in _steps(tools, work, encoder, size, canvas, start):
        if work.watch:
            work.watch(step)
        if step.note:
            work.notes.append(step.note)
        done = step.done if start is None else SKETCH + (1 - SKETCH) * step.done
        yield Stage(done, f"step {step.index} of {step.of}", step.note, preview(step.x))
    halved = step.x.shape[2:] != size
    if work.recipe.strength != 0:
        canvases.keep(work, step)
    if optimisation_alone(work.recipe):
        return step.x
    x = step.x
    if size != work.p.shape[1:]:
        x = yield from _with_last_strokes(tools, work, x, 2 if halved else 1)
    return last_touches(x, work.recipe, tools.look(work))


def _steps(
    tools: FineTools, work: Work, encoder: Encoder, size: tuple[int, int], canvas: Canvas | None, start: Tensor | None
) -> Iterator[Step]:
    """The optimisation, up to this size."""
    height, width = work.p.shape[1:]
    return optimise(
        resize(work.p[None], size)[0],
        tools.pictures(work),
        work.recipe,
        encoder,
        start,
        tools.what_matters(work.p, work.recipe),
        canvas=canvas,
        sketch=partial(_sketch_at, tools, work) if work.recipe.init in INSTANT else None,
        halve=not tools.memory().suffices(work.recipe, height, width),
        enlarged=height / size[0],
    )


def _sketch(tools: FineTools, work: Work) -> Stages:
    """The instant picture that a fine one starts from, shown at once."""

    def part(stage: Stage) -> Stage:
        return stage._replace(done=SKETCH * stage.done, text="a first sketch")

    x = yield from as_part(tools.repaint(_in_mode(work, work.recipe.init)), part)
    yield Stage(SKETCH, "a first sketch", preview=preview(x), at_once=True)
    return x


def _sketch_at(tools: FineTools, work: Work, strength: int) -> Tensor:
    """The instant picture at another strength."""
    return finished(tools.repaint(_in_mode(work, work.recipe.init, strength)))


def _with_last_strokes(tools: FineTools, work: Work, x: Tensor, reduction: int) -> Stages:
    """An optimised picture x at its own size, or at that reduced by so much."""
    size = at_least(work.p.shape[1] // reduction, work.p.shape[2] // reduction)
    mode = work.recipe.init if tools.alone(work) is None else "universal"  # a collection has no pair
    last = _in_mode(work, mode, work.recipe.last_strength)
    for _, y in touched(tools.network, resize(x, size), tools.pair(last), last.recipe, LAST):
        yield Stage(1.0, "the last strokes", preview=preview(y))
    return y


def _in_mode(work: Work, mode: Init | None, strength: int | None = None) -> Work:
    """The same in an instant mode, and at another strength if one is given."""
    assert mode in INSTANT
    strength = work.recipe.strength if strength is None else strength
    return replace(work, recipe=msgspec.structs.replace(work.recipe, mode=mode, strength=strength))
