"""What commands do and answer; the same on every platform."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import metadata

import msgspec

from bot.core.admission import HOW_MINE
from bot.core.errors import InvalidOrder, InvalidRecipe, NotAllowed, Refusal, invalid_recipes, sentence
from bot.core.jobs import Job
from bot.core.messages import Accepted, Card, Choice, Incoming, Refused, Reply, Text
from bot.core.studio import Studio
from bot.dialog import settings
from bot.dialog.parse import COMMANDS, SAME, Command, Name, parse, parse_recipe
from engine import recipe as recipes
from engine.gallery import Gallery, Style, folded, key
from engine.recipe import Recipe, line, nearest

log = logging.getLogger(__name__)

PAPERS = (
    "fast mode: Dumoulin, Shlens and Kudlur, “A Learned Representation for Artistic Style” (2017)",
    "universal mode: Li, Fang, Yang, Wang, Lu and Yang, “Universal Style Transfer via Feature Transforms” (2017)",
    "fine mode: Gatys, Ecker and Bethge, “A Neural Algorithm of Artistic Style” (2015) and “Image Style Transfer Using"
    " Convolutional Neural Networks” (2016)",
)
TAGS_SHOWN = 8  # where all styles are shown; the pictures are what counts there
HOW = "Send a photo with /stylize starrynight as its text, or reply that to a photo."


Answer = Callable[[Incoming, Command], Awaitable[Reply]]


class Commands:
    """Answers messages."""

    def __init__(self, studio: Studio, gallery: Gallery) -> None:
        self._studio = studio
        self._gallery = gallery
        self._answers: dict[Name, Answer] = {
            Name.PLAIN: self._plain,
            Name.STYLIZE: self._stylize,
            Name.STYLES: self._styles,
            Name.AGAIN: self._again,
            Name.QUEUE: self._queue,
            Name.CANCEL: self._cancel,
            Name.SETTINGS: self._settings,
            Name.HELP: self._help,
            Name.START: self._start,
            Name.ABOUT: self._about,
            Name.PRIVACY: self._privacy,
            Name.UNKNOWN: self._unknown,
        }

    async def handle(self, incoming: Incoming, command: Command) -> Reply:
        """The answer to a message. Never raises: the reply says what went wrong."""
        try:
            return await self._answers[command.name](incoming, command)
        except InvalidRecipe as error:
            reply = self._choice(command, str(error))
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("a message could not be answered")
            reply = Refused(text=sentence(error))
        self._studio.health.refused.inc()
        return reply

    async def say(self, incoming: Incoming, text: str) -> Reply:
        """The same for a text."""
        return await self.handle(incoming, parse(text))

    def _choice(self, command: Command, text: str) -> Reply:
        """What somebody whose recipe is invalid may choose from: near styles, or all where none was named."""
        if command.name not in (Name.PLAIN, Name.STYLIZE):
            return Refused(text=text)
        if not command.style:
            return Choice(text=text, cards=_cards(self._gallery), settings=command.settings, refused=True)
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
        """No command: with a photo, the words name a style; without words, the person may choose."""
        if incoming.photo is None:
            return self._about_style(command)
        if command.words or incoming.style is not None:
            return await self._stylize(incoming, command)
        room = incoming.place.room
        chosen = await self.chosen_style(room)
        if chosen is None:
            text = "Which style? Choose one, or reply /stylize and its name to the photo."
            return Choice(text=text, cards=_cards(self._gallery))
        reply = await self._stylize(incoming, Command(name=Name.STYLIZE, words=chosen))
        await self._studio.rooms.forget_style(room)  # not where the order was refused
        return reply

    def _about_style(self, command: Command) -> Text:
        """What to do with a style that was named without a photo."""
        if key(command.words) == recipes.MINE:
            return Text(text=HOW_MINE)
        style = self._gallery.find(command.words)
        if style is not None:
            return Text(text=f"{style.credit}: a good choice, for which photo? {_how(style.name)}")
        return Text(text=f"I repaint photos in the style of paintings. {HOW} /help shows more.")

    async def chosen_style(self, room: str) -> str | None:
        """The style that was chosen there before its photo came, as long as the gallery has it."""
        name = await self._studio.rooms.chosen_style(room)
        return name if name and self._gallery.find(name) else None

    async def _stylize(self, incoming: Incoming, command: Command) -> Reply:
        words = command.words
        if not command.style:
            room = await self._studio.rooms.get(incoming.place.room)
            style = room.style if incoming.style is None else recipes.MINE
            words = f"{style or ''} {words}"
        recipe = parse_recipe(words, self._gallery)
        if incoming.photo is None:
            raise InvalidOrder(f"Which photo? {HOW_MINE if recipe.mine else _how(recipe.styles[0].name)}")
        return await self._order(incoming, recipe)

    async def _again(self, incoming: Incoming, command: Command) -> Reply:
        last = await self._studio.last(incoming.user)
        if last is None:
            raise InvalidOrder(f"You have no order to repeat: there was none, or it is no longer kept. {HOW}")
        recipe = _changed(last.job, command, self._gallery)
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
        job = await self._studio.accept(incoming, recipe)
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
        return Choice(text=text, cards=_cards(found))

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
        lines = [f"/{name}: {text}" for name, text in COMMANDS.items()]
        more = (
            "Settings follow the style: strength=0..100, brush=0.25..4, colors=photo, "
            f"size=..{self._studio.rules.max_size}, seed=. Mix styles with +: /stylize starrynight:70+greatwave:30",
            f"Any picture can be the style. {HOW_MINE}",
            "mode=fast paints at once and is the default, mode=universal does so for any picture as the style, and"
            " mode=fine optimises each picture slowly: try the button Finer.",
        )
        return Text(text="\n".join(["I repaint photos in the style of paintings.", *lines, *more]))

    async def _start(self, incoming: Incoming, command: Command) -> Reply:
        """How some platforms begin; a link may name a style, which then waits for a photo."""
        style = self._gallery.find(command.words)
        if style is None:
            return await self._help(incoming, command)
        await self._studio.rooms.choose_style(incoming.place.room, style.name)
        return Text(text=f"{style.credit}: a good choice, for which photo? Send it here.")

    async def _about(self, incoming: Incoming, command: Command) -> Reply:
        ready = self._studio.engine.ready
        device = f"Painting on: {ready.device}." if ready else "The painting engine is starting."
        count = _count(len(self._gallery), "style", "styles")
        return Text(
            text=f"Impasto {_version()}, open source under the MIT licence. {count}. {device}\nThe methods:\n"
            + "\n".join(PAPERS)
        )

    async def _privacy(self, incoming: Incoming, command: Command) -> Reply:
        hours = f"{self._studio.rules.keep_hours:g} hours"
        return Text(
            text="I keep your photo, the picture that you sent as its style, the finished picture, the settings, your"
            f" id on this platform and, on the web page, the conversation, for {hours} after the picture is finished,"
            " so that a restart loses nothing and /again works; then they are deleted. They stay on the machine that"
            " this bot runs on and are used for nothing else. What a camera writes into a photo, such as where it was"
            " taken, is not copied into the picture."
        )


def _changed(last: Job, command: Command, gallery: Gallery) -> Recipe:
    """The last order's recipe with what ``command`` changes, and a new seed unless it says ``same``."""
    words = [word for word in command.words.split() if word.lower() != SAME]
    same = len(words) < len(command.words.split())
    old = last.recipe if same else msgspec.structs.replace(last.requested or last.recipe, seed=None)
    if not command.style:
        words.insert(0, line(Recipe(styles=old.styles)))
    new = parse_recipe(" ".join(words), gallery)
    given = {name: value for name in recipes.SETTINGS if (value := getattr(new, name)) is not None}
    dropped = {name: None for setting, value in given.items() for name in _replaced(setting, value)}
    changed = msgspec.structs.replace(old, styles=new.styles, **dropped | given)
    if recipes.instant_mode(changed, gallery) != "fast":  # fast mode cannot paint the new styles
        old_fast = {name: None for name in ("mode", "init") if getattr(changed, name) == "fast" and name not in given}
        changed = msgspec.structs.replace(changed, **old_fast)
    with invalid_recipes():
        recipes.check(changed, gallery)
    return changed


def _replaced(setting: str, value: object) -> tuple[str, ...]:
    """The settings that this one takes the place of."""
    if setting == "mode":
        return recipes.FINE_ONLY if value != "fine" else ()
    other = {"strength": ("ratio",), "ratio": ("strength",)}.get(setting, ())
    return (*other, "mode") if setting in recipes.FINE_ONLY else other


def _matches(style: Style, word: str) -> bool:
    texts = (style.name, style.title, style.artist, *style.aliases)
    return folded(word) in style.tags or any(key(word) in key(text) for text in texts)


def _cards(styles: Iterable[Style]) -> tuple[Card, ...]:
    return tuple(Card(name=s.name, title=s.title, credit=s.credit, tags=s.tags) for s in styles)


def _named(job: Job) -> str:
    return " + ".join(share.name for share in job.recipe.styles)


def _how(style: str) -> str:
    return HOW.replace("starrynight", style)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "(not installed)"
