"""What the admins of a room have decided about its orders; kept in the journal."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.core.errors import InvalidOrder, LimitReached, NotAllowed
from bot.core.journal.store import Store
from bot.core.messages import Incoming
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import Mode, Recipe, RecipeError

SETTINGS_KEY = "room"  # under which the store keeps a room's settings


class RoomSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of a room; what is None or empty is not decided."""

    style: str | None = None  # of orders that name none, as in a recipe line
    mode: Mode | None = None  # of orders that name none
    size: int | None = None  # pixels; the largest that an order may name here
    who: Literal["everyone", "admins"] = "everyone"
    waiting: int | None = None  # pictures of this room that may wait or be painted at once
    topics: tuple[str, ...] = ()  # the topics or channels in which orders are taken; empty is all

    def check_access(self, incoming: Incoming) -> None:
        """Whether this person may order here.

        Raises:
            NotAllowed
        """
        if self.who == "admins" and not incoming.admin:
            raise NotAllowed("Only admins may order pictures here. Write to me in private instead.")
        if self.topics and incoming.topic not in self.topics:
            raise NotAllowed(
                "Pictures cannot be ordered in this part of the group. Ask in a part where they can, or in private."
            )

    def check_waiting(self, waiting: int) -> None:
        """Refuse one more order where so many pictures of the room are waiting.

        Raises:
            LimitReached
        """
        if self.waiting is not None and waiting >= self.waiting:
            many = f"{waiting} pictures of this room are" if waiting != 1 else "1 picture of this room is"
            raise LimitReached(
                f"{many} waiting, and its limit is {self.waiting}. Wait for {'one of them' if waiting > 1 else 'it'}."
            )

    def most(self, size: int) -> int:
        """A size in pixels, or what the room allows if that is less."""
        return size if self.size is None else min(size, self.size)

    def fill(self, recipe: Recipe, gallery: Gallery) -> Recipe:
        """The recipe with the room's mode where it has none.

        Raises:
            InvalidOrder: it names a size that the room does not allow.
        """
        if self.size is not None and recipe.size is not None and recipe.size > self.size:
            raise InvalidOrder(
                f"size={recipe.size} is too large in this room: its limit is {self.size} pixels. Try size={self.size}."
            )
        if self.mode is not None and recipe.mode is None:
            with_mode = msgspec.structs.replace(recipe, mode=self.mode)
            try:
                recipes.check(with_mode, gallery)
            except RecipeError:  # other settings of the recipe need another mode, and they were asked for
                return recipe
            return with_mode
        return recipe


class RoomSettingsStore:
    """Every room's settings, in the journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, room: str) -> RoomSettings:
        kept = await self._store.setting(room, SETTINGS_KEY)
        return msgspec.json.decode(kept, type=RoomSettings) if kept else RoomSettings()

    async def set(self, room: str, settings: RoomSettings) -> None:
        decided = settings != RoomSettings()
        await self._store.set_setting(room, SETTINGS_KEY, msgspec.json.encode(settings).decode() if decided else None)
