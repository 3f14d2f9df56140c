"""The laboratory's slash commands."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.chat.discord.interactions.options import Interaction, Size, complete_style, recipe_words
from bot.dialog.parse import Command, Name
from engine.recipe import DEPTH_BOUNDS, FRAMES_BOUNDS, OCTAVES_BOUNDS, ZOOM_BOUNDS

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


COMMANDS: tuple[app_commands.Command[Any, ..., Any], ...] = (
    texture,
    dream,
    reconstruct,
    grid,
    suggest,
    like,
    map,
    morph,
    explain,
)
