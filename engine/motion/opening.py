"""An order's pictures, decoded and resized."""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor

from engine.images.animation import Clip, kind_of_animation
from engine.images.decode import FIRST_FRAME, Limits, Photo, decode
from engine.images.formats import ImageRefused
from engine.motion import animate
from engine.recipe import SIZE_BOUNDS
from engine.stages import Refused
from engine.tensors import MIN_SIDE, fit
from engine.wire import VIDEOS, Paint
from engine.work import Work

STYLE_SIDE = 1024  # pixels, long side of a style picture that was sent along; strokes finer than its pixels are lost


def opened(order: Paint, limits: Limits, on: torch.device) -> Work:
    """An order for a still. Raises Refused."""
    recipe = order.recipe
    size = recipe.size
    assert size, "the recipe is complete"
    mine = style_sent_along(order, limits, on)
    if not recipe.rules.photo:
        return Work(torch.full((3, size, size), 0.5, device=on), recipe, mine, None)
    photo = _photo(order, limits, size)
    if not order.enlarge:  # never below what a line can name, so that the line that comes back can be repeated
        size = min(size, max(SIZE_BOUNDS[0], *photo.pixels.shape[1:]))
    p = fit(photo.pixels, size).to(on)
    said = [note for note in photo.notes if recipe.frames != 1 or note != FIRST_FRAME]  # which was asked for
    if not recipe.rules.sheet:
        recipe = msgspec.structs.replace(recipe, size=size)
    return Work(p, recipe, mine, photo.alpha, [*said, *_stretched(photo.pixels, p)])


def opened_clip(order: Paint, limits: Limits, on: torch.device) -> tuple[Clip, Work]:
    """An order for an animation: its frames, and the work of the first. Raises Refused."""
    clip = animate.read(order, limits)
    recipe = msgspec.structs.replace(order.recipe, size=max(clip.frames[0].shape[1:]), frames=len(clip.frames))
    return clip, Work(clip.frames[0].to(on).float() / 255, recipe, style_sent_along(order, limits, on), None)


def style_sent_along(order: Paint, limits: Limits, on: torch.device) -> Tensor | None:
    """(3, h, w), reduced to `STYLE_SIDE`, if the recipe has one. Raises Refused."""
    if not order.recipe.mine:
        return None
    if order.style is None:
        raise Refused("There is no second picture to take the style from. Send it along with the photo.")
    try:
        picture = decode(order.style, limits, enough=STYLE_SIDE)
    except ImageRefused as refusal:
        raise Refused(f"The style picture cannot be used. {refusal}") from refusal
    return fit(picture.pixels, min(STYLE_SIDE, max(picture.pixels.shape[1:]))).to(on)


def _photo(order: Paint, limits: Limits, enough: int) -> Photo:
    """The order's photo, or the first frame of its video."""
    if order.photo is None:
        raise Refused("There is no photo to paint. Send one along.")
    try:
        if kind_of_animation(order.photo) in VIDEOS:
            pixels, notes = animate.first_frame(order, limits)
            return Photo(pixels, None, notes)
        return decode(order.photo, limits, order.recipe.alpha == "keep", enough)
    except ImageRefused as refusal:
        raise Refused(str(refusal)) from refusal


def _stretched(photo: Tensor, p: Tensor) -> list[str]:
    """A note where the short side was made longer than the photo's proportions give."""
    true = max(p.shape[1:]) * min(photo.shape[1:]) / max(photo.shape[1:])
    if true > min(p.shape[1:]) - 1:
        return []
    return [f"At this size the photo's short side would have {true:.0f} pixels; it was stretched to {MIN_SIDE}."]
