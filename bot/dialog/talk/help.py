"""What /help says, short at first, with more to click; and the greeting."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.admission import HOW_MINE, Rules
from bot.core.journal.store import Store
from bot.core.messages import Line, Text
from bot.dialog.parse import ADMIN_HELP, EVERYDAY, LABORATORY, Name

MORE = (
    Line("/styles", "The paintings"),
    Line("/help options", "Options"),
    Line("/help commands", "All commands"),
    Line("/help lab", "The laboratory"),
)
GREETED = "greeted"  # under which the store keeps that a room was
SHORT = 3  # letters of a word that are enough to know it by


def text_of(words: str, own_room: bool, rules: Rules, *, owner: bool = False) -> Text:
    """The help on a word, or the first page.

    Args:
        own_room: whether the person is alone with the bot, so that every photo is for it.
        owner: whether the bot is theirs.
    """
    asked = words.lower().removeprefix("/")
    everyday = {**EVERYDAY, Name.ADMIN: ADMIN_HELP} if owner else EVERYDAY
    known = {**everyday, **LABORATORY}
    if asked in known:
        return Text(text=f"/{asked}: {known[asked]}")
    for topic, lines in (("options", _settings(rules)), ("commands", _listed(everyday)), ("laboratory", _lab())):
        if len(asked) >= SHORT and topic.startswith(asked):
            return Text(text="\n".join(lines))
    return Text(text="\n".join(_first(own_room)), lines=MORE)


async def first_words(store: Store, room: str, how: str) -> str:
    """What the bot says in a group that it was added to; nothing where it has said so before.

    Args:
        how: how people there order a picture.
    """
    if await store.setting(room, GREETED):
        return ""
    await store.set_setting(room, GREETED, "yes")
    return f"Hello! I repaint photos in the style of paintings. {how} /styles shows the paintings, /help more."


def _first(own_room: bool) -> list[str]:
    start = (
        "Send a photo, and choose a style from the pictures. Or write with it what you would like: greatwave,"
        " starrynight 80, or “like van Gogh, please”."
        if own_room
        else "Reply /stylize starrynight to a photo, or send that with one."
    )
    return [
        "I repaint photos in the style of paintings.",
        start,
        "/styles shows the paintings, /again strength=80 repaints your last photo, /queue shows what waits.",
        "/help options: strength, size, colours, pictures of your own as the style.",
        "/help commands: all of them. /help lab: textures, dreams and more, for the curious.",
    ]


def _settings(rules: Rules) -> list[str]:
    return [
        "Settings follow the style: /stylize starrynight strength=80 colors=photo",
        "strength=0..100: 0 returns the photo, 100 nearly forgets it; a number alone is the strength",
        "brush=0.25..4: how large the strokes are",
        "colors=photo: the photo keeps its colours",
        f"size=..{rules.max_size}: the long side in pixels; with mode=fine up to {rules.largest('fine')}",
        "mode=fast paints at once, mode=universal does so for any picture as the style, mode=fine optimises slowly",
        "Mix styles with +: /stylize starrynight:70+greatwave:30",
        f"Any picture can be the style. {HOW_MINE}",
        "seed= gives the same picture again; frames=1 makes a still of a clip",
    ]


def _listed(commands: Mapping[str, str]) -> list[str]:
    return [f"/{name}: {text}" for name, text in commands.items()]


def _lab() -> list[str]:
    return ["The laboratory, for the curious:", *_listed(LABORATORY)]
