"""The recipe of an earlier order with what /again changes in it."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.core.errors import invalid_recipes
from bot.core.jobs import Job
from bot.dialog.parse import SAME, Command
from bot.dialog.sheets import of_sheet
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import Recipe

# Of which one takes the other's place.
EITHER = {"strength": "ratio", "ratio": "strength", "depth": "layers", "layers": "depth"}


def changed(last: Job, command: Command, gallery: Gallery) -> Recipe:
    """The last order's recipe with what ``command`` changes, and a new seed unless it says ``same``.

    Raises:
        InvalidRecipe
    """
    with invalid_recipes():
        new, given, same = _read(command, gallery)
        return _merged(_repeated(last, given, same=same), new, given, gallery)


def changed_line(line: str, command: Command, gallery: Gallery) -> Recipe:
    """The recipe that a line says with what ``command`` changes.

    Raises:
        InvalidRecipe
    """
    with invalid_recipes():
        new, given, _ = _read(command, gallery)
        return _merged(recipes.parse(line, gallery), new, given, gallery)


def _read(command: Command, gallery: Gallery) -> tuple[Recipe, dict[str, Any], bool]:
    """What changes, as a recipe and by name, and whether all else stays the same."""
    words = [word for word in command.words.split() if word.lower() != SAME]
    new = recipes.read(" ".join(words), gallery)
    given = {name: value for name in recipes.SETTINGS if (value := getattr(new, name)) is not None}
    return new, given, len(words) < len(command.words.split())


def _merged(old: Recipe, new: Recipe, given: dict[str, Any], gallery: Gallery) -> Recipe:
    if new.styles and recipes.rules_for(old, gallery).styles != "some":  # so that it is another kind of picture
        old = Recipe(size=old.size)
    merged = msgspec.structs.replace(old, styles=new.styles or old.styles, **_dropped(old, given) | given)
    merged = _without_fast(merged, given, gallery)
    recipes.check(merged, gallery)
    return merged


def _repeated(last: Job, given: dict[str, Any], *, same: bool) -> Recipe:
    """What is changed: the order as it was written, so that other styles bring their own settings."""
    written = last.requested or last.recipe
    if "cell" in given:
        return of_sheet(last)
    if same or written.cell is not None:
        return last.recipe if same else msgspec.structs.replace(last.recipe, seed=None)
    return msgspec.structs.replace(written, seed=None)


def _dropped(old: Recipe, given: dict[str, Any]) -> dict[str, Any]:
    """The old settings that the new ones leave no room for."""
    names = {EITHER[name] for name in given if name in EITHER}
    if "mode" in given:
        names |= {name for name in recipes.SETTINGS if name not in recipes.TABLE[given["mode"]].settings}
    elif any(name not in old.rules.settings for name in given):
        names.add("mode")
    return dict.fromkeys(names)


def _without_fast(recipe: Recipe, given: dict[str, Any], gallery: Gallery) -> Recipe:
    """Fast mode cannot paint the new styles, so that they are painted as if it had not been named."""
    if recipes.instant_mode(recipe, gallery) == "fast":
        return recipe
    old = {name: None for name in ("mode", "init") if getattr(recipe, name) == "fast" and name not in given}
    return msgspec.structs.replace(recipe, **old)
