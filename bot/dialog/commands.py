"""What commands do and answer; the same on every platform."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from importlib import metadata

import msgspec

from bot.core.admission import HOW_MINE, too_large
from bot.core.errors import InvalidOrder, InvalidRecipe, LimitReached, NotAllowed, NotNow, Refusal, sentence
from bot.core.jobs import GIVEN_UP, Job
from bot.core.messages import Accepted, Choice, Incoming, Refused, Reply, Text
from bot.core.people.halves import Halves
from bot.core.people.owners import Owners
from bot.core.studio import JobWithPictures, Studio
from bot.dialog import forgetting, repeated, settings, sheets
from bot.dialog.carried.line import carried
from bot.dialog.owner import admin
from bot.dialog.parse import COMMANDS, LABORATORY, Command, Name, parse, parse_recipe
from bot.dialog.talk import help
from bot.dialog.talk.messages import HOW, SUGGESTED, Asked, Talk, cards
from engine import recipe as recipes
from engine.gallery import Gallery, Style, folded, key
from engine.recipe import SIZE_BOUNDS, ModeRules, Recipe, line, nearest

log = logging.getLogger(__name__)

PAPERS = (
    "fast mode: Dumoulin, Shlens and Kudlur, “A Learned Representation for Artistic Style” (2017)",
    "universal mode: Ghiasi, Lee, Kudlur, Dumoulin and Shlens, “Exploring the Structure of a Real-time,"
    " Arbitrary Neural Artistic Stylization Network” (2017)",
    "fine mode: Gatys, Ecker and Bethge, “A Neural Algorithm of Artistic Style” (2015) and “Image Style Transfer Using"
    " Convolutional Neural Networks” (2016)",
)
LOOKED_THROUGH = 100  # of a person's newest orders, by /retry and by a reply to an older one
PATIENCE = 15.0  # engine seconds until a photo's own sheet would be begun; a longer wait has the gallery's pictures
BEYOND = re.compile(r"(?<!\S)size=(\d{4,9})(?!\S)", re.ASCII | re.IGNORECASE)
TAGS_SHOWN = 8  # where all styles are shown; the pictures are what counts there


Answer = Callable[[Incoming, Command], Awaitable[Reply]]


class Commands:
    """Answers messages."""

    def __init__(self, studio: Studio, gallery: Gallery, halves: Halves, owners: Owners | None = None) -> None:
        self._studio = studio
        self._gallery = gallery
        self._halves = halves
        self._owners = owners or Owners()
        self._talk = Talk(gallery, halves)
        self._answers: dict[Name, Answer] = {
            Name.PLAIN: self._plain,
            Name.STYLIZE: self._stylize,
            Name.STYLES: self._styles,
            Name.AGAIN: self._again,
            Name.VARIATIONS: self._variations,
            Name.VERIFY: self._verify,
            Name.RETRY: self._retry,
            Name.QUEUE: self._queue,
            Name.CANCEL: self._cancel,
            Name.EXPLAIN: self._explain,
            Name.SETTINGS: self._settings,
            Name.HELP: self._help,
            Name.START: self._start,
            Name.ABOUT: self._about,
            Name.PRIVACY: self._privacy,
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
            return await self._accepted(job)
        understood = await self._talk.understand(incoming, command)
        if understood is None:
            return await self._every_style(incoming)
        if not isinstance(understood, Asked):
            return understood
        reply = await self._answers[understood.command.name](understood.incoming, understood.command)
        if isinstance(reply, Accepted):  # or the half waits for one that is taken
            await self._halves.forget(incoming)
        return reply

    async def waiting_words(self, incoming: Incoming) -> str:
        """The order that this person wrote there before its photo came."""
        return await self._halves.words(incoming)

    def names_style(self, command: Command) -> bool:
        """Whether what is written with a photo says what to do with it."""
        return self._talk.names_style(command)

    async def _every_style(self, incoming: Incoming) -> Reply:
        """The photo in every style; where that would not come soon, the gallery's own pictures to choose from."""
        is_soon = self._studio.engine.ready is not None and self._studio.wait(incoming.user) < PATIENCE
        if not is_soon and not await self._studio.knows(incoming):
            return self.which_style()
        try:
            return await self._order(incoming, Recipe(mode="sheet"))
        except LimitReached:
            return self.which_style()

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
            reply = await self._order(msgspec.structs.replace(incoming, photo=photo), recipe)
            await self._halves.forget(incoming)
            return reply
        return await self._order(incoming, recipe)

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

    async def _again(self, incoming: Incoming, command: Command) -> Reply:
        await self._studio.check_limits(incoming)  # before the photo is loaded
        own = carried(incoming.photo)
        shown = own.line if own else incoming.line
        if own:  # the picture is not the photo
            incoming = msgspec.structs.replace(incoming, photo=None, style=None)
        named = incoming.replied
        last = await self._studio.last(
            incoming.user,
            lambda job: line(job.recipe) == shown if shown and not named else named in ("", job.id),
            newest=LOOKED_THROUGH,
        )
        if last is None and shown:
            return await self._like(incoming, command, shown)
        if last is None and named:
            raise InvalidOrder("I repeat only what you ordered yourself, as long as it is kept. Reply to the photo.")
        if last is None:
            raise InvalidOrder(f"You have no order to repeat: there was none, or it is no longer kept. {HOW}")
        return await self._repeat(incoming, last, repeated.changed(last.job, command, self._gallery))

    async def _like(self, incoming: Incoming, command: Command, shown: str) -> Reply:
        """Another photo as a picture was painted whose own is not there, or not this person's: perhaps the next."""
        recipe = repeated.changed_line(shown, command, self._gallery)
        if recipe.mine:
            raise InvalidOrder(f"Its style was a picture that somebody sent along. {HOW_MINE}")
        if incoming.photo is not None or not recipes.rules_for(recipe, self._gallery).photo:
            return await self._order(incoming, recipe)
        await self._halves.keep_words(incoming, line(recipe).removeprefix("/stylize "))
        where = "Send a photo" if incoming.own_room else "Send me a photo of yours"
        return Text(
            text=f"Its photo is not yours, or no longer kept. {where}, and I paint it like this:\n{line(recipe)}"
        )

    async def _variations(self, incoming: Incoming, command: Command) -> Reply:
        """Of the picture that is named by its order, or of the last."""
        await self._studio.check_limits(incoming)
        id = command.words.lower()
        last = await self._studio.last(
            incoming.user, lambda job: _varies(job) and id in ("", job.id), newest=LOOKED_THROUGH
        )
        if last is None:
            whose = "That is no picture of yours that" if id else "You have no picture that"
            raise InvalidOrder(f"{whose} I could vary, or it is no longer kept. {HOW}")
        incoming = msgspec.structs.replace(incoming, photo=None, style=None)
        return await self._repeat(incoming, last, sheets.variations(last.job))

    async def _verify(self, incoming: Incoming, command: Command) -> Reply:
        """A picture of ours, painted once more and compared in the engine."""
        await self._studio.check_limits(incoming)
        picture = incoming.photo or await self._halves.photo(incoming)
        own = carried(picture)
        shown = own.line if own else incoming.line
        if picture is None or not shown:
            raise InvalidOrder(
                "Which picture? Reply /verify to one of mine, or send one as a file with /verify as its text."
            )
        last = await self._studio.last(
            incoming.user,
            lambda job: job.id == incoming.replied or line(job.recipe) == shown,
            newest=LOOKED_THROUGH,
        )
        if last is None or last.photo is None:
            raise InvalidOrder("I keep its photo no longer, or it is not yours, so I cannot paint it again.")
        if last.job.moves or not _varies(last.job) or last.job.recipe.mine:
            raise InvalidOrder("I verify single photos in styles of the gallery, and this is something else.")
        recipe = msgspec.structs.replace(last.job.recipe, verify=True)
        both = msgspec.structs.replace(incoming, photo=None, style=picture)
        return await self._repeat(both, last, recipe)

    async def _retry(self, incoming: Incoming, command: Command) -> Reply:
        """An order that was given up, as it was."""
        id = command.words.lower()
        last = await self._studio.last(
            incoming.user, lambda job: job.state in GIVEN_UP and id in ("", job.id), newest=LOOKED_THROUGH
        )
        if last is None:
            which = f"No picture “{id[:20]}” of yours" if id else "No picture of yours"
            raise InvalidOrder(f"{which} was given up, or it is no longer kept. /again repeats your last one.")
        return await self._repeat(msgspec.structs.replace(incoming, photo=None, style=None), last, last.job.recipe)

    async def _explain(self, incoming: Incoming, command: Command) -> Reply:
        """How the last fine picture was made: it is made once more, and watched."""
        await self._studio.check_limits(incoming)
        last = await self._studio.last(incoming.user, lambda job: job.recipe.mode == "fine")
        if last is None:
            raise InvalidOrder(
                "You have no fine picture to explain, or it is no longer kept. Order one with mode=fine, or send a"
                " photo with /explain starrynight."
            )
        recipe = msgspec.structs.replace(last.job.recipe, mode="explain", frames=None, clip=None)
        return await self._repeat(msgspec.structs.replace(incoming, photo=None, style=None), last, recipe)

    async def _repeat(self, incoming: Incoming, last: JobWithPictures, recipe: Recipe) -> Reply:
        """Order with the pictures of an earlier order where there are no others."""
        photo, style = incoming.photo or last.photo, incoming.style
        if recipe.mine and style is None:
            style = last.style
            if style is None and incoming.photo is not None:  # the picture that was sent is the style
                photo, style = last.photo, incoming.photo
        place = incoming.place
        if incoming.photo is None or (recipe.mine and incoming.style is None):
            place = self._studio.repeated(place, last.job.place)
        return await self._order(msgspec.structs.replace(incoming, place=place, photo=photo, style=style), recipe)

    async def _order(self, incoming: Incoming, recipe: Recipe) -> Reply:
        return await self._accepted(await self._studio.accept(incoming, recipe))

    async def _accepted(self, job: Job) -> Accepted:
        status = await self._studio.status(job.id)
        titles = " + ".join(recipes.titles(job.recipe, self._gallery))
        return Accepted(text=f"{titles}, order {job.id}: {status.text if status else job.state}.", job=job)

    async def _cancel(self, incoming: Incoming, command: Command) -> Reply:
        user, word = incoming.user, command.words.lower()
        if not word:
            mine = self._studio.open_jobs(user)
            if len(mine) > 1:
                names = " or ".join(f"/cancel {waiting.job.id}" for waiting in mine)
                raise InvalidOrder(f"You have {len(mine)} pictures waiting. Write {names}, or /cancel all.")
        cancelled = await self._studio.cancel(user, word if word not in ("", "all") else None)
        return Text(text=f"Cancelled: {', '.join(job.id for job in cancelled)}.")

    # --- questions ---------------------------------------------------------------------------------------------------

    async def _styles(self, incoming: Incoming, command: Command) -> Reply:
        """Cards to choose from; a single one comes with all that is known of the style."""
        words, tags = command.words, sorted({tag for style in self._gallery for tag in style.tags})
        found = self._sought(words, tags)
        if not found:
            hint = f" You can look for {', '.join(tags)}." if tags else " /styles shows them all."
            raise InvalidOrder(f"No style matches “{words[:40]}”.{hint}")
        count = _count(len(found), "style", "styles")
        if len(found) == 1:
            text = self._details(found[0])
        elif words:
            text = f"{count} for “{words[:40]}”. /styles and a name shows one in full."
        else:
            usual = ", ".join(
                word for word, _ in Counter(tag for s in found for tag in s.tags).most_common(TAGS_SHOWN)
            )
            text = f"{count}. {HOW}" + (f"\n/styles and a word shows fewer: {usual}, ..." if usual else "")
        return Choice(text=text, cards=cards(found))

    def _sought(self, words: str, tags: Sequence[str]) -> Sequence[Style]:
        """The style of that name or title; else those that every word fits; else those that are spelt much like it."""
        named = self._gallery.find(words)
        if named and words.lower() not in tags and key(words) in (key(named.name), key(named.title)):
            return [named]
        fitting = [style for style in self._gallery if all(_matches(style, word) for word in words.split())]
        return fitting or ([named] if named else self._gallery.nearest(words))

    def _details(self, style: Style) -> str:
        other = next((other.name for other in self._gallery if other is not style), None)
        mix = f", or mixed: /stylize {style.name}:70+{other}:30" if other else ""
        lines = (
            f"{style.credit}; {style.licence}.",
            f"Filed under {', '.join(style.tags)}." if style.tags else "",
            f"At its best with strength={style.strength} and brush={style.brush:g}, which is what you get.",
            "" if style.fast else "Fast mode cannot paint it.",
            f"Write /stylize {style.name}{mix}",
        )
        return "\n".join(filter(None, lines))

    async def _queue(self, incoming: Incoming, command: Command) -> Reply:
        mine = self._studio.open_jobs(incoming.user)
        lines = [f"{waiting.job.id}: {_named(waiting.job)}, {waiting.status.text}" for waiting in mine]
        total = self._studio.waiting()
        everybody = f"In all, {_count(total, 'picture is', 'pictures are')} in the queue."
        return Text(text="\n".join([*(lines or ["You have no pictures waiting."]), everybody]))

    async def _settings(self, incoming: Incoming, command: Command) -> Reply:
        rooms = self._studio.rooms
        room = await rooms.get(incoming.place.room)
        if not command.words:
            how = "Admins change them: /settings style=starrynight size=768"
            return Text(text=f"Settings here:\n{settings.described(room)}\n{how}")
        if not incoming.admin:
            raise NotAllowed("Only admins can change the settings here.")
        room = settings.changed(room, command.words, self._gallery, incoming.topic)
        await rooms.set(incoming.place.room, room)
        return Text(text=f"Done. Settings here now:\n{settings.described(room)}")

    async def _help(self, incoming: Incoming, command: Command) -> Reply:
        owner = self._owners.include(incoming.user)
        return help.text_of(command.words, incoming.own_room, self._studio.rules, owner=owner)

    async def _admin(self, incoming: Incoming, command: Command) -> Reply:
        return Text(text=await admin.carried_out(self._studio, command.words))

    async def _start(self, incoming: Incoming, command: Command) -> Reply:
        """How some platforms begin; a link may name a style, which then waits for a photo."""
        style = self._gallery.find(command.words)
        if style is None:
            return await self._help(incoming, command)
        await self._halves.keep_words(incoming, style.name)
        return Text(text=f"{style.credit}: a good choice, for which photo? Send it here.")

    async def _about(self, incoming: Incoming, command: Command) -> Reply:
        ready = self._studio.engine.ready
        device = f"Painting on: {ready.device}." if ready else "The painting engine is starting."
        count = _count(len(self._gallery), "style", "styles")
        return Text(
            text=f"Impasto {_version()}, open source under the MIT licence. {count}. {device}\nThe methods:\n"
            + "\n".join(PAPERS)
        )

    async def _forget(self, incoming: Incoming, command: Command) -> Reply:
        text, forgot = await forgetting.forget(self._studio, incoming, command.words)
        return Text(text=text, forgot=forgot)

    async def _privacy(self, incoming: Incoming, command: Command) -> Reply:
        hours = f"{self._studio.rules.keep_hours:g} hours"
        return Text(
            text="I keep your photo, the picture that you sent as its style, the finished picture, the settings, your"
            f" id on this platform and, on the web page, the conversation, for {hours} after the picture is finished,"
            " so that a restart loses nothing and /again works; then they are deleted, or"
            " sooner with /forgetme. They stay on the machine that"
            " this bot runs on and are used for nothing else. What a camera writes into a photo, such as where it was"
            " taken, is not copied into the picture."
        )


def _varies(job: Job) -> bool:
    return job.recipe.mode in recipes.MODES and not job.moves


def _matches(style: Style, word: str) -> bool:
    texts = (style.name, style.title, style.artist, *style.aliases)
    return folded(word) in style.tags or any(key(word) in key(text) for text in texts)


def _named(job: Job) -> str:
    return " + ".join(share.name for share in job.recipe.styles) or str(job.recipe.mode)


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


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "(not installed)"
