"""Commands that ask and order nothing: styles, the queue, settings, help, about, privacy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib import metadata

from bot.core.errors import InvalidOrder, InvalidRecipe, NotAllowed
from bot.core.jobs import Job
from bot.core.messages import Choice, Incoming, Reply, Text
from bot.core.people.halves import Halves
from bot.core.people.owners import Owners
from bot.core.studio import Studio
from bot.dialog import settings
from bot.dialog.parse import Command, Name, parse_recipe
from bot.dialog.talk import help
from bot.dialog.talk.messages import HOW, cards
from engine.gallery import Gallery, Style, folded, key
from engine.recipe import line

PAPERS = (
    "fast mode: Dumoulin, Shlens and Kudlur, “A Learned Representation for Artistic Style” (2017)",
    "universal mode: Ghiasi, Lee, Kudlur, Dumoulin and Shlens, “Exploring the Structure of a Real-time,"
    " Arbitrary Neural Artistic Stylization Network” (2017)",
    "fine mode: Gatys, Ecker and Bethge, “A Neural Algorithm of Artistic Style” (2015) and “Image Style Transfer Using"
    " Convolutional Neural Networks” (2016)",
)
TAGS_SHOWN = 8  # where all styles are shown; the pictures are what counts there


class Questions:
    """Answers them."""

    def __init__(self, studio: Studio, gallery: Gallery, halves: Halves, owners: Owners) -> None:
        self._studio = studio
        self._gallery = gallery
        self._halves = halves
        self._owners = owners

    async def styles(self, incoming: Incoming, command: Command) -> Reply:
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

    async def queue(self, incoming: Incoming, command: Command) -> Reply:
        mine = self._studio.open_jobs(incoming.user)
        lines = [f"{waiting.job.id}: {_named(waiting.job)}, {waiting.status.text}" for waiting in mine]
        total = self._studio.waiting()
        everybody = f"In all, {_count(total, 'picture is', 'pictures are')} in the queue."
        return Text(text="\n".join([*(lines or ["You have no pictures waiting."]), everybody]))

    async def settings(self, incoming: Incoming, command: Command) -> Reply:
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

    async def help(self, incoming: Incoming, command: Command) -> Reply:
        owner = self._owners.include(incoming.user)
        return help.text_of(command.words, incoming.own_room, self._studio.rules, owner=owner)

    async def start(self, incoming: Incoming, command: Command) -> Reply:
        """How some platforms begin; a link or a button may name a style or a line, which then waits for a photo."""
        style = self._gallery.find(command.words)
        if style is None and not command.words:
            return await self.help(incoming, command)
        where = "Send it here." if incoming.own_room else "Reply to this with it, or send it with a mention of me."
        if style is not None:
            await self._halves.keep_words(incoming, style.name)
            return Text(text=f"{style.credit}: a good choice, for which photo? {where}")
        try:
            words = line(parse_recipe(command.words, self._gallery)).removeprefix("/stylize ")
        except InvalidRecipe:
            return await self.help(incoming, Command(name=Name.HELP))
        await self._halves.keep_words(incoming, words)
        return Text(text=f"Which photo is to be painted like it? {where}")

    async def about(self, incoming: Incoming, command: Command) -> Reply:
        ready = self._studio.engine.ready
        device = f"Painting on: {ready.device}." if ready else "The painting engine is starting."
        count = _count(len(self._gallery), "style", "styles")
        return Text(
            text=f"Impasto {_version()}, open source under the MIT licence. {count}. {device}\nThe methods:\n"
            + "\n".join(PAPERS)
        )

    async def privacy(self, incoming: Incoming, command: Command) -> Reply:
        rules = self._studio.rules
        hours, days = f"{rules.keep_hours:g} hours", rules.keep_marked_hours / 24
        return Text(
            text="I keep your photo, the picture that you sent as its style, the finished picture, the settings, your"
            f" id on this platform and, on the web page, the conversation, for {hours} after the picture is finished,"
            " so that a restart loses nothing and /again works; then they are deleted, or sooner with /forgetme."
            f" Pictures of the web page that you star or share are kept for {days:g} days. All of it stays on the"
            " machines that this bot runs on and is used for nothing else. What a camera writes into a photo, such as"
            " where it was taken, is not copied into the picture."
        )


def _matches(style: Style, word: str) -> bool:
    texts = (style.name, style.title, style.artist, *style.aliases)
    return folded(word) in style.tags or any(key(word) in key(text) for text in texts)


def _named(job: Job) -> str:
    return " + ".join(share.name for share in job.recipe.styles) or str(job.recipe.mode)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _version() -> str:
    try:
        return metadata.version("impasto")
    except metadata.PackageNotFoundError:
        return "(not installed)"
