"""Menus that are open: the gallery for somebody's photo, and what may follow an answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeVar

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Pictures
from bot.chat.discord.interactions.gallery import GalleryMenu, Suggestions
from bot.chat.discord.interactions.promises import Asked, asked_by
from bot.chat.discord.interactions.reply import Kind
from bot.chat.discord.interactions.taking import Taking
from bot.chat.discord.places import DiscordAddress
from bot.chat.discord.transport import DiscordTransport
from bot.core.errors import InvalidOrder
from bot.core.jobs import Job
from bot.core.messages import Accepted, Incoming, Reply
from bot.dialog.parse import Command, Name, parse
from bot.dialog.services import Services

K = TypeVar("K")
V = TypeVar("V")
MENUS_KEPT = 1000
OUTDATED = "This menu has expired. Open a new one: right-click the photo, Apps, Stylize; or write /styles."


class Menus:
    """Those that were used last."""

    def __init__(self, services: Services, transport: DiscordTransport, taking: Taking) -> None:
        self._services = services
        self._transport = transport
        self._taking = taking
        self._menus: OrderedDict[str, GalleryMenu | Suggestions] = OrderedDict()  # by their keys, the latest used last

    def keep(self, menu: GalleryMenu | Suggestions) -> None:
        keep(self._menus, menu.key, menu, MENUS_KEPT)

    async def press(self, interaction: discord.Interaction[Any], key: str, part: str) -> None:
        """Somebody used a part of the menu that has this key."""
        if key not in self._menus:
            raise InvalidOrder(OUTDATED)
        self.keep(self._menus[key])
        await self._menus[key].press(interaction, part)

    def gallery(
        self,
        incoming: Incoming,
        pictures: Pictures = NONE,
        more: Sequence[Pictures] = (),
        *,
        style: str = "",
        settings: str = "",
    ) -> GalleryMenu:
        """The gallery, to choose a style for the photo from, and for those that came with it, or only to look at."""

        async def paint(interaction: discord.Interaction[Any], words: str) -> Reply:
            # Where the bot is no member, only the interaction can carry the picture.
            kind: Kind = "public" if DiscordAddress.of(incoming.place).outside else "quiet"
            asked = asked_by(interaction, kind, Command(name=Name.STYLIZE, words=words), pictures)
            async with self._taking.promised(interaction, asked, more) as (reply, orders):
                answer, refused = await self._taking.take_all(orders)
                if not isinstance(answer, Accepted):
                    await reply.withdraw()
                    await self._transport.forget(asked.key)
            return refused or answer

        painting = paint if pictures.photo else None
        menu = GalleryMenu(self._services, incoming, painting, style=style, settings=settings)
        self.keep(menu)
        return menu

    async def order_look(self, asked: Asked, menu: GalleryMenu) -> None:
        """Have the photo painted in every style, small, for a menu to show; it is no matter if it cannot be."""
        if not self._services.commands.shows_soon(asked.incoming.user):
            return
        place = asked.incoming.place
        address = msgspec.structs.replace(DiscordAddress.of(place), look=menu.key)
        incoming = msgspec.structs.replace(
            asked.incoming,
            place=address.place(place.chat, place.room),
            idempotency_key=f"{asked.key}:look",
        )
        await self._taking.take(msgspec.structs.replace(asked, incoming=incoming, command=parse("/sheet")))

    async def looked(self, look: Job) -> None:
        """A sheet for a menu is painted; nobody waits for it where the menu is gone."""
        menu = self._menus.get(DiscordAddress.of(look.place).look)
        if isinstance(menu, GalleryMenu):
            await menu.show_look(look)


def keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """As the latest; the oldest goes where there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
