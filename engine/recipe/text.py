"""A recipe <-> its line."""

from __future__ import annotations

import re
from typing import Any

from engine.gallery import MINE, Gallery, key
from engine.recipe.checks import check
from engine.recipe.settings import (
    ALIASES,
    MAX_STYLES,
    SETTINGS,
    WEIGHT_BOUNDS,
    Recipe,
    RecipeError,
    Share,
    as_text,
    whole,
)
from engine.recipe.words import nearest, unknown_style

MINE_TITLE = "A picture of your own"


def parse(text: str, gallery: Gallery) -> Recipe:
    """Read a recipe line, with or without its ``/stylize``.

    Words without ``=`` name the style, so that ``starry night`` needs no quotes; a number after them is the strength.

    Raises:
        RecipeError: naming the word at fault and the nearest valid one.
    """
    recipe = read(text, gallery)
    check(recipe, gallery)
    return recipe


def read(text: str, gallery: Gallery) -> Recipe:
    """The same for part of a line: whether it is a recipe by itself is not looked at."""
    words = text.split()
    if words and re.fullmatch(r"/stylize(@\w+)?", words[0], re.IGNORECASE):
        words = words[1:]
    plain = [word for word in words if "=" not in word]
    if _ends_with_strength(plain, gallery):
        words = [f"strength={word.removesuffix('%')}" if word is plain[-1] else word for word in words]
        plain.pop()
    styles = "".join(plain)
    given: dict[str, Any] = {}
    for word in words:
        if "=" in word:
            name, value = _setting(word)
            if name in given:
                raise RecipeError(f"{name}= is given twice. Keep one of them.")
            given[name] = value
    return Recipe(styles=_styles(styles, gallery) if styles else (), **given)


def _ends_with_strength(plain: list[str], gallery: Gallery) -> bool:
    """Whether a number after the styles, as in ``starrynight 80``, is the strength and no part of a name."""
    if len(plain) < 2 or not re.fullmatch(r"\d{1,3}%?", plain[-1]):
        return False
    last = "".join(plain[:-1]).split("+")[-1].partition(":")[0]
    named = key(last) == MINE or gallery.find(last) is not None
    return named and gallery.find("".join(plain).split("+")[-1]) is None


def _setting(word: str) -> tuple[str, Any]:
    name, _, text = word.partition("=")
    name = ALIASES.get(name.lower(), name.lower())
    if not name:
        raise RecipeError("Write a setting without spaces around its =, such as size=512.")
    if name not in SETTINGS:
        raise RecipeError(f"I do not know the setting “{name[:40]}”.{nearest(name, list(SETTINGS))}")
    try:
        return name, SETTINGS[name](text)
    except ValueError as error:
        near = nearest(text.lower(), str(error).split(" or ")) if " or " in str(error) else ""
        raise RecipeError(f"{name}={text[:40]} does not work: {name} is {error}.{near}") from None


def _styles(text: str, gallery: Gallery) -> tuple[Share, ...]:
    shares = []
    for part in text.split("+"):
        word, colon, weight = part.partition(":")
        style = gallery.find(word)
        if style is None and key(word) != MINE:
            raise RecipeError(unknown_style(word, gallery))
        try:
            shares.append(Share(style.name if style else MINE, whole(*WEIGHT_BOUNDS)(weight) if colon else 1))
        except ValueError as error:
            raise RecipeError(f"{part[:60]} does not work: a style's weight is {error}.") from None
    if len({share.name for share in shares}) < len(shares):
        raise RecipeError("One style is named twice in the mix. Name each once, with its weight.")
    if len(shares) > MAX_STYLES:
        raise RecipeError(f"A mix takes {MAX_STYLES} styles at most; this one has {len(shares)}.")
    # The weight of a single style has no meaning.
    return tuple(shares) if len(shares) > 1 else (Share(shares[0].name),)


def titles(recipe: Recipe, gallery: Gallery) -> list[str]:
    """The styles' titles, for people; one that is no longer in the gallery keeps its name.

    Where the picture is no photo in these styles, they begin with what it is.
    """
    found = [(gallery.find(share.name), share.name) for share in recipe.styles]
    return _headed(recipe, [s.title if s else MINE_TITLE if name == MINE else name for s, name in found])


def credits(recipe: Recipe, gallery: Gallery) -> list[str]:
    """The styles' titles with artist and year."""
    found = [(gallery.find(share.name), share.name) for share in recipe.styles]
    return _headed(recipe, [s.credit if s else MINE_TITLE if name == MINE else name for s, name in found])


def _headed(recipe: Recipe, styles: list[str]) -> list[str]:
    title = recipe.rules.title
    if not styles or recipe.rules.styles not in ("some", "any"):
        return [recipe.rules.alone or title]
    return [f"{title}: {styles[0]}", *styles[1:]] if title else styles


def line(recipe: Recipe) -> str:
    """The recipe as one line; `parse` reads it back to an equal recipe."""
    single = len(recipe.styles) == 1
    styles = "+".join(share.name if single else f"{share.name}:{share.weight}" for share in recipe.styles)
    given = ((name, getattr(recipe, name)) for name in SETTINGS)
    words = [f"{name}={as_text(value)}" for name, value in given if value is not None]
    return " ".join(["/stylize", *([styles] if styles else []), *words])
