"""What the admins of a room have decided about it: the same words, kept in the same place, on every platform."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.chat import Incoming
from bot.errors import BadOrder, LimitReached, NotAllowed
from bot.store import Store
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import Mode, Recipe, RecipeError, line, nearest

KEY = "room"  # under which the store keeps a room's settings
CHOSEN = "chosen"  # and a style that waits for its photo
SMALLEST, LARGEST = 64, 4096
WORDS = ("style", "mode", "size", "who", "waiting", "topics")
ALIASES = {"channels": "topics", "channel": "topics", "topic": "topics", "max_size": "size"}
NOTHING = ("none", "off", "any", "all", "default")


class Room(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of a room; what is None or empty is not decided."""

    style: str | None = None  # of orders that name none, as in a recipe line
    mode: Mode | None = None  # of orders that name none
    size: int | None = None  # pixels; the largest that an order may name here
    who: Literal["everyone", "admins"] = "everyone"
    waiting: int | None = None  # pictures of this room that may wait or be painted at once
    topics: tuple[str, ...] = ()  # the topics or channels in which orders are taken; empty is all

    def admit(self, incoming: Incoming) -> None:
        """Let an order pass, or not.

        Raises:
            NotAllowed
        """
        if self.who == "admins" and not incoming.admin:
            raise NotAllowed("Here only admins may order pictures. Write to me in private instead.")
        if self.topics and incoming.topic not in self.topics:
            raise NotAllowed("I do not paint in this part of the group. Ask in one where I may, or in private.")

    def check(self, waiting: int) -> None:
        """Refuse one more order where so many pictures of the room are waiting.

        Raises:
            LimitReached
        """
        if self.waiting is not None and waiting >= self.waiting:
            many = f"{waiting} pictures of this room are" if waiting != 1 else "1 picture of this room is"
            raise LimitReached(
                f"{many} waiting, and its limit is {self.waiting}. Wait for {'one of them' if waiting > 1 else 'it'}."
            )

    def fill(self, recipe: Recipe, size: int, gallery: Gallery) -> Recipe:
        """The recipe with what was not said as the room has it; ``size`` (pixels) is what it would be otherwise.

        Raises:
            BadOrder: it names a size that the room does not allow.
        """
        if self.size is not None and recipe.size is not None and recipe.size > self.size:
            raise BadOrder(
                f"size={recipe.size} is too large in this room: its limit is {self.size} pixels. Try size={self.size}."
            )
        if self.size is not None and recipe.size is None and size > self.size:
            recipe = msgspec.structs.replace(recipe, size=self.size)
        if self.mode is not None and recipe.mode is None:
            with_mode = msgspec.structs.replace(recipe, mode=self.mode)
            try:
                recipes.check(with_mode, gallery)
            except RecipeError:  # what was said needs another mode than the usual one, and the person's word counts
                return recipe
            return with_mode
        return recipe

    def changed(self, text: str, gallery: Gallery, topic: str = "") -> Room:
        """With what ``text`` says, such as ``style=starrynight size=768 who=admins topics=here``.

        Raises:
            BadOrder: naming the word at fault.
            RecipeError: the style or the mode is none.
        """
        room = self
        for word in text.split():
            name, sign, value = word.partition("=")
            name = ALIASES.get(name.lower(), name.lower())
            if name not in WORDS:
                raise BadOrder(
                    f"I do not know the setting “{name[:40]}”.{nearest(name, list(WORDS))} A room has"
                    f" {', '.join(f'{word}=' for word in WORDS)}."
                )
            if not sign or not value:
                raise BadOrder(f"Write a value behind {name}=, such as {EXAMPLES[name]}.")
            room = getattr(room, f"_{name}")(value, gallery, topic)
        return room

    def _style(self, value: str, gallery: Gallery, topic: str) -> Room:
        if value.lower() in NOTHING:
            return msgspec.structs.replace(self, style=None)
        recipe = recipes.parse(value, gallery)
        if recipe.mine:
            raise BadOrder(
                "mine needs a picture with every order, so it cannot be a room's style. Name the gallery's."
            )
        return msgspec.structs.replace(self, style=line(Recipe(styles=recipe.styles)).removeprefix("/stylize "))

    def _mode(self, value: str, gallery: Gallery, topic: str) -> Room:
        if value.lower() in NOTHING:
            return msgspec.structs.replace(self, mode=None)
        any_style = gallery.styles[0].name
        return msgspec.structs.replace(self, mode=recipes.parse(f"{any_style} mode={value}", gallery).mode)

    def _size(self, value: str, gallery: Gallery, topic: str) -> Room:
        if value.lower() in NOTHING:
            return msgspec.structs.replace(self, size=None)
        if not value.isascii() or not value.isdecimal() or not SMALLEST <= int(value) <= LARGEST:
            raise BadOrder(f"size= is the largest long side here, from {SMALLEST} to {LARGEST} pixels, or none.")
        return msgspec.structs.replace(self, size=int(value))

    def _who(self, value: str, gallery: Gallery, topic: str) -> Room:
        match value.lower():
            case "everyone" | "everybody" | "all":
                return msgspec.structs.replace(self, who="everyone")
            case "admins" | "admin":
                return msgspec.structs.replace(self, who="admins")
        raise BadOrder("who= is everyone or admins.")

    def _waiting(self, value: str, gallery: Gallery, topic: str) -> Room:
        if value.lower() in NOTHING:
            return msgspec.structs.replace(self, waiting=None)
        if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:6]) <= 1000:
            raise BadOrder("waiting= is how many pictures of this room may wait at once, from 1 to 1000, or none.")
        return msgspec.structs.replace(self, waiting=int(value))

    def _topics(self, value: str, gallery: Gallery, topic: str) -> Room:
        if value.lower() in NOTHING:
            return msgspec.structs.replace(self, topics=())
        if value.lower() != "here":
            raise BadOrder("Write topics=here in each topic where I may paint, or topics=all.")
        if not topic:
            raise BadOrder("There are no topics or channels here to choose from.")
        return msgspec.structs.replace(self, topics=tuple(dict.fromkeys((*self.topics, topic))))

    def __str__(self) -> str:
        """What is decided, for people."""
        where = f"{len(self.topics)} chosen (topics=all lifts that)" if self.topics else "all"
        return (
            f"style={self.style or 'none'} (for orders that name none)\n"
            f"mode={self.mode or 'default'}\n"
            f"size={self.size or 'default'} (the largest, in pixels)\n"
            f"who={self.who}\n"
            f"waiting={self.waiting or 'default'} (pictures of this room at once)\n"
            f"topics: {where}"
        )


EXAMPLES = {
    "style": "style=starrynight or style=none",
    "mode": "mode=fine or mode=default",
    "size": "size=768 or size=default",
    "who": "who=everyone or who=admins",
    "waiting": "waiting=10 or waiting=default",
    "topics": "topics=here or topics=all",
}


class Rooms:
    """Every room's settings, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, room: str) -> Room:
        kept = await self._store.setting(room, KEY)
        return msgspec.json.decode(kept, type=Room) if kept else Room()

    async def set(self, room: str, settings: Room) -> None:
        decided = settings != Room()
        await self._store.set_setting(room, KEY, msgspec.json.encode(settings).decode() if decided else None)

    async def remember(self, room: str, style: str) -> None:
        """Somebody has chosen a style here before the photo came."""
        await self._store.set_setting(room, CHOSEN, style)

    async def remembered(self, room: str) -> str | None:
        """The style that was chosen; it is for one order, with which `forget` goes along."""
        return await self._store.setting(room, CHOSEN)

    async def forget(self, room: str) -> None:
        """The style that was chosen has had its photo."""
        await self._store.set_setting(room, CHOSEN, None)
