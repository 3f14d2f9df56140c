"""What every mode does with frames: an animation painted as one, and a morph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Protocol

import msgspec
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fast.finish import finish
from engine.fast.network import Network
from engine.fast.paint import paint as paint_fast
from engine.fine.gatys import Step
from engine.fine.paint import paint as paint_fine
from engine.fine.scales import Scale
from engine.images.animation import Clip
from engine.motion import animate, morph
from engine.motion.feedforward import ByNetwork, FeedForward, Finishing
from engine.motion.steady import OneByOne, StretchPainter
from engine.recipe import INSTANT, Recipe
from engine.stages import Refused, Stage
from engine.subject.importance import Importance
from engine.universal.paint import coloured
from engine.wire import NO_MORE_OF_A_CLIP
from engine.work import Stages, Tools, Work, finished, preview


class ClipTools(Tools, Protocol):
    """What the painter does beside that for moving pictures."""

    @property
    def network(self) -> Network: ...

    def pair(self, work: Work) -> Tensor:
        """The mixed styles' pair for the network, (2, C), in fast or universal mode."""
        ...

    def what_matters(self, p: Tensor, recipe: Recipe) -> Importance:
        """How much each place of a frame (3, H, W) counts in fine mode."""
        ...

    def alone(self, work: Work) -> Callable[[Tensor, Recipe], Tensor] | None:
        """What paints a frame (1, 3, H, W) of a style that the network does not paint in fast mode."""
        ...


def paint(tools: ClipTools, clip: Clip, work: Work) -> Generator[Stage, None, list[Tensor]]:
    """The frames of an animation, painted."""
    size = (clip.frames[0].shape[1], clip.frames[0].shape[2])
    if work.recipe.strength == 0:
        return clip.frames
    if work.recipe.then:
        raise Refused(NO_MORE_OF_A_CLIP)
    if work.recipe.mode == "fine":
        encoder = yield from tools.encoder(work)
        frame = functools.partial(_fine_frame, tools, work, encoder)
        begin = functools.partial(_begun, tools, work)
        return (yield from animate.by_steps(clip, work.recipe, frame, begin, tools.device, work.notes))
    stretches = _stretches(tools, work, size)
    return (yield from animate.by_stretches(clip, stretches, tools.device, work.notes))


def _stretches(tools: ClipTools, work: Work, size: tuple[int, int]) -> StretchPainter:
    """What paints the stretches of a clip in one of the instant modes."""
    recipe = work.recipe
    alone = tools.alone(work) if recipe.mode == "fast" else None
    strokes = _by_network(tools, work, size) if alone is None else OneByOne(lambda x: alone(x, recipe))
    look = tools.look(work) if alone is None else None
    return Finishing(strokes, recipe, look, lambda p: tools.kept(p, recipe))


def _by_network(tools: ClipTools, work: Work, size: tuple[int, int]) -> StretchPainter:
    """The same, as the network makes them."""
    finish = coloured(tools.pictures(work), work.recipe) if work.recipe.mode == "universal" else None
    return ByNetwork(FeedForward(tools.network, tools.pair(work), work.recipe, size, finish))


def _fine_frame(
    tools: ClipTools,
    work: Work,
    encoder: Encoder,
    p: Tensor,
    start: Tensor | None,
    plan: list[Scale] | None,
    anchor: Callable[[Tensor], Tensor] | None,
) -> Iterator[Step]:
    """One frame of a clip in fine mode; see `engine.motion.optimised`."""
    recipe = work.recipe
    if start is None and recipe.init in INSTANT:
        start = _begun(tools, work, p)
    weights = tools.what_matters(p, recipe)
    return paint_fine(p, tools.pictures(work), recipe, encoder, start, weights, plan, anchor)


def _begun(tools: ClipTools, work: Work, p: Tensor) -> Tensor:
    """What a still of a frame starts from: an instant picture, or else the frame itself."""
    if work.recipe.init not in INSTANT:
        return p[None]
    recipe = msgspec.structs.replace(work.recipe, mode=work.recipe.init)
    return finished(tools.repaint(replace(work, p=p, recipe=recipe)))


def paint_morph(tools: ClipTools, work: Work) -> Stages:
    """One photo from style to style and back; the frames are the work's film."""
    names = [share.name for share in work.recipe.styles]
    count = work.recipe.frames or 1
    x = work.p[None]
    subject = tools.kept(work.p, work.recipe)
    for index, (shares, strength) in enumerate(morph.path(names, count, work.recipe.strength or 0), 1):
        recipe = msgspec.structs.replace(work.recipe, strength=strength)
        *_, (_, x) = paint_fast(tools.network, work.p, tools.network.pair(shares), recipe)
        x = finish(x, work.p[None], recipe, tools.look(work, shares), subject)
        work.film.append(animate.as_bytes(x[0]))
        yield Stage(index / count, f"frame {index} of {count}", preview=preview(x), at_once=index == 1)
    return x
