"""What the words mean; the same on every platform."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import msgspec

from bot.chat import Card, Incoming, Reply
from bot.errors import BadOrder, NotAllowed, Refusal, sentence
from bot.jobs import Job
from bot.studio import HOW_MINE, Studio
from engine import recipe as recipes
from engine.gallery import Gallery, Style, folded, key
from engine.recipe import Recipe, RecipeError, line, nearest

log = logging.getLogger(__name__)

# By name, with one line of description: what /help prints, and what platforms may show in their menus.
COMMANDS: Mapping[str, str] = {
    "stylize": "repaint a photo: /stylize starrynight, as the photo's text or as a reply to it",
    "styles": "show the paintings to choose from: /styles, /styles blue, or /styles starrynight for one in full",
    "again": "paint your last photo once more, perhaps with other settings: /again strength=80",
    "queue": "show where your pictures stand",
    "cancel": "take back a picture: /cancel, /cancel ID or /cancel all",
    "settings": "what holds in this room; admins change it: /settings style=starrynight size=768 who=admins",
    "help": "show this",
    "about": "what I am and whose ideas I use",
    "privacy": "what I keep, and for how long",
}
ALIASES = {"stylise": "stylize"}

PAPERS = (
    "fast mode: Dumoulin, Shlens and Kudlur, “A Learned Representation for Artistic Style” (2017)",
    "universal mode: Li, Fang, Yang, Wang, Lu and Yang, “Universal Style Transfer via Feature Transforms” (2017)",
    "fine mode: Gatys, Ecker and Bethge, “A Neural Algorithm of Artistic Style” (2015) and “Image Style Transfer Using"
    " Convolutional Neural Networks” (2016)",
)
TAGS_SHOWN = 8  # where all styles are shown; the pictures are what counts there
HOW = "Send a photo with /stylize starrynight as its text, or reply that to a photo."


@dataclass(frozen=True)
class _Message:
    """A message taken apart."""

    incoming: Incoming
    command: str  # without its slash, lower case; nothing where there is none
    rest: str


class Commands:
    """Answers messages."""

    def __init__(self, studio: Studio, gallery: Gallery) -> None:
        self._studio = studio
        self._gallery = gallery
        self._answers: dict[str, Callable[[_Message], Awaitable[Reply]]] = {
            "": self._plain,
            "stylize": self._stylize,
            "styles": self._styles,
            "again": self._again,
            "queue": self._queue,
            "cancel": self._cancel,
            "settings": self._settings,
            "help": self._help,
            "start": self._start,
            "about": self._about,
            "privacy": self._privacy,
        }

    async def handle(self, incoming: Incoming) -> Reply:
        """The answer to a message. Never raises: what goes wrong is said in the reply."""
        message = _taken_apart(incoming)
        more: dict[str, Any] = {}
        try:
            answer = self._answers.get(message.command)
            if answer is None:
                hint = nearest(message.command, list(COMMANDS)).replace("mean ", "mean /")
                raise BadOrder(f"I do not know /{message.command[:30]}.{hint or ' /help shows what I know.'}")
            return await answer(message)
        except RecipeError as error:
            text, more = str(error), self._choices(message)
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("a message could not be answered")
            text = sentence(error)
        self._studio.health.refused.inc()
        return Reply(text=text, refused=True, **more)

    def _choices(self, message: _Message) -> dict[str, Any]:
        """What somebody whose recipe could not be read may choose from: near styles, or all where none was named."""
        words = message.rest.split()
        said, settings = "".join(w for w in words if "=" not in w), " ".join(w for w in words if "=" in w)
        if message.command not in ("", "stylize"):
            return {}
        if not said:
            return {"cards": _cards(self._gallery), "settings": settings}
        parts = [part.partition(":") for part in said.split("+")]
        known = [key(word) == recipes.MINE or self._gallery.find(word) is not None for word, _, _ in parts]
        unknown = [index for index, found in enumerate(known) if not found]
        if len(unknown) != 1:
            return {}
        (at,) = unknown
        near = self._gallery.nearest(parts[at][0])
        mixes = [[*parts[:at], (style.name, *parts[at][1:]), *parts[at + 1 :]] for style in near]
        return {"suggestions": tuple("+".join("".join(part) for part in mix) for mix in mixes), "settings": settings}

    # --- orders ------------------------------------------------------------------------------------------------------

    async def _plain(self, message: _Message) -> Reply:
        """No command: with a photo, the words name a style; without words, the person may choose."""
        if message.incoming.photo is not None:
            if message.rest or message.incoming.style is not None:
                return await self._stylize(message)
            room = message.incoming.place.room
            chosen = await self.chosen(room)
            if chosen is not None:
                reply = await self._stylize(_Message(message.incoming, "stylize", chosen))
                await self._studio.rooms.forget(room)  # not where the order was refused
                return reply
            return Reply(
                text="Which style shall it be? Choose one, or reply /stylize and its name to the photo.",
                cards=_cards(self._gallery),
            )
        if key(message.rest) == recipes.MINE:
            return Reply(text=HOW_MINE)
        style = self._gallery.find(message.rest)
        if style is not None:
            return Reply(text=f"{style.credit}: a good choice, for which photo? {_how(style.name)}")
        return Reply(text=f"I repaint photos in the style of paintings. {HOW} /help shows more.")

    async def chosen(self, room: str) -> str | None:
        """The style that was chosen there before its photo came, as long as the gallery has it."""
        name = await self._studio.rooms.remembered(room)
        return name if name and self._gallery.find(name) else None

    async def _stylize(self, message: _Message) -> Reply:
        text = message.rest
        if all("=" in word for word in text.split()):  # no style is named
            room = await self._studio.rooms.get(message.incoming.place.room)
            style = room.style if message.incoming.style is None else recipes.MINE
            text = f"{style or ''} {text}"
        recipe = recipes.parse(text, self._gallery)
        if message.incoming.photo is None:
            raise BadOrder(f"Which photo? {HOW_MINE if recipe.mine else _how(recipe.styles[0].name)}")
        return await self._order(message.incoming, recipe)

    async def _again(self, message: _Message) -> Reply:
        last = await self._studio.last(message.incoming.user)
        if last is None:
            raise BadOrder(f"I have no order of yours to repeat: none was made, or it is no longer kept. {HOW}")
        sent, recipe = message.incoming, _changed(last.job, message.rest, self._gallery)
        photo, style = sent.photo or last.photo, sent.style
        if recipe.mine and style is None:
            style = last.style
            if style is None and sent.photo is not None:  # the one picture sent is what the last order lacks
                photo, style = last.photo, sent.photo
        return await self._order(msgspec.structs.replace(sent, photo=photo, style=style), recipe)

    async def _order(self, incoming: Incoming, recipe: Recipe) -> Reply:
        job = await self._studio.accept(incoming, recipe)
        status = await self._studio.status(job.id)
        titles = " + ".join(recipes.titles(job.recipe, self._gallery))
        return Reply(text=f"{titles}, order {job.id}: {status.text if status else job.state}.", job=job)

    async def _cancel(self, message: _Message) -> Reply:
        user, word = message.incoming.user, message.rest.lower()
        if not word:
            mine = self._studio.open_jobs(user)
            if len(mine) > 1:
                names = " or ".join(f"/cancel {waiting.job.id}" for waiting in mine)
                raise BadOrder(f"You have {len(mine)} pictures waiting. Write {names}, or /cancel all.")
        cancelled = await self._studio.cancel(user, word if word not in ("", "all") else None)
        return Reply(text=f"Cancelled: {', '.join(job.id for job in cancelled)}.")

    # --- questions ---------------------------------------------------------------------------------------------------

    async def _styles(self, message: _Message) -> Reply:
        """Cards to choose from; a single one comes with all that is known of the style."""
        words, tags = message.rest, sorted({tag for style in self._gallery for tag in style.tags})
        found = self._sought(words, tags)
        if not found:
            hint = f" You can look for {', '.join(tags)}." if tags else " /styles shows them all."
            raise BadOrder(f"No style goes by “{words[:40]}”.{hint}")
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
        return Reply(text=text, cards=_cards(found))

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
            "" if style.fast else "Fast mode has not learnt it.",
            f"Write /stylize {style.name}{mix}",
        )
        return "\n".join(filter(None, lines))

    async def _queue(self, message: _Message) -> Reply:
        mine = self._studio.open_jobs(message.incoming.user)
        lines = [f"{waiting.job.id}: {_named(waiting.job)}, {waiting.status.text}" for waiting in mine]
        total = self._studio.line()
        everybody = f"In all, {_count(total, 'picture is', 'pictures are')} in the line."
        return Reply(text="\n".join([*(lines or ["You have no pictures waiting."]), everybody]))

    async def _settings(self, message: _Message) -> Reply:
        incoming, rooms = message.incoming, self._studio.rooms
        room = await rooms.get(incoming.place.room)
        if not message.rest:
            return Reply(text=f"What holds here:\n{room}\nAdmins change it: /settings style=starrynight size=768")
        if not incoming.admin:
            raise NotAllowed("Only admins can change what holds here.")
        room = room.changed(message.rest, self._gallery, incoming.topic)
        await rooms.set(incoming.place.room, room)
        return Reply(text=f"Done. What holds here now:\n{room}")

    async def _help(self, message: _Message) -> Reply:
        lines = [f"/{name}: {text}" for name, text in COMMANDS.items()]
        more = (
            "Settings go behind the style: strength=0..100, brush=0.25..4, colors=photo, "
            f"size=..{self._studio.rules.max_size}, seed=. Mix styles with +: /stylize starrynight:70+greatwave:30",
            f"Any picture can be the style. {HOW_MINE}",
            "mode=fast paints at once and is the usual one, mode=universal does so for any picture as the style, and"
            " mode=fine takes its time over each picture: try the button Finer.",
        )
        return Reply(text="\n".join(["I repaint photos in the style of paintings.", *lines, *more]))

    async def _start(self, message: _Message) -> Reply:
        """How some platforms begin; a link may name a style, which then waits for a photo."""
        style = self._gallery.find(message.rest)
        if style is None:
            return await self._help(message)
        await self._studio.rooms.remember(message.incoming.place.room, style.name)
        return Reply(text=f"{style.credit}: a good choice, for which photo? Send it here.")

    async def _about(self, message: _Message) -> Reply:
        ready = self._studio.engine.ready
        device = f"Painting on: {ready.device}." if ready else "The painting engine is starting."
        count = _count(len(self._gallery), "style", "styles")
        return Reply(
            text=f"Impasto {_version()}, open source under the MIT licence. {count}. {device}\nThe methods:\n"
            + "\n".join(PAPERS)
        )

    async def _privacy(self, message: _Message) -> Reply:
        hours = f"{self._studio.rules.keep_hours:g} hours"
        return Reply(
            text="I keep your photo, the picture that you sent as its style, the finished picture, the settings, your"
            f" id on this platform and, on the web page, what was said, for {hours} after the picture is finished, so"
            " that a restart loses nothing and /again works; then they are deleted. They stay on the machine that I"
            " run on and are used for nothing else. Nothing that a camera writes into a photo, such as where it was"
            " taken, gets into the picture."
        )


def _taken_apart(incoming: Incoming) -> _Message:
    text = incoming.text.strip()
    # Telegram writes /stylize@some_bot in groups.
    found = re.match(r"/(\w+)(?:@\w+)?(?=\s|$)", text)
    if not found:
        return _Message(incoming, "", text)
    command = found[1].lower()
    return _Message(incoming, ALIASES.get(command, command), text[found.end() :].strip())


def names_mine(text: str) -> bool:
    """Whether a message's style is, or is mixed with, a picture of the person's own: so there are two pictures."""
    words = re.sub(r"^/\w+(@\w+)?", "", text.strip()).split()
    said = "".join(word for word in words if "=" not in word and word.lower() != "same")
    return any(key(part.partition(":")[0]) == recipes.MINE for part in said.split("+"))


def _changed(last: Job, text: str, gallery: Gallery) -> Recipe:
    """The last order's recipe with what ``text`` says instead, and a new seed unless it says ``same``."""
    words = [word for word in text.split() if word.lower() != "same"]
    same = len(words) < len(text.split())
    old = last.recipe if same else msgspec.structs.replace(last.said or last.recipe, seed=None)
    if all("=" in word for word in words):
        words.insert(0, line(Recipe(styles=old.styles)))
    new = recipes.parse(" ".join(words), gallery)
    said = {name: value for name in recipes.SETTINGS if (value := getattr(new, name)) is not None}
    dropped = {name: None for setting, value in said.items() for name in _replaced(setting, value)}
    changed = msgspec.structs.replace(old, styles=new.styles, **dropped | said)
    if recipes.instant_mode(changed, gallery) != "fast":  # the new styles are none that it knows
        old_fast = {name: None for name in ("mode", "init") if getattr(changed, name) == "fast" and name not in said}
        changed = msgspec.structs.replace(changed, **old_fast)
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
