"""What commands do and answer; the same on every platform."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

import msgspec

from bot.core.admission import HOW_MINE, too_large
from bot.core.errors import InvalidOrder, InvalidRecipe, LimitReached, NotNow, Refusal, sentence
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply, Text
from bot.core.people.halves import Halves
from bot.core.people.owners import Owners
from bot.core.studio import Studio
from bot.dialog import forgetting
from bot.dialog.earlier.orders import EarlierOrders
from bot.dialog.earlier.verifying import Verifying
from bot.dialog.owner import admin
from bot.dialog.parse import COMMANDS, LABORATORY, Command, Name, parse, parse_recipe
from bot.dialog.placing import Placing
from bot.dialog.talk.messages import HOW, SUGGESTED, Asked, Talk, cards, command_of
from bot.dialog.talk.questions import Questions
from engine import recipe as recipes
from engine.gallery import Gallery, key
from engine.recipe import SIZE_BOUNDS, ModeRules, Recipe, line, nearest

log = logging.getLogger(__name__)

PATIENCE = 15.0  # engine seconds until a photo's own sheet would be begun; a longer wait has the gallery's pictures
BEYOND = re.compile(r"(?<!\S)size=(\d{4,9})(?!\S)", re.ASCII | re.IGNORECASE)


Answer = Callable[[Incoming, Command], Awaitable[Reply]]


class Commands:
    """Answers messages."""

    def __init__(self, studio: Studio, gallery: Gallery, halves: Halves, owners: Owners | None = None) -> None:
        self._studio = studio
        self._gallery = gallery
        self._halves = halves
        self._owners = owners or Owners()
        self._talk = Talk(gallery, halves)
        self._placing = Placing(studio, gallery)
        earlier = EarlierOrders(studio, gallery, halves, self._placing)
        verifying = Verifying(studio, gallery, halves, self._placing)
        questions = Questions(studio, gallery, halves, self._owners)
        self._answers: dict[Name, Answer] = {
            Name.PLAIN: self._plain,
            Name.STYLIZE: self._stylize,
            Name.STYLES: questions.styles,
            Name.AGAIN: earlier.again,
            Name.VARIATIONS: earlier.variations,
            Name.VERIFY: verifying.verify,
            Name.RETRY: earlier.retry,
            Name.QUEUE: questions.queue,
            Name.CANCEL: self._cancel,
            Name.EXPLAIN: earlier.explain,
            Name.SETTINGS: questions.settings,
            Name.HELP: questions.help,
            Name.START: questions.start,
            Name.ABOUT: questions.about,
            Name.PRIVACY: questions.privacy,
            Name.FORGETME: self._forget,
            Name.ADMIN: self._admin,
            Name.UNKNOWN: self._unknown,
        }

    async def handle(self, incoming: Incoming, command: Command) -> Reply:
        """The answer to a message. Never raises: the reply says what went wrong."""
        command = self.known_to(incoming.user, command)
        try:
            return await self._answers[command.name](incoming, command)
        except InvalidRecipe as error:
            reply = self._choice(command, str(error))
        except Exception as error:
            if not isinstance(error, Refusal | NotNow):
                log.exception("a message could not be answered")
            reply = Refused(text=sentence(error), not_now=isinstance(error, NotNow))
        self._studio.health.refused.inc()
        return reply

    def known_to(self, user: str, command: Command) -> Command:
        """The command as it is to this person: what is the owner's is unknown to anybody else."""
        if command.name is not Name.ADMIN or self._owners.include(user):
            return command
        return Command(name=Name.UNKNOWN, written=command.written, bot=command.bot)

    async def say(self, incoming: Incoming, text: str) -> Reply:
        """The same for a text."""
        return await self.handle(incoming, parse(text))

    def _choice(self, command: Command, text: str) -> Reply:
        """What somebody whose recipe is invalid may choose from: near styles, or all where none was named."""
        styles = command.takes.styles
        asks = styles == "some" or (styles == "any" and command.style)
        if command.name not in (Name.PLAIN, Name.STYLIZE) or not asks:
            return Refused(text=text)
        if not command.style and not command.takes.photo:  # which ends with the choice, and so is no look around
            names = tuple(style.name for style in list(self._gallery)[:SUGGESTED])
            return Choice(text=text, suggestions=names, settings=command.settings, refused=True)
        if not command.style:
            return Choice(text=text, cards=cards(self._gallery), settings=command.settings, refused=True)
        parts = [part.partition(":") for part in command.style.split("+")]
        known = [key(word) == recipes.MINE or self._gallery.find(word) is not None for word, _, _ in parts]
        unknown = [index for index, found in enumerate(known) if not found]
        if len(unknown) != 1:
            return Refused(text=text)
        (at,) = unknown
        near = self._gallery.nearest(parts[at][0])
        mixes = [[*parts[:at], (style.name, *parts[at][1:]), *parts[at + 1 :]] for style in near]
        suggestions = tuple("+".join("".join(part) for part in mix) for mix in mixes)
        return Choice(text=text, suggestions=suggestions, settings=command.settings, refused=True)

    async def _unknown(self, incoming: Incoming, command: Command) -> Reply:
        hint = nearest(command.written, list(COMMANDS)).replace("mean ", "mean /")
        raise InvalidOrder(f"There is no command /{command.written[:30]}.{hint or ' /help lists the commands.'}")

    # --- orders ------------------------------------------------------------------------------------------------------

    async def _plain(self, incoming: Incoming, command: Command) -> Reply:
        """No command: what stands for one is carried out as that."""
        if incoming.photo is not None and (job := await self._halves.ordered(incoming)):
            return await self._placing.accepted(job)
        understood = await self._talk.understand(incoming, command)
        if understood is None:
            return await self._every_style(incoming)
        if not isinstance(understood, Asked):
            return understood
        reply = await self._answers[understood.command.name](understood.incoming, understood.command)
        if isinstance(reply, Accepted):  # or the half waits for one that is taken
            await self._halves.forget(incoming)
        return reply

    async def waiting_order(self, incoming: Incoming) -> Command | None:
        """The order that this person wrote there before its photo came."""
        words = await self._halves.words(incoming)
        return command_of(words) if words else None

    def names_style(self, command: Command) -> bool:
        """Whether what is written with a photo says what to do with it."""
        return self._talk.names_style(command)

    async def _every_style(self, incoming: Incoming) -> Reply:
        """The photo in every style; where that would not come soon, the gallery's own pictures to choose from."""
        if not self.shows_soon(incoming.user) and not await self._studio.knows(incoming):
            return self.which_style()
        try:
            return await self._placing.order(incoming, Recipe(mode="sheet"))
        except LimitReached:
            return self.which_style()

    def shows_soon(self, user: str) -> bool:
        """Whether a sheet of this person's photo would be begun soon."""
        return self._studio.engine.ready is not None and self._studio.wait_for_look(user) < PATIENCE

    def which_style(self) -> Choice:
        """The question what a photo without an order is to be painted as."""
        text = "Which style? Choose one, or reply /stylize and its name to the photo."
        return Choice(text=text, cards=cards(self._gallery))

    async def forget_words(self, incoming: Incoming) -> None:
        """That order has had its photo."""
        await self._halves.forget(incoming)

    async def _stylize(self, incoming: Incoming, command: Command) -> Reply:
        words = command.words
        if not command.style:
            words = f"{await self._style_left_out(incoming, command.takes)} {words}"
        recipe = self._recipe_of(words)
        if incoming.photo is None and recipes.rules_for(recipe, self._gallery).photo:
            photo = await self._halves.photo(incoming)
            if photo is None and recipe.mine:  # which takes two
                raise InvalidOrder(f"Which photo? {HOW_MINE}")
            if photo is None:
                return await self._talk.which_photo(incoming, command.words, _how_with(recipe, command))
            reply = await self._placing.order(msgspec.structs.replace(incoming, photo=photo), recipe)
            await self._halves.forget(incoming)
            return reply
        return await self._placing.order(incoming, recipe)

    def _recipe_of(self, words: str) -> Recipe:
        """The recipe; of a size beyond all bounds it is said what the limit of its mode is here."""
        largest = SIZE_BOUNDS[1]
        for found in BEYOND.finditer(words):
            if int(found[1]) > largest:
                recipe = parse_recipe(BEYOND.sub(f"size={largest}", words), self._gallery)
                raise InvalidOrder(too_large(self._studio.rules, recipe, int(found[1]), self._gallery))
        return parse_recipe(words, self._gallery)

    async def _style_left_out(self, incoming: Incoming, takes: ModeRules) -> str:
        """The style of an order that names none: the picture that came along as one, or the room's."""
        own = incoming.style if takes.photo else incoming.style or incoming.photo
        if own is not None and takes.styles != "none":
            return recipes.MINE
        room = await self._studio.rooms.get(incoming.place.room)
        return room.style or "" if takes.styles == "some" else ""

    async def _cancel(self, incoming: Incoming, command: Command) -> Reply:
        user, word = incoming.user, command.words.lower()
        if not word:
            mine = self._studio.open_jobs(user)
            if len(mine) > 1:
                names = " or ".join(f"/cancel {waiting.job.id}" for waiting in mine)
                raise InvalidOrder(f"You have {len(mine)} pictures waiting. Write {names}, or /cancel all.")
        cancelled = await self._studio.cancel(user, word if word not in ("", "all") else None)
        return Text(text=f"Cancelled: {', '.join(job.id for job in cancelled)}.")

    async def _admin(self, incoming: Incoming, command: Command) -> Reply:
        return Text(text=await admin.carried_out(self._studio, command.words))

    async def _forget(self, incoming: Incoming, command: Command) -> Reply:
        text, forgot = await forgetting.forget(self._studio, incoming, command.words)
        return Text(text=text, forgot=forgot)


def _how(style: str) -> str:
    return HOW.replace("starrynight", style)


def _how_with(recipe: Recipe, command: Command) -> str:
    """How to send the photo that an order lacks."""
    if recipe.mine:
        return HOW_MINE
    if recipe.styles:
        return _how(recipe.styles[0].name)
    order = f"/{command.written}" if command.written in LABORATORY else line(recipe)
    return HOW.replace("/stylize starrynight", order)
