"""The slash commands and the menus of messages: what Discord shows of them, and what each asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.chat.discord.client import Client
from bot.core.errors import InvalidOrder
from bot.dialog.gallery import common_tags
from bot.dialog.parse import Command, Name
from engine.gallery import Gallery, key
from engine.recipe import BRUSH_BOUNDS, MINE, MODES, SEED_BOUNDS, SIZE_BOUNDS, STRENGTH_BOUNDS

CHOICES, CHOICE = 25, 100  # of an autocompletion; characters of one

Interaction = discord.Interaction[Client]


async def complete_style(interaction: Interaction, current: str) -> list[Choice[str]]:
    return styles_like(current, interaction.client.orders.gallery)


async def complete_word(interaction: Interaction, current: str) -> list[Choice[str]]:
    gallery = interaction.client.orders.gallery
    styles = [choice for choice in styles_like(current, gallery) if choice.value != MINE]
    return [*tags_like(current, gallery), *styles][:CHOICES]


@app_commands.command(description="Repaint a photo in the style of a painting")
@app_commands.describe(
    style="A style, or a mix such as starrynight:70+greatwave:30",
    photo="The photo; without one, that of “Use this photo”",
    style_photo="With style:mine, the picture that is the style",
    mode="How to paint",
    strength="0 returns the photo, 100 is the strongest",
    brush="Scale of the brush strokes",
    colors="Which colours the picture has",
    size="Long side in pixels",
    seed="Random seed; same seed, same picture",
    recipe="More settings, or the whole line of another picture",
)
@app_commands.choices(
    mode=[Choice(name=mode, value=mode) for mode in MODES],
    colors=[Choice(name="the painting's", value="style"), Choice(name="the photo's", value="photo")],
)
@app_commands.autocomplete(style=complete_style)
async def stylize(
    interaction: Interaction,
    style: Range[str, 1, 300] | None = None,
    photo: discord.Attachment | None = None,
    style_photo: discord.Attachment | None = None,
    mode: str | None = None,
    strength: Range[int, STRENGTH_BOUNDS[0], STRENGTH_BOUNDS[1]] | None = None,
    brush: Range[float, float(BRUSH_BOUNDS[0]), float(BRUSH_BOUNDS[1])] | None = None,
    colors: str | None = None,
    size: Range[int, SIZE_BOUNDS[0], SIZE_BOUNDS[1]] | None = None,
    seed: Range[int, SEED_BOUNDS[0], SEED_BOUNDS[1]] | None = None,
    recipe: Range[str, 1, 1000] | None = None,
) -> None:
    settings = {"mode": mode, "strength": strength, "brush": brush, "colors": colors, "size": size, "seed": seed}
    words = recipe_words(style, recipe, settings)
    await interaction.client.orders.stylize(interaction, words, photo, style_photo)


@app_commands.command(description="Show the paintings to choose from")
@app_commands.describe(word="A style, to see it closer; or an artist or a kind, such as night")
@app_commands.autocomplete(word=complete_word)
async def styles(interaction: Interaction, word: Range[str, 1, 60] | None = None) -> None:
    await interaction.client.orders.styles(interaction, word or "")


@app_commands.command(description="Repaint your last photo")
@app_commands.describe(changes="Another style or other settings, such as greatwave strength=80")
async def again(interaction: Interaction, changes: Range[str, 1, 1000] | None = None) -> None:
    await interaction.client.orders.again(interaction, changes or "")


@app_commands.command(description="Show where your pictures stand")
async def queue(interaction: Interaction) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.QUEUE))


@app_commands.command(description="Cancel a picture")
@app_commands.describe(picture="Its id from /queue, or all")
async def cancel(interaction: Interaction, picture: Range[str, 1, 20] | None = None) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.CANCEL, words=picture or ""))


@app_commands.command(description="How to order a picture")
async def help(interaction: Interaction) -> None:
    await interaction.client.orders.help(interaction)


@app_commands.command(description="What this bot is and which methods it uses")
async def about(interaction: Interaction) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.ABOUT))


@app_commands.command(description="What is kept, and for how long")
async def privacy(interaction: Interaction) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.PRIVACY))


@app_commands.command(description="Show or change this server's settings")
@app_commands.describe(
    style="Style of orders that name none; “none” removes the setting",
    mode="Mode of orders that name none; “default” removes the setting",
    size="Largest size in pixels; “default” removes the setting",
    who="Who may order pictures",
    waiting="Pictures of this server that may wait at once; “default” removes the setting",
    channel="A channel to take orders in, besides those chosen before",
    everywhere="Take orders in every channel",
)
@app_commands.choices(who=[Choice(name="everyone", value="everyone"), Choice(name="admins", value="admins")])
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
async def settings(
    interaction: Interaction,
    style: Range[str, 1, 100] | None = None,
    mode: Range[str, 1, 20] | None = None,
    size: Range[str, 1, 10] | None = None,
    who: str | None = None,
    waiting: Range[str, 1, 10] | None = None,
    channel: discord.TextChannel | None = None,
    everywhere: bool | None = None,
) -> None:
    given = {"style": style, "mode": mode, "size": size, "who": who, "waiting": waiting}
    given["topics"] = "all" if everywhere else "here" if channel else None
    topic = str(channel.id) if channel else ""
    await interaction.client.orders.settings(interaction, _words(given), topic)


@app_commands.context_menu(name="Stylize")
async def stylize_this(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.orders.choose(interaction, message)


@app_commands.context_menu(name="Use this photo")
async def use_this(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.orders.remember(interaction, message)


COMMANDS: tuple[app_commands.Command[Any, ..., Any] | app_commands.ContextMenu, ...] = (
    stylize,
    styles,
    again,
    queue,
    cancel,
    help,
    about,
    privacy,
    settings,
    stylize_this,
    use_this,
)


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
    return " ".join([*([style] if style else []), *words, _words(settings)]).strip()


def _words(settings: Mapping[str, Any]) -> str:
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
