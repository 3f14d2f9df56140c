"""Text -> command, once per message, and words -> recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from bot.core.errors import invalid_recipes
from engine import recipe as recipes
from engine.gallery import Gallery, key
from engine.recipe import Recipe


class Name(StrEnum):
    """What a message asks for."""

    PLAIN = ""  # no command: words that may name a style, or nothing
    STYLIZE = "stylize"
    STYLES = "styles"
    AGAIN = "again"
    QUEUE = "queue"
    CANCEL = "cancel"
    SETTINGS = "settings"
    HELP = "help"
    ABOUT = "about"
    PRIVACY = "privacy"
    START = "start"  # how some platforms begin
    UNKNOWN = "unknown"


# By name, with one line of description: what /help prints, and what platforms may show in their menus.
COMMANDS: Mapping[str, str] = {
    Name.STYLIZE: "repaint a photo: /stylize starrynight, as the photo's text or as a reply to it",
    Name.STYLES: "show the paintings to choose from: /styles, /styles blue, or /styles starrynight for one in full",
    Name.AGAIN: "repaint your last photo, perhaps with other settings: /again strength=80",
    Name.QUEUE: "show where your pictures stand",
    Name.CANCEL: "cancel a picture: /cancel, /cancel ID or /cancel all",
    Name.SETTINGS: "show this room's settings; admins change them: /settings style=starrynight size=768 who=admins",
    Name.HELP: "show this",
    Name.ABOUT: "what this bot is and which methods it uses",
    Name.PRIVACY: "what is kept, and for how long",
}
ALIASES = {"stylise": Name.STYLIZE}
SAME = "same"  # /again with the same seed
WITH_PHOTO = frozenset({Name.PLAIN, Name.STYLIZE, Name.AGAIN})
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
    def names_mine(self) -> bool:
        """Whether the style is, or is mixed with, a picture of the person's own: so there are two pictures."""
        return any(key(part.partition(":")[0]) == recipes.MINE for part in self.style.split("+"))

    @property
    def takes_photo(self) -> bool:
        """Whether a photo belongs to it."""
        return self.name in WITH_PHOTO


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
    if name not in (*COMMANDS, Name.START):
        if not found["slash"]:
            return Command(words=text)
        return Command(name=Name.UNKNOWN, written=written, bot=found["bot"] or "")
    return Command(name=Name(name), words=text[found.end() :].strip(), written=written, bot=found["bot"] or "")


def parse_recipe(text: str, gallery: Gallery) -> Recipe:
    """Read a recipe line, with or without its ``/stylize``.

    Raises:
        InvalidRecipe: naming the word at fault and the nearest valid one.
    """
    with invalid_recipes():
        return recipes.parse(text, gallery)
