"""What /settings says of a room, and what its words change: ``style=starrynight size=768 who=admins topics=here``."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.core.errors import InvalidOrder
from bot.core.rooms import RoomSettings
from bot.dialog.parse import parse_recipe
from engine.gallery import Gallery
from engine.recipe import MODES, SIZE_BOUNDS, Mode, Recipe, line, nearest

ALIASES = {"channels": "topics", "channel": "topics", "topic": "topics", "max_size": "size"}
UNSET = ("none", "off", "any", "all", "default")
MOST_WAITING = 1000
EXAMPLES = {
    "style": "style=starrynight or style=none",
    "mode": "mode=fine or mode=default",
    "size": "size=768 or size=default",
    "who": "who=everyone or who=admins",
    "waiting": "waiting=10 or waiting=default",
    "topics": "topics=here or topics=all",
}


def described(settings: RoomSettings) -> str:
    """What is decided, for people."""
    where = f"{len(settings.topics)} chosen (topics=all allows all)" if settings.topics else "all"
    return (
        f"style={settings.style or 'none'} (for orders that name none)\n"
        f"mode={settings.mode or 'default'}\n"
        f"size={settings.size or 'default'} (the largest, in pixels)\n"
        f"who={settings.who}\n"
        f"waiting={settings.waiting or 'default'} (pictures of this room at once)\n"
        f"topics: {where}"
    )


def changed(settings: RoomSettings, words: str, gallery: Gallery, topic: str = "") -> RoomSettings:
    """The settings with what ``words`` say; ``topic`` is where they were written.

    Raises:
        InvalidOrder: naming the word at fault.
    """
    for word in words.split():
        name, sign, value = word.partition("=")
        name = ALIASES.get(name.lower(), name.lower())
        if name not in EXAMPLES:
            raise InvalidOrder(
                f"There is no setting “{name[:40]}”.{nearest(name, list(EXAMPLES))} A room has"
                f" {', '.join(f'{known}=' for known in EXAMPLES)}."
            )
        if not sign or not value:
            raise InvalidOrder(f"Write a value after {name}=, such as {EXAMPLES[name]}.")
        settings = msgspec.structs.replace(settings, **{name: _value(settings, name, value, gallery, topic)})
    return settings


def _value(settings: RoomSettings, name: str, value: str, gallery: Gallery, topic: str) -> Any:
    match name:
        case "who":
            return _who(value)
        case "topics":
            return _topics(settings, value, topic)
        case _ if value.lower() in UNSET:
            return None
        case "style":
            return _style(value, gallery)
        case "mode":
            return _mode(value)
        case "size":
            low, high = SIZE_BOUNDS
            return _whole(
                value, low, high, f"size= is the largest long side here, from {low} to {high} pixels, or none."
            )
        case _:
            wrong = f"waiting= is how many pictures of this room may wait at once, from 1 to {MOST_WAITING}, or none."
            return _whole(value, 1, MOST_WAITING, wrong)


def _mode(value: str) -> Mode:
    found = next((mode for mode in MODES if mode == value.lower()), None)
    if found is None:
        raise InvalidOrder(f"mode= is {' or '.join(MODES)}, or default.{nearest(value.lower(), list(MODES))}")
    return found


def _whole(value: str, low: int, high: int, wrong: str) -> int:
    if not value.isascii() or not value.isdecimal() or not low <= int(value[:6]) <= high:
        raise InvalidOrder(wrong)
    return int(value)


def _style(value: str, gallery: Gallery) -> str:
    recipe = parse_recipe(value, gallery)
    if recipe.mine:
        raise InvalidOrder(
            "mine needs a picture with every order, so it cannot be a room's style. Name one from the gallery."
        )
    return line(Recipe(styles=recipe.styles)).removeprefix("/stylize ")


def _who(value: str) -> str:
    match value.lower():
        case "everyone" | "everybody" | "all":
            return "everyone"
        case "admins" | "admin":
            return "admins"
    raise InvalidOrder("who= is everyone or admins.")


def _topics(settings: RoomSettings, value: str, topic: str) -> tuple[str, ...]:
    if value.lower() in UNSET:
        return ()
    if value.lower() != "here":
        raise InvalidOrder("Write topics=here in each topic where pictures may be ordered, or topics=all.")
    if not topic:
        raise InvalidOrder("There are no topics or channels here to choose from.")
    return tuple(dict.fromkeys((*settings.topics, topic)))
