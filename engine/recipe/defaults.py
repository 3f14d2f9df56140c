"""What is filled in where a recipe says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.gallery import MINE, Gallery
from engine.recipe.cells import cell
from engine.recipe.checks import check, default_mode, instant_mode
from engine.recipe.modes import TABLE, Mode
from engine.recipe.settings import EncoderName, Init, Preset, Recipe, RecipeError, Share
from engine.recipe.words import unknown_style

MINE_STRENGTH = 42  # as for the gallery: in faces more than that is too much
DREAMS: Mapping[EncoderName, str] = {"slim": "fire8", "full": "conv4_2"}  # the layer that a dream is about
STEPS: Mapping[Init, int] = {"photo": 120, "noise": 120, "fast": 90, "universal": 90}  # by what they start from
ZOOM_SIZE = 512  # pixels, of a dream that comes nearer, unless it is given: it has many frames
ZOOM_STEPS = 3  # for each of them; with twice as many the last frames are garish

# Gatys et al. (2016): VGG-19 with average pooling, five layers of equal weight, from white noise, with nothing that is
# ours. Adam is often used instead, with a rate of 1 to 5 and 500 to 2000 iterations.
_GATYS: Mapping[str, Any] = {
    "brush": 1.0,
    "faces": "free",
    "steps": 500,
    "layers": ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"),
    "content": ("conv4_2",),
    "pooling": "avg",
    "optimizer": "lbfgs",
    "init": "noise",
    "ratio": 1e-3,
    "encoder": "full",
    "tv": 0.0,
    "plain": "yes",
}
PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "gatys": _GATYS,
    "adam": {**_GATYS, "steps": 1000, "optimizer": "adam", "rate": 3.0},
}


def complete(recipe: Recipe, gallery: Gallery, *, size: int, seed: int, encoder: EncoderName = "slim") -> Recipe:
    """The recipe with every default of its mode filled in.

    ``size``, ``seed`` and ``encoder`` are the caller's defaults. A mix takes the weighted mean of its styles' own
    strengths and brushes.

    Raises:
        RecipeError: when the mode, the encoder or the gallery does not have what was given.
    """
    recipe = expanded(recipe, gallery, encoder)
    mode = recipe.mode or default_mode(recipe, gallery)
    rules = TABLE[mode]
    own = _of_method(recipe, mode, gallery)
    if mode == "dream":
        own["layers"] = (DREAMS[recipe.encoder or encoder],)
    if recipe.zoom is not None:
        size = min(size, ZOOM_SIZE)
        own["steps"] = ZOOM_STEPS * recipe.zoom
    if rules.styles == "some":
        own |= _of_styles(recipe, gallery)
    defaults = {**rules.defaults, **own, "size": size, "seed": seed}
    if not rules.sketched:
        defaults["encoder"] = encoder
    missing = {
        name: value for name, value in defaults.items() if name in rules.settings and getattr(recipe, name) is None
    }
    whole = msgspec.structs.replace(recipe, mode=mode, **missing)
    check(whole, gallery)
    return whole


def expanded(recipe: Recipe, gallery: Gallery, encoder: EncoderName = "slim") -> Recipe:
    """The recipe with the settings of its preset, or of its sheet's cell, in their place; what was given is kept.

    ``encoder`` is the one whose layers a cell names, if the recipe names none.

    Raises:
        RecipeError: the sheet has no such cell.
    """
    if recipe.cell is not None:
        one = cell(recipe, recipe.cell, gallery, encoder)
        return expanded(msgspec.structs.replace(one, size=recipe.size, steps=recipe.steps), gallery, encoder)
    if recipe.preset is None:
        return recipe
    missing = {name: value for name, value in PRESETS[recipe.preset].items() if getattr(recipe, name) is None}
    if recipe.strength is not None:
        missing.pop("ratio", None)
    return msgspec.structs.replace(recipe, preset=None, **missing)


def _of_styles(recipe: Recipe, gallery: Gallery) -> dict[str, Any]:
    """The weighted mean of the styles' own settings."""
    total = sum(share.weight for share in recipe.styles)
    own = [(share.weight / total, *_own(share, gallery)) for share in recipe.styles]
    means: dict[str, Any] = {"brush": round(sum(w * brush for w, _, brush in own), 2)}
    if recipe.ratio is None:
        means["strength"] = round(sum(w * strength for w, strength, _ in own))
    return means


def _of_method(recipe: Recipe, mode: Mode, gallery: Gallery) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if mode in ("fine", "explain"):
        init = recipe.init or instant_mode(recipe, gallery)
        found |= {"init": init, "steps": STEPS[init]}
    if recipe.rate is not None:
        found["optimizer"] = "adam"
    return found


def _own(share: Share, gallery: Gallery) -> tuple[int, float]:
    """A style's own strength and brush."""
    if share.name == MINE:
        return MINE_STRENGTH, 1.0
    style = gallery.find(share.name)
    if style is None:  # of an old order, since removed from the gallery
        raise RecipeError(unknown_style(share.name, gallery))
    return style.strength, style.brush
