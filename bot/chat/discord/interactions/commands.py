"""The slash commands and the menus of messages: what Discord shows of them, and what each asks for."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from bot.chat.discord.interactions import laboratory
from bot.chat.discord.interactions.options import (
    Interaction,
    Size,
    complete_style,
    complete_word,
    recipe_words,
    words_of,
)
from bot.dialog.parse import Command, Name
from engine.recipe import BRUSH_BOUNDS, MODES, SEED_BOUNDS, STRENGTH_BOUNDS


@app_commands.command(description="Repaint a photo in the style of a painting")
@app_commands.describe(
    style="A style, or a mix such as starrynight:70+greatwave:30",
    photo="The photo; without one, that of “Use this photo”",
    photo2="One more photo, which becomes a picture of its own",
    photo3="One more",
    photo4="One more",
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
    photo2: discord.Attachment | None = None,
    photo3: discord.Attachment | None = None,
    photo4: discord.Attachment | None = None,
    style_photo: discord.Attachment | None = None,
    mode: str | None = None,
    strength: Range[int, STRENGTH_BOUNDS[0], STRENGTH_BOUNDS[1]] | None = None,
    brush: Range[float, float(BRUSH_BOUNDS[0]), float(BRUSH_BOUNDS[1])] | None = None,
    colors: str | None = None,
    size: Size | None = None,
    seed: Range[int, SEED_BOUNDS[0], SEED_BOUNDS[1]] | None = None,
    recipe: Range[str, 1, 1000] | None = None,
) -> None:
    settings = {"mode": mode, "strength": strength, "brush": brush, "colors": colors, "size": size, "seed": seed}
    words = recipe_words(style, recipe, settings)
    await interaction.client.orders.stylize(interaction, words, photo, style_photo, (photo2, photo3, photo4))


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
    await interaction.client.orders.settings(interaction, words_of(given), topic)


@app_commands.command(description="Run this bot: for its owner")
@app_commands.describe(what="status, pause, resume, drain, queue, cancel ID, block USER, unblock USER or limits")
@app_commands.default_permissions()
async def admin(interaction: Interaction, what: Range[str, 1, 200] | None = None) -> None:
    await interaction.client.orders.ask(interaction, Command(name=Name.ADMIN, words=what or "", written=Name.ADMIN))


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
    *laboratory.COMMANDS,
    stylize_this,
    every_style,
    use_this,
)
