"""Discord as a chat.

Discord never shows a slash command the message that it replies to, so there are four ways to order, which all end in
`_take`: a message's menu, ``/stylize`` with a file, a reply that mentions the bot, and “Use this photo” before
``/stylize``. Only this file and those beside it that begin with its name import discord.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import discord
import msgspec
from discord import ui

from bot.backoff import Backoff
from bot.chat.discord.attachments import HIDDEN, NONE, Pair, Photo, Remembered, all_of_message, is_nsfw, of_message
from bot.chat.discord.commands import Translator, Tree, fingerprint, register_commands
from bot.chat.discord.gallery import OUTDATED, GalleryView
from bot.chat.discord.interaction_reply import InteractionReply, send_dm
from bot.chat.discord.job_messages import FollowUp, JobMessages
from bot.chat.discord.places import (
    AGE,
    NAME,
    address_of,
    check_age,
    check_permissions,
    incoming_of,
    is_outside,
    room_of,
    topic_of,
)
from bot.config import Discord
from bot.core.errors import InvalidOrder, NotAllowed, Refusal, sentence
from bot.core.jobs import Job, Place
from bot.core.journal.store import Store
from bot.core.messages import Incoming, Reply, Result, Status
from bot.core.rooms import Rooms
from bot.dialog.buttons import Action, Actions, Press, buttons
from bot.dialog.commands import ALIASES, COMMANDS, Commands, names_mine
from bot.dialog.gallery import Sheets
from bot.health import Health
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import MINE, RecipeError

log = logging.getLogger(__name__)

SYNC_ROOM, SYNC_KEY = "discord", "commands"  # where the store has the fingerprint of what Discord was told
BAD_TOKEN = 4004  # close code
RETRY = Backoff(first=5.0, longest=300.0)
HELP = (
    "To order a picture here:\n"
    "1. Right-click a photo (on a phone, hold it), **Apps**, **Stylize**, and choose; or\n"
    "2. `/stylize style: photo:` with a photo of yours; or\n"
    "3. reply to a photo: `@{name} starrynight strength=80`; or\n"
    "4. right-click a photo, **Apps**, **Use this photo**, then `/stylize style:` within three minutes.\n"
    "Any picture can be the style: `/stylize style:mine photo: style_photo:`, or `@{name} mine` with both"
    " pictures.\n\n"
)


class ActionButton(ui.DynamicItem[ui.Button[Any]], template=r"do:(?P<data>[a-z0-9]{8}:[a-z])"):
    """A button under a picture; its id says all, so it works after a restart too."""

    def __init__(self, data: str, label: str) -> None:
        style = discord.ButtonStyle.danger if data.endswith(f":{Action.DELETE}") else discord.ButtonStyle.secondary
        super().__init__(ui.Button(label=label, custom_id=f"do:{data}", style=style))
        self.data = data

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> ActionButton:
        return cls(match["data"], getattr(item, "label", None) or "")

    async def callback(self, interaction: discord.Interaction) -> None:
        assert isinstance(interaction.client, Client)
        await interaction.client.chat.press(interaction, self.data)


class Client(discord.Client):
    """One connection to Discord."""

    def __init__(self, chat: DiscordChat, *, message_content: bool) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = message_content
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
        )
        self.chat = chat
        self.tree = Tree(self)

    async def setup_hook(self) -> None:
        await self.chat.logged_in(self)

    async def on_ready(self) -> None:
        log.info("Discord knows me as %s, in %d servers", self.user, len(self.guilds))

    async def on_message(self, message: discord.Message) -> None:
        await self.chat.on_message(message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        await self.chat.check_menu(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("%s could not be handled", event_method)


class DiscordChat:
    """A Chat on Discord.

    Args:
        clock: seconds since the epoch.
    """

    name = NAME
    pause = 3.0  # seconds between two edits of a message

    def __init__(
        self,
        config: Discord,
        commands: Commands,
        actions: Actions,
        store: Store,
        gallery: Gallery,
        health: Health,
        *,
        max_photo_bytes: int = 20 * 2**20,
        clock: Callable[[], float] = time.time,
        retry: Backoff = RETRY,
    ) -> None:
        self.trouble = "not connected yet"  # why there is no connection, as a sentence; nothing where there is one
        self._config = config
        self._commands = commands
        self._actions = actions
        self._store = store
        self._gallery = gallery
        self._max_photo = max_photo_bytes
        self._clock = clock
        self._retry = retry
        self._posts = JobMessages(store, _view, clock)
        self._remembered = Remembered()
        self._menus: dict[str, GalleryView] = {}
        self._sheets = Sheets()
        self._up = asyncio.Event()
        health.gauge("discord_connected", "Whether Discord has let the bot in.", lambda: float(self._up.is_set()))

    # --- the connection ----------------------------------------------------------------------------------------------

    def client(self, *, message_content: bool = False) -> Client:
        """A client with every command, not yet connected."""
        client = Client(self, message_content=message_content)
        register_commands(client.tree, self, self._gallery)
        client.add_dynamic_items(ActionButton)
        return client

    async def run(self) -> None:
        """Stay connected until cancelled. Returns, having said why, where Discord will not have this bot at all."""
        message_content = self._config.message_content
        pauses = iter(self._retry)
        while True:
            client = self.client(message_content=message_content)
            try:
                async with client:
                    await client.start(self._config.token.reveal())
                self._lost("Discord has closed the connection.")
            except discord.PrivilegedIntentsRequired:
                self._lost(
                    "Discord does not grant the message-content intent that discord.message_content asks for: switch"
                    " it on in the developer portal, under Bot. Until then I do without; mentions and menus work."
                )
                message_content = False
                continue
            except discord.LoginFailure:
                self._refused()
                return
            except discord.ConnectionClosed as error:
                if error.code == BAD_TOKEN:
                    self._refused()
                    return
                self._lost(f"Discord has closed the connection ({error.code}).")
            except Exception as error:  # whatever the network may do; the others go on meanwhile
                self._lost(f"Discord cannot be reached: {error!r}.")
            finally:
                self._up.clear()
                self._posts.client = None
            await asyncio.sleep(next(pauses))

    def _refused(self) -> None:
        self._lost(
            "Discord does not accept discord.token, so I am not on Discord. Copy the token from the developer portal"
            " again (Bot, Reset Token), and restart me. Everything else goes on."
        )

    def _lost(self, why: str) -> None:
        self.trouble = why
        log.error("%s", why)

    async def logged_in(self, client: Client) -> None:
        """REST works from here on."""
        self._posts.client = client
        await client.tree.set_translator(Translator())
        try:
            await self._sync(client.tree)
        except discord.HTTPException as error:
            log.error("Discord did not take the commands, so they are as they were: %s", error)
        self.trouble = ""
        self._up.set()

    async def _sync(self, tree: Tree) -> None:
        """Tell Discord of the commands, if they are not as it was told last."""
        now = f"{tree.client.application_id}:{await fingerprint(tree)}"
        if await self._store.setting(SYNC_ROOM, SYNC_KEY) != now:
            await tree.sync()
            await self._store.set_setting(SYNC_ROOM, SYNC_KEY, now)
            log.info("Discord has been told of the commands")

    # --- the Chat ----------------------------------------------------------------------------------------------------

    async def turn(self, job: Job, status: Status) -> None:
        await self._posts.turn(job, status, self.pause)

    async def show(self, job: Job, status: Status) -> None:
        await self._up.wait()
        await self._posts.show(job, status)

    async def deliver(self, job: Job, result: Result) -> None:
        await self._up.wait()
        await self._posts.deliver(job, result)

    async def tell(self, job: Job, text: str) -> None:
        await self._up.wait()
        await self._posts.tell(job, text)

    # --- slash commands ----------------------------------------------------------------------------------------------

    async def stylize(
        self,
        interaction: discord.Interaction,
        text: str,
        file: discord.Attachment | None,
        style: discord.Attachment | None,
    ) -> None:
        """Way 2, and way 4 where there is no file."""
        turn = InteractionReply(interaction)
        pair = Pair(self._photo(interaction, file), Photo.given(style, interaction.channel))
        if pair.style and all("=" in word for word in text.split()):
            text = f"{MINE} {text}".strip()
        try:
            # What can be known without waiting is refused in private; after the acknowledgement all see it.
            self._may(interaction)
            self._check(pair, text)
            check_age(pair, interaction.channel)
            named = any("=" not in word for word in text.split())
            if named:
                recipes.parse(text, self._gallery)
        except (Refusal, RecipeError) as error:
            await turn.refuse(str(error))
            return
        if not text or not (named or await self._style_here(interaction)):
            await self._offer(turn, pair, settings=text)
        elif await turn.acknowledge("public"):
            await self._order(turn, f"/stylize {text}", pair, original=True)

    def _check(self, pair: Pair, text: str) -> None:
        if pair.photo is None:
            raise InvalidOrder(f"Which photo? {self._how()}")
        if names_mine(text) and pair.style is None:
            raise InvalidOrder("Which picture is the style? Add it as style_photo: to the same command.")
        for picture in pair:
            if picture is not None:
                picture.check(self._max_photo)

    async def again(self, interaction: discord.Interaction, changes: str) -> None:
        turn = InteractionReply(interaction)
        try:
            self._may(interaction)
        except Refusal as error:
            await turn.refuse(str(error))
            return
        if await turn.acknowledge("public"):
            await self._order(turn, f"/again {changes}", NONE, original=True)

    async def ask(self, interaction: discord.Interaction, text: str, *, topic: str = "", before: str = "") -> None:
        """A command whose answer only the person sees."""
        turn = InteractionReply(interaction)
        if not await turn.acknowledge("private"):
            return
        try:
            reply = await self._commands.handle(incoming_of(interaction, text, topic=topic))
            await turn.say(before + reply.text)
        except Exception as error:
            await turn.fail(error)

    async def help(self, interaction: discord.Interaction) -> None:
        await self.ask(interaction, "/help", before=self._how())

    def _how(self) -> str:
        client = self._posts.client
        return HELP.format(name=client.user.display_name if client and client.user else "Impasto")

    async def settings(self, interaction: discord.Interaction, words: str, topic: str) -> None:
        # Discord hides the command from others, but the server's admins may have shown it to them.
        if words and not interaction.permissions.manage_guild:
            await InteractionReply(interaction).refuse(
                "Only members who may manage the server can change what holds here."
            )
            return
        await self.ask(interaction, f"/settings {words}", topic=topic)

    async def styles(self, interaction: discord.Interaction, word: str = "") -> None:
        turn = InteractionReply(interaction)
        if await turn.acknowledge("private"):
            asked = incoming_of(interaction, f"/styles {word}")
            menu = self._menu(asked, interaction.user.id)
            if word:
                menu.show(await self._commands.handle(asked))
            await self._open(turn, menu)

    # --- menus of a message ------------------------------------------------------------------------------------------

    async def choose(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Way 1: a style is chosen from pictures."""
        turn = InteractionReply(interaction)
        photo = of_message(message)
        try:
            self._may(interaction)
            if photo is None:
                raise InvalidOrder("There is no photo in that message. Choose one that has.")
            photo.check(self._max_photo)
        except Refusal as error:
            await turn.refuse(str(error))
            return
        await self._offer(turn, Pair(photo))

    async def remember(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Way 4, its first half."""
        turn = InteractionReply(interaction)
        if not await turn.acknowledge("private"):
            return
        photo = of_message(message)
        try:
            if photo is None:
                raise InvalidOrder("There is no photo in that message. Choose one that has.")
            photo.check(self._max_photo)
        except Refusal as error:
            await turn.refuse(str(error))
            return
        self._remembered.put(interaction.user.id, photo, self._clock())
        await turn.say("I have it in mind. Write /stylize style: within three minutes.")

    async def _offer(self, turn: InteractionReply, pair: Pair, *, settings: str = "") -> None:
        if await turn.acknowledge("private"):
            interaction = turn.interaction
            style = await self._style_here(interaction)
            incoming = incoming_of(interaction, "")
            await self._open(turn, self._menu(incoming, interaction.user.id, pair, style=style, settings=settings))

    async def _style_here(self, interaction: discord.Interaction) -> str:
        """The style of orders that name none there, if it is decided."""
        room = await Rooms(self._store).get(incoming_of(interaction, "").place.room)
        return room.style or ""

    def _menu(
        self, asked: Incoming, user: int, pair: Pair = NONE, *, style: str = "", settings: str = ""
    ) -> GalleryView:
        """The gallery, to choose a style for the photo from, or only to look at."""

        async def look(word: str) -> Reply:
            return await self._commands.handle(msgspec.structs.replace(asked, text=f"/styles {word}"))

        async def paint(pressed: InteractionReply, words: str) -> str:
            reply = await self._take(pressed, f"/stylize {words}", pair, original=False)
            return reply.text

        choose = paint if pair.photo else None
        return GalleryView(
            self._gallery, self._sheets, look, self._menus, choose, user=user, style=style, settings=settings
        )

    async def _open(self, turn: InteractionReply, menu: GalleryView) -> None:
        if turn.late:
            await turn.say("I was too slow for Discord just now. Please do that again.")
            return
        try:
            await turn.interaction.edit_original_response(view=menu, attachments=await menu.draw())
        except Exception as error:
            await turn.fail(error)

    async def check_menu(self, interaction: discord.Interaction) -> None:
        """Answer for menus that this process knows nothing of."""
        data: Mapping[str, Any] = interaction.data or {}
        found = re.match(r"menu:(\w+):", str(data.get("custom_id", "")))
        if found and found[1] not in self._menus and not interaction.response.is_done():
            await InteractionReply(interaction).refuse(OUTDATED)

    # --- buttons -----------------------------------------------------------------------------------------------------

    async def press(self, interaction: discord.Interaction, data: str) -> None:
        """A button under a picture."""
        turn = InteractionReply(interaction)
        if not await turn.acknowledge("quiet"):
            return
        try:
            await self._press(turn, data)
        except Exception as error:
            await turn.fail(error)

    async def _press(self, turn: InteractionReply, data: str) -> None:
        interaction = turn.interaction
        old = await self._store.job(data.partition(":")[0])
        incoming = incoming_of(interaction, "")
        address = dict(incoming.place.address)
        if interaction.message is not None and interaction.message.flags.value & 64 == 0:
            address["reply"] = interaction.message.id
        if old is not None:
            address |= {key: old.place.address[key] for key in ("spoiler", "nsfw") if key in old.place.address}
        place = Place(self.name, incoming.place.room, address)
        key = f"discord:{interaction.id}"
        if not turn.late:
            self._posts.voices[key] = FollowUp(interaction, original=False)
        admin = incoming.admin or interaction.permissions.manage_messages
        press = Press(
            data=data, user=incoming.user, admin=admin, topic=incoming.topic, place=place, idempotency_key=key
        )
        pressed = await self._actions.press(press)
        if pressed.job is None:
            self._posts.voices.pop(key, None)
        if pressed.file is not None:
            await self._hand_over(turn, pressed.file.name, pressed.file.data, bool(address.get("spoiler")))
        elif pressed.delete:
            await self._delete(turn)
        elif pressed.job is None:
            await turn.refuse(pressed.text)

    async def _hand_over(self, turn: InteractionReply, name: str, data: bytes, spoiler: bool) -> None:
        limit = turn.interaction.filesize_limit
        if len(data) > limit:
            await turn.refuse(
                f"The file has {len(data) / 2**20:.3g} MB, and files may have {limit / 2**20:.3g} MB here. Order it"
                " with a smaller size=."
            )
            return
        await turn.say_file(name, data, spoiler=spoiler)

    async def _delete(self, turn: InteractionReply) -> None:
        try:
            await turn.interaction.delete_original_response()
        except discord.NotFound:
            pass  # it is gone already, which was the wish
        except discord.HTTPException as error:
            log.warning("a picture's message could not be deleted: %s", error)
            await turn.refuse("It is gone from my journal, but Discord does not let me delete the message.")

    # --- messages ----------------------------------------------------------------------------------------------------

    async def on_message(self, message: discord.Message) -> None:
        """Way 3: a mention, or a plain command where the bot may read it."""
        text = self._said(message)
        if text is None:
            return
        try:
            await self._answer(message, text)
        except Refusal as error:
            await self._reply(message, str(error))
        except Exception as error:
            log.exception("a message could not be answered")
            await self._reply(message, sentence(error))

    def _said(self, message: discord.Message) -> str | None:
        """What a message says to the bot; None where it is not meant."""
        client = self._posts.client
        if message.author.bot or client is None or client.user is None:
            return None
        mention = re.compile(rf"<@!?{client.user.id}>")
        text = mention.sub("", message.content).strip()
        word = re.match(r"/?(\w+)", text)
        command = ALIASES.get(word[1].lower(), word[1].lower()) if word else ""
        if mention.search(message.content):
            return f"/{text.lstrip('/')}" if command in COMMANDS else text
        is_command = text.startswith("/") and command in COMMANDS
        alone = message.guild is None and (text or message.attachments)
        return text if is_command or alone else None

    async def _answer(self, message: discord.Message, text: str) -> None:
        place = address_of(message)
        if message.guild is not None:
            self._may_in(message)
        pair = await self._meant(message, text)
        check_age(pair, message.channel)
        photo, style = await pair.read(self._max_photo)
        place |= pair.address
        if photo is None and text.lower().startswith("/again"):
            place |= await self._of_last(f"discord:{message.author.id}", message.channel)
        place["reply"] = message.id
        member = message.author
        permissions = getattr(member, "guild_permissions", None)
        incoming = Incoming(
            user=f"discord:{member.id}",
            place=Place(self.name, room_of(message.guild, message.channel), place),
            text=text,
            photo=photo,
            style=style,
            admin=message.guild is None or bool(permissions and permissions.manage_guild),
            topic=topic_of(message.channel),
            idempotency_key=f"discord:{message.id}",
        )
        reply = await self._commands.handle(incoming)
        if reply.cards:
            menu = self._menu(incoming, message.author.id, pair, settings=reply.settings)
            if photo is None:
                menu.show(reply)
            await self._reply(message, files=await menu.draw(), view=menu)
        elif reply.job is None:
            await self._reply(message, reply.text)

    async def _meant(self, message: discord.Message, text: str) -> Pair:
        """The pictures of a message and of the one that it replies to, which is the photo where there are two."""
        own, mine = all_of_message(message), names_mine(text)
        if message.reference is None or (own and not mine):
            found = own if mine else own[:1]
        else:
            there = await self._replied(message)
            orders = not text.startswith("/") or text.lower().startswith(("/stylize", "/stylise"))
            if not there and orders and len(own) < 2:
                raise InvalidOrder(HIDDEN)
            found = [*there[:1], *own]
        if len(found) > 2:
            raise InvalidOrder(
                f"These are {len(found)} pictures, and mine takes two: the photo first, then the style. Or reply to"
                " the photo with the style's picture alone."
            )
        return Pair(*found)

    async def _replied(self, message: discord.Message) -> list[Photo]:
        """The photos of the message that this one replies to, as far as Discord shows them."""
        there: Any = message.reference.resolved if message.reference else None
        if not isinstance(there, discord.Message) or not there.attachments:
            with suppress(discord.HTTPException):
                assert message.reference
                there = await message.channel.fetch_message(message.reference.message_id or 0)
        return all_of_message(there) if isinstance(there, discord.Message) else []

    async def _reply(self, message: discord.Message, text: str = "", **more: Any) -> None:
        """Where the message was written, or else in private."""
        try:
            if message.guild is not None:
                self._may_in(message)
            await message.reply(text[:2000] or None, mention_author=False, **more)
        except (discord.HTTPException, NotAllowed):
            await send_dm(message.author, text or "I cannot show you my styles there. /styles does.")

    # --- orders ------------------------------------------------------------------------------------------------------

    async def _order(self, turn: InteractionReply, text: str, pair: Pair, *, original: bool) -> None:
        reply = await self._take(turn, text, pair, original=original)
        if reply.refused:
            await turn.refuse(reply.text)
        elif reply.job is None:
            await turn.say(reply.text)

    async def _take(self, turn: InteractionReply, text: str, pair: Pair, *, original: bool) -> Reply:
        """Hand an order over; never raises. Where an interaction's message cannot carry the answer, the channel does.

        Args:
            original: whether the deferred answer to the interaction becomes the message of the job.
        """
        interaction = turn.interaction
        key = f"discord:{interaction.id}"
        try:
            check_age(pair, interaction.channel)
            photo, style = await pair.read(self._max_photo)
            address: Mapping[str, str | int] = pair.address
            if photo is None and text.startswith("/again"):
                address = await self._of_last(f"discord:{interaction.user.id}", interaction.channel)
            incoming = incoming_of(interaction, text, photo=photo, style=style, address=address, idempotency_key=key)
            # From the menu of a message the answer is a reply to that message, which only the channel can carry.
            if not turn.late and (original or incoming.place.address.get("outside")):
                self._posts.voices[key] = FollowUp(interaction, original=original)
            reply = await self._commands.handle(incoming)
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("an order could not be taken")
            reply = Reply(text=sentence(error), refused=True)
        if reply.job is None:
            self._posts.voices.pop(key, None)
        return reply

    async def _of_last(self, user: str, channel: Any) -> dict[str, str | int]:
        """What an order that repeats the last one takes over from it.

        Raises:
            InvalidOrder: that photo must not be shown here.
        """
        for job in await self._store.of_user(user, 1):
            found = {key: value for key, value in job.place.address.items() if key in ("spoiler", "nsfw")}
            if found.get("nsfw") and not is_nsfw(channel):
                raise InvalidOrder(AGE)
            return found
        return {}

    def _photo(self, interaction: discord.Interaction, file: discord.Attachment | None) -> Photo | None:
        return Photo.given(file, interaction.channel) or self._remembered.get(interaction.user.id, self._clock())

    def _may(self, interaction: discord.Interaction) -> None:
        """Whether the answer could be posted there, also when the interaction's time is over.

        Raises:
            NotAllowed
        """
        if interaction.guild_id is not None and not is_outside(interaction):
            check_permissions(interaction.app_permissions, interaction.channel)

    def _may_in(self, message: discord.Message) -> None:
        assert message.guild
        check_permissions(message.channel.permissions_for(message.guild.me), message.channel)


def _view(job: Job) -> ui.View:
    """The buttons under a picture."""
    view = ui.View(timeout=None)
    for button in buttons(job):
        view.add_item(ActionButton(button.data, button.label))
    return view
