"""Moving pictures from bytes to bytes: an animation painted as one, and films of one photo."""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction

import msgspec
import torch
from torch import Tensor

from engine.fine.gatys import Step
from engine.images import animation, moving
from engine.images.animation import Clip, fitting
from engine.images.decode import Limits
from engine.images.encode import encode_jpeg
from engine.images.formats import ImageRefused
from engine.images.metadata import Says
from engine.motion import flow, morph, optimised
from engine.motion.flicker import Flicker
from engine.motion.flow import Motion
from engine.motion.steady import StretchPainter, steady
from engine.recipe import MODES, Recipe, line
from engine.stages import Picture, Refused, Stage
from engine.tensors import resize
from engine.verify import clip_verdict
from engine.wire import MOST_FRAMES, MP4, Paint, most_frames
from engine.work import Work

PREVIEW_SIDE = 384  # pixels, long side
STEPS_SHOWN = 36  # frames of a film of how a picture was painted
STEP, LAST = Fraction(1, 12), Fraction(2)  # seconds of each, and of the last
NO_FLOW = "Motion cannot be followed here (the extra video is not installed), so moving parts may flicker."
NOT_HERE = "Moving pictures cannot be shown here."

Frames = Generator[Stage, None, list[Tensor]]  # what it returns is every frame, (3, H, W) uint8


def is_moving(order: Paint) -> bool:
    """Whether the order is answered with an animation of its photo."""
    recipe = order.recipe
    wanted = order.plays and recipe.mode in MODES and recipe.frames != 1 and recipe.clip != "yes"
    return bool(wanted) and order.photo is not None and animation.kind_of_animation(order.photo) is not None


def read(order: Paint, limits: Limits) -> Clip:
    """The order's animation at the size of the result. Raises Refused."""
    recipe = order.recipe
    assert recipe.size, "the recipe is complete"
    assert order.photo is not None, "it moves"

    def most(size: tuple[int, int]) -> int:
        return min(recipe.frames or MOST_FRAMES, most_frames(recipe.mode or "fine", *size))

    keep = recipe.alpha == "keep"
    try:
        clip = animation.read(order.photo, fitting(recipe.size, order.enlarge), most, limits, keep)
    except ImageRefused as refusal:
        raise Refused(str(refusal)) from refusal
    count = len(clip.frames)
    if clip.cut and count != recipe.frames:
        lasts = float(sum(clip.seconds))
        clip.notes.append(f"The clip is longer than I can paint at this size: these are its first {lasts:.1f} s.")
    return clip


def first_frame(order: Paint, limits: Limits) -> tuple[Tensor, tuple[str, ...]]:
    """A video's first frame (3, H, W) in 0..1, and what to say of it. Raises ImageRefused."""
    size = fitting(2 * (order.recipe.size or 0), enlarge=False)
    assert order.photo is not None, "it is a video"
    clip = animation.read(order.photo, size, lambda _: 1, limits)
    note = ("The photo is a video; I took its first frame.",) if order.recipe.frames != 1 else ()
    return clip.frames[0].float() / 255, note


def by_stretches(clip: Clip, paint: StretchPainter, on: torch.device, notes: list[str]) -> Frames:
    """A clip in one of the modes that paint at once."""
    count = len(clip.frames)
    results: list[Tensor] = [torch.empty(0)] * count
    own, painted = Flicker(), Flicker()
    if not flow.available():
        notes.append(NO_FLOW)
    for frame in steady(clip.frames, paint, clip.loops, on):
        results[frame.at] = _bytes(frame.x)
        own.add(frame.source, frame.moved)
        painted.add(frame.x, frame.moved)
        yield _stage(min(0.99, (frame.at + 1) / count), f"frame {frame.at + 1} of {count}", frame.x, frame.at == 0)
    notes.extend(flicker_note(own, painted))
    return results


def by_steps(
    clip: Clip,
    recipe: Recipe,
    paint: optimised.PaintFrame,
    begin: optimised.Begin,
    on: torch.device,
    notes: list[str],
) -> Frames:
    """A clip in fine mode."""
    results: list[Tensor] = [torch.empty(0)] * len(clip.frames)
    if not flow.available():
        notes.append(NO_FLOW)
    for reached in optimised.paint(clip.frames, recipe, paint, begin, on):
        first = not len(results[reached.at])
        results[reached.at] = _bytes(resize(reached.x, tuple(clip.frames[0].shape[1:])))  # type: ignore[arg-type]
        if reached.note:
            notes.append(reached.note)
        yield _stage(reached.done, reached.text, reached.x, first and reached.at == 0)
    notes.extend(flicker_note(*_measured(clip.frames, results)))
    return results


def _measured(frames: Sequence[Tensor], results: Sequence[Tensor]) -> tuple[Flicker, Flicker]:
    own, painted = Flicker(), Flicker()
    before: Tensor | None = None
    for source, result in zip(frames, results, strict=True):
        p = source[None].float() / 255
        moved: Motion | None = None if before is None else flow.motion(p, before)
        own.add(p, moved)
        painted.add(result[None].float() / 255, moved)
        before = p
    return own, painted


def flicker_note(own: Flicker, painted: Flicker) -> Iterator[str]:
    if own.value is not None and painted.value is not None:
        yield f"Flicker {painted.value:.2f} of its contrast from frame to frame; the clip's own is {own.value:.2f}."


def film(pictures: Sequence[Tensor], seconds: Sequence[Fraction], loop: int | None) -> Clip:
    """Pictures (3, h, w) uint8, of which earlier ones may be smaller, as a clip of the last one's size."""
    size = (pictures[-1].shape[1], pictures[-1].shape[2])
    same = [x if x.shape[1:] == size else _bytes(resize(x[None].float() / 255, size)) for x in pictures]
    return Clip(MP4, same, list(seconds), None, loop)


def keep_step(film: list[Tensor], step: Step) -> None:
    """For a film of how a picture was painted."""
    if step.done >= 1 or step.done * STEPS_SHOWN > len(film):
        film.append(as_bytes(step.x[0]))


def film_of(work: Work) -> Clip:
    """A morph, a dream that comes nearer, or how a picture was painted."""
    if work.recipe.mode in ("morph", "dream"):
        return film(work.film, [morph.FRAME] * len(work.film), 0)
    return film(work.film, [STEP] * (len(work.film) - 1) + [LAST], 0)


def must_play(order: Paint) -> None:
    """Raises Refused where a film was asked for and cannot be shown."""
    if not order.plays and (asked := _asks_for_a_film(order.recipe)):
        raise Refused(f"{NOT_HERE} Leave out {asked}.")


def _asks_for_a_film(recipe: Recipe) -> str:
    """By which word."""
    if recipe.mode == "morph":
        return "mode=morph"
    if recipe.zoom is not None:
        return f"zoom={recipe.zoom}"
    return "clip=yes" if recipe.clip == "yes" else ""


def encoded(order: Paint, clip: Clip, recipe: Recipe, notes: Sequence[str], made_with: str, limits: Limits) -> Picture:
    """The finished animation, within the order's limit of bytes; held against another, where one came along.

    Raises:
        Refused
    """
    painted = msgspec.structs.replace(recipe, size=max(clip.frames[0].shape[1:]))
    try:
        says = Says(line(painted), made_with)
        found = moving.encode(clip, order.plays, order.most_bytes, says)
    except ImageRefused as refusal:
        raise Refused(str(refusal)) from refusal
    said = tuple(dict.fromkeys((*clip.notes, *notes, *found.notes)))
    if order.checked is not None:
        said = (clip_verdict(order.checked, clip, limits, says, order.most_bytes), *said)
    return Picture(found.data, painted, found.width, found.height, said, media_type=found.kind.media_type)


def _stage(done: float, text: str, x: Tensor, at_once: bool) -> Stage:
    return Stage(done, text, preview=functools.partial(encode_jpeg, x[0], PREVIEW_SIDE), at_once=at_once)


def _bytes(x: Tensor) -> Tensor:
    """(1, 3, H, W) in 0..1 as (3, H, W) uint8."""
    return as_bytes(x[0])


def as_bytes(x: Tensor) -> Tensor:
    """(3, H, W) in 0..1 as uint8, on the CPU."""
    return x.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
