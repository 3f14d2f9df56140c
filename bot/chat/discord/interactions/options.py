"""What is typed into the options of slash commands: completed while it is typed, and read as words of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord.app_commands import Choice, Range

from bot.chat.discord.client import Client
from bot.core.errors import InvalidOrder
from bot.dialog.gallery import common_tags
from engine.gallery import Gallery, key
from engine.recipe import MINE, SIZE_BOUNDS

CHOICES, CHOICE = 25, 100  # of an autocompletion; characters of one

Interaction = discord.Interaction[Client]
Size = Range[int, SIZE_BOUNDS[0], SIZE_BOUNDS[1]]


async def complete_style(interaction: Interaction, current: str) -> list[Choice[str]]:
    return styles_like(current, interaction.client.orders.gallery)


async def complete_word(interaction: Interaction, current: str) -> list[Choice[str]]:
    gallery = interaction.client.orders.gallery
    styles = [choice for choice in styles_like(current, gallery) if choice.value != MINE]
    return [*tags_like(current, gallery), *styles][:CHOICES]


def recipe_words(style: str | None, recipe: str | None, settings: Mapping[str, Any]) -> str:
    """One recipe line of all that was given.

    Raises:
        InvalidOrder: the same thing is given in two places.
    """
    words = (recipe or "").removeprefix("/stylize").split()
    names = [word for word in words if "=" not in word]
    if style and names:
        raise InvalidOrder("recipe: names its style already. Leave style: out, or take the style out of recipe:.")
    given = {name for name, value in settings.items() if value is not None}
    doubled = {word.partition("=")[0].lower() for word in words} & given
    if doubled:
        raise InvalidOrder(f"{' and '.join(sorted(doubled))} is given twice, once in recipe:. Keep one of them.")
    return " ".join([*([style] if style else []), *words, words_of(settings)]).strip()


def words_of(settings: Mapping[str, Any]) -> str:
    given = {name: value for name, value in settings.items() if value is not None}
    return " ".join(f"{name}={f'{v:g}' if isinstance(v, float) else v}" for name, v in given.items())


def styles_like(text: str, gallery: Gallery) -> list[Choice[str]]:
    """Styles to choose from, for what has been typed so far; of a mix, its last part is completed."""
    before, plus, word = text.rpartition("+")
    if not key(word):
        found = list(gallery)
    else:
        begun = [s for s in gallery if key(s.name).startswith(key(word))]
        inside = [s for s in gallery if any(key(word) in key(t) for t in (s.credit, *s.aliases, *s.tags))]
        found = [*begun, *inside, *gallery.nearest(word, CHOICES)]
    # One's own picture is not a style of the gallery, so it comes first or not at all.
    own = {MINE: "a picture of your own, as style_photo:"} if MINE.startswith(key(word)) else {}
    described = own | {style.name: style.credit for style in found}
    values = [(f"{before}{plus}{name}", text) for name, text in described.items()]
    choices = [Choice(name=f"{value}: {text}"[:CHOICE], value=value) for value, text in values if len(value) <= CHOICE]
    return choices[:CHOICES]


def tags_like(text: str, gallery: Gallery) -> list[Choice[str]]:
    """Tags to choose from, for what has been typed so far; at most half of what Discord shows."""
    counts = common_tags(list(gallery), len(gallery))
    found = [tag for tag in counts if key(tag).startswith(key(text))]
    most = sorted(found, key=lambda tag: -counts[tag])[: CHOICES // 2]
    return [Choice(name=f"{tag}: {counts[tag]} styles"[:CHOICE], value=tag[:60]) for tag in sorted(most)]
