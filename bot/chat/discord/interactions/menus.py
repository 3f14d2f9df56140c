"""Menus that are open: the gallery for somebody's photo, and what may follow an answer."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, TypeVar

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Pictures
from bot.chat.discord.interactions.gallery import GalleryMenu, GalleryState, everything
from bot.chat.discord.interactions.promises import Asked, asked_by
from bot.chat.discord.interactions.reply import Kind
from bot.chat.discord.interactions.suggestions import Follow, Suggestions, SuggestionsState, lines_of
from bot.chat.discord.interactions.taking import Taking
from bot.chat.discord.places import DiscordAddress
from bot.chat.discord.transport import DiscordTransport
from bot.core.errors import InvalidOrder, StoreError
from bot.core.jobs import Job
from bot.core.messages import Accepted, Incoming, Reply
from bot.dialog.parse import Command, Name, parse
from bot.dialog.services import Services

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")
State = GalleryState | SuggestionsState
STATES: msgspec.json.Decoder[State] = msgspec.json.Decoder(State)
MENUS_KEPT = 200  # in memory
OUTDATED = "This menu has expired. Open a new one: right-click the photo, Apps, Stylize; or write /styles."


class Menus:
    """All are in the journal, where they outlive the bot; those that were used last are in memory, too.

    Args:
        follow: does what a suggestion says.
    """

    def __init__(self, services: Services, transport: DiscordTransport, taking: Taking, follow: Follow) -> None:
        self._services = services
        self._transport = transport
        self._taking = taking
        self._follow = follow
        self._menus: OrderedDict[str, GalleryMenu | Suggestions] = OrderedDict()  # by their keys, the latest used last

    async def gallery(
        self,
        incoming: Incoming,
        pictures: Pictures = NONE,
        more: Sequence[Pictures] = (),
        *,
        style: str = "",
        settings: str = "",
    ) -> GalleryMenu:
        """The gallery, to choose a style for the photo from, and for those that came with it, or only to look at.

        Args:
            style: what is chosen already, as in a recipe.
            settings: what was given besides the style.
        """
        state = GalleryState(
            incoming=msgspec.structs.replace(incoming, photo=None, style=None),
            pictures=pictures,
            more=tuple(more),
            view=everything(self._services.gallery),
            style=style,
            settings={name.lower(): value for name, _, value in (word.partition("=") for word in settings.split())},
        )
        menu = GalleryMenu(self._services, secrets.token_hex(8), state, self._paint, self._keep)
        keep(self._menus, menu.key, menu, MENUS_KEPT)
        await self._keep(menu.key, state)
        return menu

    async def suggestions(self, user: str, answer: Reply, pictures: Pictures) -> Suggestions | None:
        """What may follow an answer, or have been meant, if there is such a thing."""
        lines = lines_of(answer)
        if not lines:
            return None
        state = SuggestionsState(user=user, lines=lines, pictures=pictures)
        menu = Suggestions(secrets.token_hex(8), state, self._follow, self._keep)
        keep(self._menus, menu.key, menu, MENUS_KEPT)
        await self._keep(menu.key, state)
        return menu

    async def press(self, interaction: discord.Interaction[Any], key: str, part: str) -> None:
        """Somebody used a part of the menu that has this key."""
        menu = await self._find(key)
        if menu is None:
            raise InvalidOrder(OUTDATED)
        await menu.press(interaction, part)

    def _menu(self, key: str, state: State) -> GalleryMenu | Suggestions:
        if isinstance(state, GalleryState):
            return GalleryMenu(self._services, key, state, self._paint, self._keep)
        return Suggestions(key, state, self._follow, self._keep)

    async def _find(self, key: str) -> GalleryMenu | Suggestions | None:
        """The menu, unless the journal has let it go."""
        kept = await self._services.store.menu(key)
        if kept is None:
            self._menus.pop(key, None)
            return None
        if key not in self._menus:
            try:
                state = STATES.decode(kept)
            except msgspec.MsgspecError:  # another version wrote it
                return None
            self._menus[key] = self._menu(key, state)
        keep(self._menus, key, self._menus[key], MENUS_KEPT)
        return self._menus[key]

    async def _keep(self, key: str, state: State) -> None:
        try:
            await self._services.store.set_menu(key, state.user, msgspec.json.encode(state))
        except StoreError as error:
            log.warning("a menu cannot be kept: %s", error)

    async def _paint(self, interaction: discord.Interaction[Any], state: GalleryState) -> Reply | None:
        """See `gallery.Paint`."""
        # Where the bot is no member, only the interaction can carry the picture.
        kind: Kind = "public" if DiscordAddress.of(state.incoming.place).outside else "quiet"
        asked = asked_by(interaction, kind, Command(name=Name.STYLIZE, words=state.recipe), state.pictures)
        said = None
        async with self._taking.promised(interaction, asked, state.more) as (reply, orders):
            answer, refused = await self._taking.take_all(orders)
            if not isinstance(answer, Accepted):
                await reply.withdraw()
                await self._transport.forget(asked.key)
            said = refused or answer
        return said

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
        menu = await self._find(DiscordAddress.of(look.place).look)
        if isinstance(menu, GalleryMenu):
            await menu.show_look(look)


def keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """As the latest; the oldest goes where there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
