"""The slash commands and message menus: what Discord is told of them, and which of the chat's methods they call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str

from bot.chat.discord.interaction_reply import InteractionReply
from bot.core.errors import InvalidOrder
from bot.dialog.gallery import kinds
from engine.gallery import Gallery, key
from engine.recipe import MINE, MODES, SEEDS

if TYPE_CHECKING:
    from bot.chat.discord.chat import DiscordChat

CHOICES, CHOICE = 25, 100  # of an autocompletion; characters of one

# Translations of names and descriptions: by Discord's name of the language, then by the English text.
WORDS: Mapping[str, Mapping[str, str]] = {}


class Translator(app_commands.Translator):
    """Looks texts up in `WORDS`; what is not there stays English."""

    def __init__(self, words: Mapping[str, Mapping[str, str]] = WORDS) -> None:
        super().__init__()
        self._words = words

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        return self._words.get(str(locale), {}).get(string.message)


class Tree(app_commands.CommandTree[discord.Client]):
    """Turns whatever goes wrong in a command into a sentence."""

    async def on_error(self, interaction: discord.Interaction, error: Exception, /) -> None:
        turn = InteractionReply(interaction)
        if interaction.response.is_done():
            turn.kind = "quiet"
        original = getattr(error, "original", error)
        if isinstance(error, app_commands.CheckFailure):
            original = InvalidOrder("You may not use this command here.")
        elif isinstance(error, app_commands.TransformerError | app_commands.CommandSignatureMismatch):
            original = InvalidOrder("Discord shows you an old form of this command. Restart Discord and try again.")
        await turn.fail(original)


async def fingerprint(tree: Tree) -> str:
    """Changes when what Discord should know of the commands does."""
    translator = tree.translator
    payload = []
    for command in tree.get_commands():
        payload.append(await command.get_translated_payload(tree, translator) if translator else command.to_dict(tree))
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]


def styles_like(text: str, gallery: Gallery) -> list[Choice[str]]:
    """Styles to choose from, for what has been typed so far; of a mix, its last part is completed."""
    before, plus, word = text.rpartition("+")
    if not key(word):
        found = list(gallery)
    else:
        begun = [s for s in gallery if key(s.name).startswith(key(word))]
        inside = [s for s in gallery if any(key(word) in key(t) for t in (s.credit, *s.aliases, *s.tags))]
        found = [*begun, *inside, *gallery.nearest(word, CHOICES)]
    # One's own picture is no style of the gallery, so it comes first or not at all.
    own = {MINE: "a picture of your own, as style_photo:"} if MINE.startswith(key(word)) else {}
    shown = own | {style.name: style.credit for style in found}
    fit = [(f"{before}{plus}{name}", said) for name, said in shown.items()]
    choices = [Choice(name=f"{value}: {said}"[:CHOICE], value=value) for value, said in fit if len(value) <= CHOICE]
    return choices[:CHOICES]


def kinds_like(text: str, gallery: Gallery) -> list[Choice[str]]:
    """Kinds of styles to choose from, for what has been typed so far; at most half of what Discord shows."""
    counts = kinds(list(gallery), len(gallery))
    found = [kind for kind in counts if key(kind).startswith(key(text))]
    most = sorted(found, key=lambda kind: -counts[kind])[: CHOICES // 2]
    return [Choice(name=f"{kind}: {counts[kind]} styles"[:CHOICE], value=kind[:60]) for kind in sorted(most)]


def register_commands(tree: Tree, chat: DiscordChat, gallery: Gallery) -> None:
    """Add every command to the tree."""

    def everywhere(command: Any) -> Any:
        app_commands.allowed_installs(guilds=True, users=True)(command)
        return app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)(command)

    @tree.command(name=locale_str("stylize"), description=locale_str("Repaint a photo in the style of a painting"))
    @app_commands.describe(
        style=locale_str("A style, or a mix such as starrynight:70+greatwave:30"),
        photo=locale_str("The photo; without one, that of “Use this photo”"),
        style_photo=locale_str("With style:mine, the picture that is the style"),
        mode=locale_str("How to paint"),
        strength=locale_str("0 returns the photo, 100 nearly forgets it"),
        brush=locale_str("Scale of the strokes"),
        colors=locale_str("Whose colours the picture has"),
        size=locale_str("Long side in pixels"),
        seed=locale_str("What chance begins with"),
        recipe=locale_str("More settings, or the whole line of another picture"),
    )
    @app_commands.choices(
        mode=[Choice(name=mode, value=mode) for mode in MODES],
        colors=[Choice(name=locale_str("the painting's"), value="style"), Choice(name="the photo's", value="photo")],
    )
    async def stylize(
        interaction: discord.Interaction,
        style: app_commands.Range[str, 1, 300] | None = None,
        photo: discord.Attachment | None = None,
        style_photo: discord.Attachment | None = None,
        mode: str | None = None,
        strength: app_commands.Range[int, 0, 100] | None = None,
        brush: app_commands.Range[float, 0.25, 4.0] | None = None,
        colors: str | None = None,
        size: app_commands.Range[int, 64, 4096] | None = None,
        seed: app_commands.Range[int, 0, SEEDS - 1] | None = None,
        recipe: app_commands.Range[str, 1, 1000] | None = None,
    ) -> None:
        said = {"mode": mode, "strength": strength, "brush": brush, "colors": colors, "size": size, "seed": seed}
        try:
            text = composed(style, recipe, said)
        except InvalidOrder as error:
            await InteractionReply(interaction).refuse(str(error))
        else:
            await chat.stylize(interaction, text, photo, style_photo)

    @stylize.autocomplete("style")
    async def complete(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
        return styles_like(current, gallery)

    @tree.command(name=locale_str("styles"), description=locale_str("Show the paintings to choose from"))
    @app_commands.describe(word=locale_str("A style, to see it closer; or an artist or a kind, such as night"))
    async def styles(interaction: discord.Interaction, word: app_commands.Range[str, 1, 60] | None = None) -> None:
        await chat.styles(interaction, word or "")

    @styles.autocomplete("word")
    async def complete_word(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
        found = [choice for choice in styles_like(current, gallery) if choice.value != MINE]
        return [*kinds_like(current, gallery), *found][:CHOICES]

    @tree.command(name=locale_str("again"), description=locale_str("Paint your last photo once more"))
    @app_commands.describe(changes=locale_str("Another style or other settings, such as greatwave strength=80"))
    async def again(interaction: discord.Interaction, changes: app_commands.Range[str, 1, 1000] | None = None) -> None:
        await chat.again(interaction, changes or "")

    @tree.command(name=locale_str("queue"), description=locale_str("Show where your pictures stand"))
    async def queue(interaction: discord.Interaction) -> None:
        await chat.ask(interaction, "/queue")

    @tree.command(name=locale_str("cancel"), description=locale_str("Take back a picture"))
    @app_commands.describe(picture=locale_str("Its id from /queue, or all"))
    async def cancel(interaction: discord.Interaction, picture: app_commands.Range[str, 1, 20] | None = None) -> None:
        await chat.ask(interaction, f"/cancel {picture or ''}")

    @tree.command(name=locale_str("help"), description=locale_str("How to order a picture"))
    async def help(interaction: discord.Interaction) -> None:
        await chat.help(interaction)

    @tree.command(name=locale_str("about"), description=locale_str("What I am and whose ideas I use"))
    async def about(interaction: discord.Interaction) -> None:
        await chat.ask(interaction, "/about")

    @tree.command(name=locale_str("privacy"), description=locale_str("What I keep, and for how long"))
    async def privacy(interaction: discord.Interaction) -> None:
        await chat.ask(interaction, "/privacy")

    @tree.command(name=locale_str("settings"), description=locale_str("What holds in this server"))
    @app_commands.describe(
        style=locale_str("Style of orders that name none; none lifts it"),
        mode=locale_str("Mode of orders that name none; default lifts it"),
        size=locale_str("Largest size in pixels; default lifts it"),
        who=locale_str("Who may order pictures"),
        waiting=locale_str("Pictures of this server that may wait at once; default lifts it"),
        channel=locale_str("A channel to paint in, besides those that were chosen before"),
        everywhere=locale_str("Paint in every channel"),
    )
    @app_commands.choices(
        who=[Choice(name=locale_str("everyone"), value="everyone"), Choice(name=locale_str("admins"), value="admins")]
    )
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    async def settings(
        interaction: discord.Interaction,
        style: app_commands.Range[str, 1, 100] | None = None,
        mode: app_commands.Range[str, 1, 20] | None = None,
        size: app_commands.Range[str, 1, 10] | None = None,
        who: str | None = None,
        waiting: app_commands.Range[str, 1, 10] | None = None,
        channel: discord.TextChannel | None = None,
        everywhere: bool | None = None,
    ) -> None:
        said = {"style": style, "mode": mode, "size": size, "who": who, "waiting": waiting}
        said["topics"] = "all" if everywhere else "here" if channel else None
        await chat.settings(interaction, _words(said), str(channel.id) if channel else "")

    @tree.context_menu(name=locale_str("Stylize"))
    async def stylize_this(interaction: discord.Interaction, message: discord.Message) -> None:
        await chat.choose(interaction, message)

    @tree.context_menu(name=locale_str("Use this photo"))
    async def use_this(interaction: discord.Interaction, message: discord.Message) -> None:
        await chat.remember(interaction, message)

    for command in (stylize, styles, again, queue, cancel, help, about, privacy, stylize_this, use_this):
        everywhere(command)


def composed(style: str | None, recipe: str | None, said: Mapping[str, Any]) -> str:
    """One recipe line of all that was said.

    Raises:
        InvalidOrder: the same thing is said in two places.
    """
    words = (recipe or "").removeprefix("/stylize").split()
    names = [word for word in words if "=" not in word]
    if style and names:
        raise InvalidOrder("recipe: names its style already. Leave style: out, or take the style out of recipe:.")
    doubled = {word.partition("=")[0].lower() for word in words} & {name for name, v in said.items() if v is not None}
    if doubled:
        raise InvalidOrder(f"{' and '.join(sorted(doubled))} is given twice, once in recipe:. Keep one of them.")
    return " ".join([*([style] if style else []), *words, _words(said)]).strip()


def _words(said: Mapping[str, Any]) -> str:
    given = {name: value for name, value in said.items() if value is not None}
    return " ".join(f"{name}={f'{v:g}' if isinstance(v, float) else v}" for name, v in given.items())
