"""Interactions: an order or a question becomes a command, and its reply is shown. What is raised here is said to the
person by the client.

Discord never shows a slash command the message that it replies to, so there are four ways to order: a message's menu,
/stylize with a file, a reply that mentions the bot (see `messages`), and “Use this photo” before /stylize.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import discord
import msgspec

from bot.backoff import Backoff
from bot.chat.discord.attachments import Photo, Pictures, is_nsfw, photo_of
from bot.chat.discord.interactions.gallery import GalleryMenu
from bot.chat.discord.interactions.menus import Menus, keep
from bot.chat.discord.interactions.promises import Asked, Promises, asked_by
from bot.chat.discord.interactions.reply import (
    InteractionReply,
    WebhookReply,
    send_dm,
)
from bot.chat.discord.interactions.taking import Taking
from bot.chat.discord.places import check_age, check_interaction, incoming_of
from bot.chat.discord.transport import DiscordTransport
from bot.core.errors import InvalidOrder, InvalidRecipe, NotAllowed, Refusal
from bot.core.messages import Accepted, Line, Refused, Reply
from bot.dialog.parse import Command, Name, parse, parse_recipe
from bot.dialog.services import Services
from engine.recipe import MINE

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 180.0  # for which “Use this photo” counts
PHOTOS_KEPT = 1000  # not their bytes, but where they lie at Discord
KEPT = " Your photo is kept for three minutes: /stylize style: without a photo takes it."
HELP = (
    "To order a picture here:\n"
    "1. Right-click a photo (on a phone, hold it), **Apps**, **Stylize**, and choose; or **Every style**, which paints"
    " them all on it for you to choose from; or\n"
    "2. `/stylize style: photo:` with a photo of yours; or\n"
    "3. reply to a photo: `@{name} starrynight strength=80`; or\n"
    "4. right-click a photo, **Apps**, **Use this photo**, then `/stylize style:` within three minutes.\n"
    "Any picture can be the style: `/stylize style:mine photo: style_photo:`, or `@{name} mine` with both"
    " pictures.\n\n"
)


class Orders:
    """What people order, ask for and choose through interactions.

    Args:
        clock: seconds since the epoch.
        retry: the pauses while the bot is not open for orders.
    """

    def __init__(
        self,
        services: Services,
        transport: DiscordTransport,
        promises: Promises,
        clock: Callable[[], float],
        retry: Backoff | None = None,
    ) -> None:
        self.gallery = services.gallery
        self._services = services
        self._commands = services.commands
        self._max_photo = services.max_photo_bytes
        self._transport = transport
        self._promises = promises
        self._clock = clock
        self._taking = Taking(services, transport, promises, retry)
        self.menus = Menus(services, transport, self._taking, self._follow)
        self.take = self._taking.take
        self._remembered: OrderedDict[int, tuple[float, Photo]] = OrderedDict()  # by user, the latest last

    # --- slash commands ----------------------------------------------------------------------------------------------

    async def stylize(
        self,
        interaction: discord.Interaction[Any],
        words: str,
        file: discord.Attachment | None = None,
        style: discord.Attachment | None = None,
        more: Sequence[discord.Attachment | None] = (),
    ) -> None:
        """With files, or with the photo of “Use this photo”; ``words`` may begin with a command of the laboratory."""
        nsfw = is_nsfw(interaction.channel)
        file, *several = [each for each in (file, *more) if each] or (None,)
        command = parse(f"/{Name.STYLIZE} {words}" if not words.startswith("/") else words)
        remembered = self._remembered_photo(interaction.user.id) if command.takes.photo else None
        photo = Photo.of(file, nsfw=nsfw) if file else remembered
        pictures = Pictures(photo, Photo.of(style, nsfw=nsfw) if style else None)
        more_pictures = [pictures._replace(photo=Photo.of(each, nsfw=nsfw)) for each in several]
        if pictures.style and not command.style:
            command = msgspec.structs.replace(command, words=f"{MINE} {command.words}".strip())
        for each in (pictures, *more_pictures):
            self._check(each, command, interaction)
        asked = asked_by(interaction, "public", command, pictures)
        try:
            check_interaction(interaction)
            styled = command.style or command.takes.styles != "some"
            if styled:
                parse_recipe(command.words, self.gallery)
            orders = styled or (command.words and await self._style_of_room(interaction))
            if orders:
                await self._taking.check_limits(asked.incoming)
        except InvalidRecipe:
            await self._refuse(
                InteractionReply(interaction), asked, await self._commands.handle(asked.incoming, command)
            )
        except Refusal as error:
            await self._refuse(InteractionReply(interaction), asked, Refused(text=str(error)))
        else:
            if orders:
                await self._order(interaction, asked, more_pictures)
            else:
                await self._offer(interaction, pictures, command.words, more_pictures)

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
        check_age(incoming_of(interaction, pictures))

    async def repeat(self, interaction: discord.Interaction[Any], command: Command) -> None:
        """A command about an earlier picture."""
        check_interaction(interaction)
        asked = asked_by(interaction, "public", command)
        await self._taking.check_limits(asked.incoming)
        await self._order(interaction, asked)

    async def verify(
        self,
        interaction: discord.Interaction[Any],
        file: discord.Attachment,
        photo: discord.Attachment | None = None,
        style: discord.Attachment | None = None,
    ) -> None:
        """A picture of ours, painted once more: from the photo that is kept, or from one that comes along."""
        check_interaction(interaction)
        nsfw = is_nsfw(interaction.channel)
        pictures = Pictures(*(Photo.of(each, nsfw=nsfw) if each else None for each in (photo, style, file)))
        for picture in pictures.given:
            picture.check(self._max_photo)
        asked = asked_by(interaction, "public", Command(name=Name.VERIFY), pictures)
        check_age(asked.incoming)
        await self._taking.check_limits(asked.incoming)
        await self._order(interaction, asked)

    async def ask(
        self, interaction: discord.Interaction[Any], command: Command, *, topic: str = "", before: str = ""
    ) -> None:
        """A command whose answer only the person sees."""
        asked = asked_by(interaction, "private", topic=topic)
        async with self._promises.made(interaction, asked) as reply:
            answer = await self._commands.handle(asked.incoming, command)
            await reply.say(before + answer.text, **({} if reply.late else await self.suggestions(asked, answer)))

    async def help(self, interaction: discord.Interaction[Any]) -> None:
        await self.ask(interaction, Command(name=Name.HELP), before=_help(interaction))

    async def settings(self, interaction: discord.Interaction[Any], words: str, topic: str) -> None:
        # Discord hides the command from others, but the server's admins may have shown it to them.
        if words and not interaction.permissions.manage_guild:
            raise NotAllowed("Only members who may manage the server can change its settings.")
        await self.ask(interaction, Command(name=Name.SETTINGS, words=words), topic=topic)

    async def styles(self, interaction: discord.Interaction[Any], word: str) -> None:
        asked = asked_by(interaction, "private")
        async with self._promises.made(interaction, asked) as reply:
            menu = await self.menus.gallery(asked.incoming)
            if word:
                await menu.look_for(word)
            await self._open(reply, menu)

    # --- menus of a message ------------------------------------------------------------------------------------------

    async def choose(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """“Stylize”: a style is chosen from pictures."""
        check_interaction(interaction)
        await self._offer(interaction, Pictures(photo_of(message, self._max_photo)))

    async def every_style(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """“Every style”: a sheet of the photo, below it."""
        check_interaction(interaction)
        asked = asked_by(interaction, "public", parse("/sheet"), Pictures(photo_of(message, self._max_photo)))
        check_age(asked.incoming)
        await self._taking.check_limits(asked.incoming)
        await self._order(interaction, asked)

    async def remember(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """“Use this photo”: for the next /stylize."""
        self._remember(interaction.user.id, photo_of(message, self._max_photo))
        async with self._promises.made(interaction, asked_by(interaction, "private")) as reply:
            await reply.say("I will use that photo. Write /stylize style: within three minutes.")

    def _remember(self, user: int, photo: Photo) -> None:
        keep(self._remembered, user, (self._clock(), photo), PHOTOS_KEPT)

    # --- choosing a style --------------------------------------------------------------------------------------------

    async def _offer(
        self,
        interaction: discord.Interaction[Any],
        pictures: Pictures,
        settings: str = "",
        more: Sequence[Pictures] = (),
    ) -> None:
        asked = asked_by(interaction, "private", pictures=pictures)
        async with self._promises.made(interaction, asked) as reply:
            style = await self._style_of_room(interaction)
            menu = await self.menus.gallery(asked.incoming, pictures, more, style=style, settings=settings)
            await self._open(reply, menu)
            await self.menus.order_look(asked, menu)

    async def _style_of_room(self, interaction: discord.Interaction[Any]) -> str:
        """The style of orders that name none there, if it is decided."""
        room = await self._services.studio.rooms.get(incoming_of(interaction).place.room)
        return room.style or ""

    async def suggestions(self, asked: Asked, answer: Reply) -> dict[str, Any]:
        """What may follow an answer, or have been meant, as buttons beside it; nothing where there is none."""
        menu = await self.menus.suggestions(asked.incoming.user, answer, asked.pictures)
        return {"view": menu.view} if menu else {}

    async def _follow(self, interaction: discord.Interaction[Any], line: Line, pictures: Pictures) -> bool:
        """Do what a suggestion says; whether it was an order that was taken."""
        command = parse(line.text)
        if command.name is Name.STYLES:
            await self.styles(interaction, command.words)
        elif line.picture != "same":
            await self.ask(interaction, command)
        if command.name is Name.STYLES or line.picture != "same":
            return False
        await self._taking.check_limits(incoming_of(interaction))
        return await self._order(interaction, asked_by(interaction, "public", command, pictures))

    async def _open(self, reply: InteractionReply, menu: GalleryMenu) -> None:
        if reply.late:
            await reply.say("I was too slow for Discord. Please do that again.")
            return
        await menu.show_in(reply.interaction)

    # --- orders ------------------------------------------------------------------------------------------------------

    async def _order(self, interaction: discord.Interaction[Any], asked: Asked, more: Sequence[Pictures] = ()) -> bool:
        """Whether it was taken."""
        taken = False
        async with self._taking.promised(interaction, asked, more) as (reply, orders):
            taken = await self._carry_out_all(orders, reply)
        return taken

    async def carry_out(self, asked: Asked, reply: WebhookReply) -> bool:
        """Take an order; False where it is refused, and what is wrong with it is said."""
        return await self._carry_out_all([asked], reply)

    async def _carry_out_all(self, orders: Sequence[Asked], reply: WebhookReply) -> bool:
        """Take them; False where the first is refused, which is to be the answer that all were promised."""
        answer, refused = await self._taking.take_all(orders)
        if isinstance(answer, Accepted):
            if refused:  # beside the answer, in whose place a message for the person alone would come
                await send_dm(reply.client, orders[0].user, refused.text)
            return True
        await self._refuse(reply, orders[0], refused or answer)
        await self._transport.forget(orders[0].key)
        return False

    async def _refuse(self, reply: WebhookReply, asked: Asked, answer: Reply) -> None:
        """Tell the person alone. Their photo is not to be sent again for a slip of the pen."""
        text, photo = answer.text, asked.pictures.photo
        if photo is not None and not photo.reply and asked.command is not None and asked.command.takes.photo:
            self._remember(asked.user, photo)
            text += KEPT
        await reply.say(text, **({} if reply.late else await self.suggestions(asked, answer)))

    async def was_taken(self, key: str) -> bool:
        """Whether a job has become of what has this key."""
        return await self._services.store.job_by_key(key) is not None

    def lacks_style(self, command: Command) -> bool:
        """Whether a message says nothing of what to do with its photos."""
        return command.name is Name.PLAIN and not self._commands.names_style(command)


def _help(interaction: discord.Interaction[Any]) -> str:
    """The ways to order, with the bot's own name."""
    return HELP.format(name=interaction.client.user.display_name)
