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
from engine.recipe import (
    BRUSH_BOUNDS,
    DEPTH_BOUNDS,
    FRAMES_BOUNDS,
    MINE,
    MODES,
    OCTAVES_BOUNDS,
    SEED_BOUNDS,
    SIZE_BOUNDS,
    STRENGTH_BOUNDS,
    ZOOM_BOUNDS,
)

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


@app_commands.command(description="Your photo in every style, to choose from")
@app_commands.describe(
    photo="The photo; without one, that of “Use this photo”",
    style="One style, to see it in many strengths and brushes",
    recipe="More settings, such as colors=photo",
)
@app_commands.autocomplete(style=complete_style)
async def sheet(
    interaction: Interaction,
    photo: discord.Attachment | None = None,
    style: Range[str, 1, 300] | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    await interaction.client.orders.stylize(interaction, f"/sheet {recipe_words(style, recipe, {})}", photo)


@app_commands.command(description="Four variations of your last picture")
async def variations(interaction: Interaction) -> None:
    await interaction.client.orders.repeat(interaction, Command(name=Name.VARIATIONS))


@app_commands.command(description="Repaint your last photo")
@app_commands.describe(changes="Another style or other settings, such as greatwave strength=80")
async def again(interaction: Interaction, changes: Range[str, 1, 1000] | None = None) -> None:
    await interaction.client.orders.repeat(interaction, Command(name=Name.AGAIN, words=changes or ""))


@app_commands.command(description="Paint a picture of mine once more, and say whether it is the same")
@app_commands.describe(
    picture="The picture, as it was saved from here",
    photo="The photo that it was painted from, if that is no longer kept or was somebody else's",
    style_photo="The picture that was its style, likewise",
)
async def verify(
    interaction: Interaction,
    picture: discord.Attachment,
    photo: discord.Attachment | None = None,
    style_photo: discord.Attachment | None = None,
) -> None:
    await interaction.client.orders.verify(interaction, picture, photo, style_photo)


@app_commands.command(description="Try a picture once more that was given up")
@app_commands.describe(picture="Its id; without one, the last")
async def retry(interaction: Interaction, picture: Range[str, 1, 20] | None = None) -> None:
    await interaction.client.orders.repeat(interaction, Command(name=Name.RETRY, words=picture or ""))


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


@app_commands.command(description="Delete all that is kept of you")
@app_commands.describe(really="True deletes it, for good; else you are told what it is")
async def forgetme(interaction: Interaction, really: bool = False) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.FORGETME, words="yes" if really else ""))


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


@app_commands.command(description="Run this bot: for its owner")
@app_commands.describe(what="status, pause, resume, drain, queue, cancel ID, block USER, unblock USER or limits")
@app_commands.default_permissions()
async def admin(interaction: Interaction, what: Range[str, 1, 200] | None = None) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.ADMIN, words=what or "", written=Name.ADMIN))


# --- the laboratory --------------------------------------------------------------------------------------------------

Size = Range[int, SIZE_BOUNDS[0], SIZE_BOUNDS[1]]
PHOTO = "The photo; without one, that of “Use this photo”"
STYLE = "A style, or a mix such as starrynight:70+greatwave:30"
MORE = "More settings, such as steps=300 seed=7"


@app_commands.command(description="Paint a texture in a style, from noise and without a photo")
@app_commands.describe(
    style=STYLE,
    depth="How many layers it is made of; without it, a strip of all five",
    tile="Whether its edges fit together, as those of a wallpaper do",
    style_photo="With style:mine, the picture that is the style",
    size="Side in pixels",
    recipe=MORE,
)
@app_commands.autocomplete(style=complete_style)
async def texture(
    interaction: Interaction,
    style: Range[str, 1, 300],
    depth: Range[int, DEPTH_BOUNDS[0], DEPTH_BOUNDS[1]] | None = None,
    tile: bool | None = None,
    style_photo: discord.Attachment | None = None,
    size: Size | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    settings = {"depth": depth, "tile": "yes" if tile else None, "size": size}
    words = f"/texture {recipe_words(style, recipe, settings)}"
    await interaction.client.orders.stylize(interaction, words, style=style_photo)


@app_commands.command(description="Let a photo dream")
@app_commands.describe(
    photo=PHOTO,
    layer="Which layer of the network is strengthened, such as conv4_2",
    octaves="How many sizes it goes through",
    zoom="A clip of so many frames, coming nearer and going back",
    guide="A second picture, whose things it is to dream of",
    recipe=MORE,
)
async def dream(
    interaction: Interaction,
    photo: discord.Attachment | None = None,
    layer: Range[str, 1, 16] | None = None,
    octaves: Range[int, OCTAVES_BOUNDS[0], OCTAVES_BOUNDS[1]] | None = None,
    zoom: Range[int, ZOOM_BOUNDS[0], ZOOM_BOUNDS[1]] | None = None,
    guide: discord.Attachment | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    words = f"/dream {recipe_words(None, recipe, {'layers': layer, 'octaves': octaves, 'zoom': zoom})}"
    await interaction.client.orders.stylize(interaction, words, photo, guide)


@app_commands.command(description="What one layer of the network keeps of a photo")
@app_commands.describe(
    photo=PHOTO, layer="Such as conv1_1, which keeps pixels, or conv4_2, which keeps things", recipe=MORE
)
async def reconstruct(
    interaction: Interaction,
    photo: discord.Attachment | None = None,
    layer: Range[str, 1, 16] | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    words = f"/reconstruct {recipe_words(None, recipe, {'content': layer})}"
    await interaction.client.orders.stylize(interaction, words, photo)


@app_commands.command(description="A photo in many balances of style and content")
@app_commands.describe(style="A style, or a mix such as starrynight:70+greatwave:30", photo=PHOTO, recipe=MORE)
@app_commands.autocomplete(style=complete_style)
async def grid(
    interaction: Interaction,
    style: Range[str, 1, 300],
    photo: discord.Attachment | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    await interaction.client.orders.stylize(interaction, f"/grid {recipe_words(style, recipe, {})}", photo)


@app_commands.command(description="Four styles that suit a photo, painted on it")
@app_commands.describe(photo=PHOTO)
async def suggest(interaction: Interaction, photo: discord.Attachment | None = None) -> None:
    await interaction.client.orders.stylize(interaction, "/suggest", photo)


@app_commands.command(description="The gallery's styles that are most like a picture")
@app_commands.describe(picture="The picture; without one, that of “Use this photo”")
async def like(interaction: Interaction, picture: discord.Attachment | None = None) -> None:
    await interaction.client.orders.stylize(interaction, "/like", picture)


@app_commands.command(description="The gallery as a map")
async def map(interaction: Interaction) -> None:
    await interaction.client.orders.stylize(interaction, "/map")


@app_commands.command(description="A photo going from style to style and back, as a clip")
@app_commands.describe(
    styles="Two styles or more, such as starrynight+greatwave", photo=PHOTO, frames="How many frames", recipe=MORE
)
@app_commands.autocomplete(styles=complete_style)
async def morph(
    interaction: Interaction,
    styles: Range[str, 1, 300],
    photo: discord.Attachment | None = None,
    frames: Range[int, FRAMES_BOUNDS[0], FRAMES_BOUNDS[1]] | None = None,
    recipe: Range[str, 1, 300] | None = None,
) -> None:
    words = f"/morph {recipe_words('+'.join(styles.split()), recipe, {'frames': frames})}"
    await interaction.client.orders.stylize(interaction, words, photo)


@app_commands.command(description="How your last fine picture was made")
async def explain(interaction: Interaction) -> None:
    await interaction.client.orders.repeat(interaction, Command(name=Name.EXPLAIN))


@app_commands.context_menu(name="Stylize")
async def stylize_this(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.orders.choose(interaction, message)


@app_commands.context_menu(name="Every style")
async def every_style(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.orders.every_style(interaction, message)


@app_commands.context_menu(name="Use this photo")
async def use_this(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.orders.remember(interaction, message)


COMMANDS: tuple[app_commands.Command[Any, ..., Any] | app_commands.ContextMenu, ...] = (
    stylize,
    styles,
    sheet,
    variations,
    again,
    verify,
    retry,
    queue,
    cancel,
    help,
    about,
    privacy,
    forgetme,
    settings,
    texture,
    dream,
    reconstruct,
    grid,
    suggest,
    like,
    map,
    morph,
    explain,
    stylize_this,
    every_style,
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
