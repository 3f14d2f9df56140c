"""Text -> command, once per message, and words -> recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.core.errors import InvalidRecipe, invalid_recipes
from engine import recipe as recipes
from engine.gallery import Gallery, key
from engine.recipe import TABLE, Mode, ModeRules, Recipe


class Name(StrEnum):
    """What a message asks for."""

    PLAIN = ""  # no command: words that may name a style, or nothing
    STYLIZE = "stylize"
    STYLES = "styles"
    AGAIN = "again"
    VARIATIONS = "variations"
    VERIFY = "verify"
    RETRY = "retry"
    QUEUE = "queue"
    CANCEL = "cancel"
    EXPLAIN = "explain"
    SETTINGS = "settings"
    HELP = "help"
    ABOUT = "about"
    PRIVACY = "privacy"
    FORGETME = "forgetme"
    START = "start"  # how some platforms begin
    ADMIN = "admin"  # of the bot's owners, and to nobody else a command
    UNKNOWN = "unknown"


# By name, with one line of description: what /help prints, and what platforms may show in their menus.
EVERYDAY: Mapping[str, str] = {
    Name.STYLIZE: "repaint a photo: /stylize starrynight, as the photo's text or as a reply to it",
    Name.STYLES: "show the paintings to choose from: /styles, /styles blue, or /styles starrynight for one in full",
    "sheet": "your photo in every style, to choose from; /sheet starrynight is one style, strength by brush",
    Name.VARIATIONS: "show four variations of your last picture, or of the one that you reply to",
    Name.AGAIN: "repaint your last photo, perhaps with other settings: /again strength=80",
    Name.VERIFY: "paint one of my pictures once more, and say whether it is the same: in reply to it or with it",
    Name.RETRY: "try a picture once more that was given up: /retry or /retry ID",
    Name.QUEUE: "show where your pictures stand",
    Name.CANCEL: "cancel a picture: /cancel, /cancel ID or /cancel all",
    Name.SETTINGS: "show this room's settings; admins change them: /settings style=starrynight size=768 who=admins",
    Name.HELP: "show this",
    Name.ABOUT: "what this bot is and which methods it uses",
    Name.PRIVACY: "what is kept, and for how long",
    Name.FORGETME: "delete all that is kept of you: /forgetme shows what, /forgetme yes deletes it",
}
# What only owners are shown.
ADMIN_HELP = "run this bot: /admin status, pause, resume, drain, queue, cancel ID, block USER, unblock USER or limits"
# The laboratory's: short forms of recipe lines, but for /explain alone.
LABORATORY: Mapping[str, str] = {
    "texture": "paint a texture from noise: /texture starrynight depth=3, and tile=yes for a wallpaper",
    "dream": "let a photo dream: /dream octaves=4, or zoom=24 for a clip",
    "reconstruct": "what one layer of the network keeps of a photo: /reconstruct conv4_2",
    "grid": "a photo in many balances of style and content: /grid starrynight",
    "suggest": "four styles that suit a photo, painted on it",
    "like": "the gallery's styles that are most like a picture",
    "map": "the gallery as a map",
    "morph": "a photo going from style to style, as a clip: /morph starrynight greatwave",
    Name.EXPLAIN: "how your last fine picture was made",
}
COMMANDS: Mapping[str, str] = {**EVERYDAY, **LABORATORY}
MODE_OF: Mapping[str, Mode] = {
    "sheet": "sheet",
    "texture": "texture",
    "dream": "dream",
    "reconstruct": "content",
    "grid": "grid",
    "suggest": "suggest",
    "like": "like",
    "map": "map",
    "morph": "morph",
    Name.EXPLAIN: "explain",
}
LAYERS_AS: Mapping[Mode, str] = {"content": "content", "dream": "layers"}  # what words without = are, if no styles
ALIASES = {"stylise": Name.STYLIZE}
SAME = "same"  # /again with the same seed
WITH_PHOTO = frozenset({Name.PLAIN, Name.STYLIZE, Name.AGAIN, Name.VERIFY})
# Telegram writes /stylize@some_bot in groups.
PATTERN = re.compile(r"(?P<slash>/?)(?P<name>\w+)(@(?P<bot>\w+))?(?=\s|$)")


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A message, parsed."""

    name: Name = Name.PLAIN
    words: str = ""  # what follows the command; all of the text where there is none
    written: str = ""  # the command as it was written, without its slash
    bot: str = ""  # the bot that it is addressed to, where it names one

    @property
    def style(self) -> str:
        """The words that name styles, as one."""
        return "".join(word for word in self.words.split() if "=" not in word and word.lower() != SAME)

    @property
    def settings(self) -> str:
        """The words that are settings."""
        return " ".join(word for word in self.words.split() if "=" in word)

    @property
    def only_settings(self) -> bool:
        """Whether it changes something of an earlier order and says nothing else."""
        return self.name is Name.PLAIN and bool(self.settings) and not self.style

    @property
    def names_mine(self) -> bool:
        """Whether the style is, or is mixed with, a picture of the person's own: so there are two pictures."""
        return any(key(part.partition(":")[0]) == recipes.MINE for part in self.style.split("+"))

    @property
    def mode(self) -> Mode | None:
        """The mode that it names, if there is such a mode."""
        named = [word.lower().removeprefix("mode=") for word in self.words.split() if word.lower().startswith("mode=")]
        return next((mode for mode in TABLE if mode in named), None)

    @property
    def takes(self) -> ModeRules:
        """What its mode takes."""
        return TABLE[self.mode or "fast"]

    @property
    def takes_photo(self) -> bool:
        """Whether a photo belongs to it, or is its style where it names none."""
        own = self.takes.styles == "some" and (self.names_mine or not self.style)
        return self.name in WITH_PHOTO and (self.takes.photo or own)


def parse(text: str, *, slash: bool = True) -> Command:
    """Read a message.

    Args:
        slash: whether commands begin with one; else the first word is a command if it is the name of one.
    """
    text = text.strip()
    found = PATTERN.match(text)
    if not found or (slash and not found["slash"]):
        return Command(words=text)
    written = found["name"].lower()
    name = ALIASES.get(written, written)
    rest = text[found.end() :].strip()
    if name in MODE_OF and (rest or name != Name.EXPLAIN):
        return Command(
            name=Name.STYLIZE, words=_recipe_words(MODE_OF[name], rest), written=written, bot=found["bot"] or ""
        )
    if name not in (*COMMANDS, Name.START, Name.ADMIN):
        if not found["slash"]:
            return Command(words=text)
        return Command(name=Name.UNKNOWN, written=written, bot=found["bot"] or "")
    return Command(name=Name(name), words=rest, written=written, bot=found["bot"] or "")


def _recipe_words(mode: Mode, words: str) -> str:
    """The words of the recipe line that a short form stands for: ``conv4_2 octaves=4`` of a dream names its layer."""
    plain = [word for word in words.split() if "=" not in word]
    if mode == "morph":
        plain = ["+".join(plain)] if plain else []
    setting = LAYERS_AS.get(mode)
    if setting:
        layers = [word for word in plain if key(word) != recipes.MINE]
        plain = [word for word in plain if word not in layers]
        plain += [f"{setting}={','.join(layers)}"] if layers else []
    return " ".join([*plain, *(word for word in words.split() if "=" in word), f"mode={mode}"])


def parse_order(text: str, gallery: Gallery) -> Recipe:
    """Read a recipe line, or a command of the laboratory that is short for one.

    Raises:
        InvalidRecipe
    """
    command = parse(text)
    if command.name not in (Name.PLAIN, Name.STYLIZE):
        raise InvalidRecipe(f"/{command.written} orders no picture. Write a recipe, such as: starrynight size=512")
    return parse_recipe(command.words, gallery)


def parse_recipe(text: str, gallery: Gallery) -> Recipe:
    """Read a recipe line, with or without its ``/stylize``.

    Raises:
        InvalidRecipe: naming the word at fault and the nearest valid one.
    """
    with invalid_recipes():
        return recipes.parse(text, gallery)
