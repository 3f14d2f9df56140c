"""Interactions: an order or a question becomes a command, and its reply is shown. What is raised here is said to the
person by the client.

Discord never shows a slash command the message that it replies to, so there are four ways to order: a message's menu,
/stylize with a file, a reply that mentions the bot (see `messages`), and “Use this photo” before /stylize.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import discord
import msgspec

from bot.chat.discord.attachments import NONE, Photo, Pictures, is_nsfw, photo_of
from bot.chat.discord.gallery import GalleryMenu
from bot.chat.discord.interaction_reply import InteractionReply
from bot.chat.discord.places import DiscordAddress, check_age, check_interaction, incoming_of
from bot.chat.discord.transport import DiscordTransport, FollowUp
from bot.core.errors import InvalidOrder, NotAllowed, Refusal, sentence
from bot.core.messages import Accepted, Incoming, Refused, Reply
from bot.dialog.parse import Command, Name, parse, parse_recipe
from bot.dialog.services import Services
from engine.recipe import MINE

K = TypeVar("K")
V = TypeVar("V")
log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 180.0  # for which “Use this photo” counts
PHOTOS_KEPT, MENUS_KEPT = 1000, 1000
OUTDATED = "This menu has expired. Open a new one: right-click the photo, Apps, Stylize; or write /styles."
HELP = (
    "To order a picture here:\n"
    "1. Right-click a photo (on a phone, hold it), **Apps**, **Stylize**, and choose; or\n"
    "2. `/stylize style: photo:` with a photo of yours; or\n"
    "3. right-click a photo, **Apps**, **Use this photo**, then `/stylize style:` within three minutes{reply}.\n"
    "Any picture can be the style: `/stylize style:mine photo: style_photo:`, or `@{name} mine` with both"
    " pictures.\n\n"
)
REPLY = "; or\n4. reply to a photo: `@{name} starrynight strength=80`"  # whose photo Discord shows to few bots


class Orders:
    """What people order, ask for and choose through interactions.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, services: Services, transport: DiscordTransport, clock: Callable[[], float]) -> None:
        self.gallery = services.gallery
        self._services = services
        self._commands = services.commands
        self._max_photo = services.max_photo_bytes
        self._transport = transport
        self._clock = clock
        self._remembered: OrderedDict[int, tuple[float, Photo]] = OrderedDict()  # by user, the latest last
        self._menus: OrderedDict[str, GalleryMenu] = OrderedDict()  # by their keys, the latest used last

    # --- slash commands ----------------------------------------------------------------------------------------------

    async def stylize(
        self,
        interaction: discord.Interaction[Any],
        words: str,
        file: discord.Attachment | None = None,
        style: discord.Attachment | None = None,
    ) -> None:
        """With a file, or with the photo of “Use this photo”; ``words`` may begin with a command of the laboratory."""
        nsfw = is_nsfw(interaction.channel)
        command = parse(f"/{Name.STYLIZE} {words}" if not words.startswith("/") else words)
        remembered = self._remembered_photo(interaction.user.id) if command.takes.photo else None
        pictures = Pictures(Photo(file, nsfw) if file else remembered, Photo(style, nsfw) if style else None)
        if pictures.style and not command.style:
            command = msgspec.structs.replace(command, words=f"{MINE} {command.words}".strip())
        # What can be known without waiting is refused in private; after the acknowledgement all see it.
        check_interaction(interaction)
        self._check(pictures, command, interaction)
        styled = command.style or command.takes.styles != "some"
        if styled:
            parse_recipe(command.words, self.gallery)
        if styled or (command.words and await self._style_of_room(interaction)):
            await self._order(interaction, command, pictures)
        else:
            await self._offer(interaction, pictures, settings=command.words)

    def _remembered_photo(self, user: int) -> Photo | None:
        at, photo = self._remembered.get(user, (-REMEMBERED_SECONDS, None))
        return photo if self._clock() - at < REMEMBERED_SECONDS else None

    def _check(self, pictures: Pictures, command: Command, interaction: discord.Interaction[Any]) -> None:
        if pictures.photo is None and command.takes.photo:
            raise InvalidOrder(f"Which photo? {_help(interaction)}")
        if command.names_mine and pictures.style is None:
            raise InvalidOrder("Which picture is the style? Add it as style_photo: to the same command.")
        for picture in pictures.given:
            picture.check(self._max_photo)
        check_age(pictures, interaction.channel)

    async def again(self, interaction: discord.Interaction[Any], changes: str) -> None:
        check_interaction(interaction)
        await self._order(interaction, Command(name=Name.AGAIN, words=changes), NONE)

    async def retry(self, interaction: discord.Interaction[Any], picture: str) -> None:
        check_interaction(interaction)
        await self._order(interaction, Command(name=Name.RETRY, words=picture), NONE)

    async def explain(self, interaction: discord.Interaction[Any]) -> None:
        check_interaction(interaction)
        await self._order(interaction, Command(name=Name.EXPLAIN), NONE)

    async def ask(
        self, interaction: discord.Interaction[Any], command: Command, *, topic: str = "", before: str = ""
    ) -> None:
        """A command whose answer only the person sees."""
        reply = InteractionReply(interaction)
        await reply.acknowledge("private")
        answer = await self._commands.handle(incoming_of(interaction, topic=topic), command)
        await reply.say(before + answer.text)

    async def help(self, interaction: discord.Interaction[Any]) -> None:
        await self.ask(interaction, Command(name=Name.HELP), before=_help(interaction))

    async def settings(self, interaction: discord.Interaction[Any], words: str, topic: str) -> None:
        # Discord hides the command from others, but the server's admins may have shown it to them.
        if words and not interaction.permissions.manage_guild:
            raise NotAllowed("Only members who may manage the server can change its settings.")
        await self.ask(interaction, Command(name=Name.SETTINGS, words=words), topic=topic)

    async def styles(self, interaction: discord.Interaction[Any], word: str) -> None:
        reply = InteractionReply(interaction)
        await reply.acknowledge("private")
        menu = self.menu(incoming_of(interaction))
        if word:
            await menu.look_for(word)
        await self._open(reply, menu)

    # --- menus of a message ------------------------------------------------------------------------------------------

    async def choose(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """“Stylize”: a style is chosen from pictures."""
        check_interaction(interaction)
        await self._offer(interaction, Pictures(photo_of(message, self._max_photo)))

    async def remember(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """“Use this photo”: for the next /stylize."""
        _keep(self._remembered, interaction.user.id, (self._clock(), photo_of(message, self._max_photo)), PHOTOS_KEPT)
        reply = InteractionReply(interaction)
        await reply.acknowledge("private")
        await reply.say("I will use that photo. Write /stylize style: within three minutes.")

    # --- choosing a style --------------------------------------------------------------------------------------------

    async def _offer(self, interaction: discord.Interaction[Any], pictures: Pictures, *, settings: str = "") -> None:
        reply = InteractionReply(interaction)
        await reply.acknowledge("private")
        style = await self._style_of_room(interaction)
        menu = self.menu(incoming_of(interaction), pictures, style=style, settings=settings)
        await self._open(reply, menu)

    async def _style_of_room(self, interaction: discord.Interaction[Any]) -> str:
        """The style of orders that name none there, if it is decided."""
        room = await self._services.studio.rooms.get(incoming_of(interaction).place.room)
        return room.style or ""

    def menu(
        self, incoming: Incoming, pictures: Pictures = NONE, *, style: str = "", settings: str = ""
    ) -> GalleryMenu:
        """The gallery, to choose a style for the photo from, or only to look at."""

        async def paint(press: InteractionReply, words: str) -> str:
            return (await self._take(press, Command(name=Name.STYLIZE, words=words), pictures, original=False)).text

        painting = paint if pictures.photo else None
        menu = GalleryMenu(self._services, incoming, painting, style=style, settings=settings)
        _keep(self._menus, menu.key, menu, MENUS_KEPT)
        return menu

    async def _open(self, reply: InteractionReply, menu: GalleryMenu) -> None:
        if reply.late:
            await reply.say("I was too slow for Discord. Please do that again.")
            return
        await menu.show_in(reply.interaction)

    async def press(self, interaction: discord.Interaction[Any], key: str, part: str) -> None:
        """Somebody used a part of the menu that has this key."""
        if key not in self._menus:
            raise InvalidOrder(OUTDATED)
        _keep(self._menus, key, self._menus[key], MENUS_KEPT)
        await self._menus[key].press(interaction, part)

    # --- orders ------------------------------------------------------------------------------------------------------

    async def _order(self, interaction: discord.Interaction[Any], command: Command, pictures: Pictures) -> None:
        reply = InteractionReply(interaction)
        await reply.acknowledge("public")
        answer = await self._take(reply, command, pictures, original=True)
        if not isinstance(answer, Accepted):
            await reply.say(answer.text)

    async def _take(self, reply: InteractionReply, command: Command, pictures: Pictures, *, original: bool) -> Reply:
        """Hand an order over; never raises. Where an interaction's message cannot carry the answer, the channel does.

        Args:
            original: whether the deferred answer to the interaction becomes the message of the job.
        """
        incoming = incoming_of(reply.interaction, pictures)
        key = incoming.idempotency_key
        answer: Reply
        try:
            check_age(pictures, reply.interaction.channel)
            photo, style = await pictures.read(self._max_photo)
            # From the menu of a message the answer is a reply to that message, which only the channel can carry.
            if not reply.late and (original or DiscordAddress.of(incoming.place).outside):
                self._transport.answer_by(key, FollowUp(reply.interaction, original))
            answer = await self._commands.handle(msgspec.structs.replace(incoming, photo=photo, style=style), command)
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("an order could not be taken")
            answer = Refused(text=sentence(error))
        if not isinstance(answer, Accepted):
            self._transport.forget(key)
        return answer


def _keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """As the latest; the oldest goes where there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


def _help(interaction: discord.Interaction[Any]) -> str:
    """The ways to order, with the bot's own name."""
    client, name = interaction.client, interaction.client.user.display_name
    return HELP.format(name=name, reply=REPLY.format(name=name) if client.intents.message_content else "")
