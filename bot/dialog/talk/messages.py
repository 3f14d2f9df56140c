"""Messages without a command: a photo, a style, settings, a sentence. What they ask for, or the answer to them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bot.core.admission import HOW_MINE
from bot.core.errors import InvalidRecipe
from bot.core.messages import Card, Choice, Incoming, Line, Reply, Text
from bot.core.people.halves import Halves
from bot.dialog.carried.line import carried
from bot.dialog.parse import Command, Name, parse, parse_recipe
from bot.dialog.talk.sentences import Kind, is_thanks, kind_of, mentioned
from engine import recipe as recipes
from engine.gallery import Gallery, Style, key

HOW = "Send a photo with /stylize starrynight as its text, or reply that to a photo."
SUGGESTED = 6  # styles that are offered as words
SHORT = 3  # words that may be a misspelt style; more are a sentence
SURE = 0.75  # likeness of words and a style's name, from which on a caption is a misspelt style and no remark
WELCOME = "You are welcome! Send me the next photo whenever you like."
AGAIN = Line("/again", "Its own photo again", "same")
VERIFY = Line("/verify", "Verify", "same")
HELLO = "Hello! Send me a photo, and I repaint it in the style of a painting. /styles shows the paintings, /help more."


class Asked(msgspec.Struct, frozen=True):
    """A message without a command, as the command that it stands for."""

    incoming: Incoming
    command: Command


class Talk:
    """Understands messages that have no command."""

    def __init__(self, gallery: Gallery, halves: Halves) -> None:
        self._gallery = gallery
        self._halves = halves

    async def understand(self, incoming: Incoming, command: Command) -> Asked | Reply | None:
        """The command that a message stands for, its photo or its words perhaps those of an earlier one.

        None is for a photo that comes without any: it wants to be seen in every style.
        """
        if incoming.photo is None:
            return await self._without_photo(incoming, command)
        if command.words or incoming.style is not None:
            return await self._with_words(incoming, command) or await self._recipe_of(incoming)
        waiting = await self._halves.words(incoming)
        if waiting:
            return Asked(incoming, command_of(waiting))
        await self._halves.keep_photo(incoming)
        return await self._recipe_of(incoming)

    async def _recipe_of(self, incoming: Incoming) -> Text | None:
        """How a picture of ours was painted, which the next photo can be, too; None for any other photo."""
        found = carried(incoming.photo)
        if found is None:
            return None
        said = f"I know this picture: its recipe is\n{found.line}"
        try:
            recipe = parse_recipe(found.line, self._gallery)
        except InvalidRecipe as error:
            return Text(text=f"{said}\nI cannot paint that here. {error}")
        if recipe.mine:
            mine = f"{said}\nIts style was a picture that somebody sent along. {HOW_MINE}"
            return Text(text=mine, lines=(AGAIN, VERIFY))
        words = found.line.removeprefix("/stylize ")
        await self._halves.keep_photo(incoming, words)
        another = "Send another photo" if incoming.own_room else "Send me another photo in the same way"
        return Text(
            text=f"{said}\n{another}, and I paint it like this one. /again in reply to the picture paints its own"
            " photo again, as long as I keep that. A style, such as greatwave, repaints this very picture,"
            " and /verify tells whether it is as its recipe paints it now.",
            lines=(Line(f"/start {words}", "Paint another like this", "next"), AGAIN, VERIFY),
        )

    def names_style(self, command: Command) -> bool:
        """Whether what is written with a photo says what to do with it, and is no remark."""
        if command.names_mine or command.settings or "+" in command.words or self._is_recipe(command):
            return True
        return bool(mentioned(command.words, self._gallery).styles) or self._is_misspelt(command)

    def _is_misspelt(self, command: Command) -> bool:
        return bool(command.style and self._gallery.nearest(command.style, 1, SURE))

    async def which_photo(self, incoming: Incoming, words: str, how: str) -> Text:
        """What an order lacks that names no photo; the next one is taken for it."""
        await self._halves.keep_words(incoming, words)
        return Text(text=f"Which photo? {'Send it here.' if incoming.own_room else how}")

    async def _with_words(self, incoming: Incoming, command: Command) -> Asked | Reply | None:
        """A photo and what is written with it: an order, a sentence that speaks of styles, or any caption."""
        order = Asked(incoming, _stylize(command.words))
        if not command.style or self._is_recipe(command) or "+" in command.words:
            return order
        if is_thanks(command.words):  # the page sends its newest photo along with whatever is written
            return Text(text=WELCOME)
        if self._is_misspelt(command):
            return order  # which is refused with what may have been meant
        asked = self._of_sentence(incoming, command)
        if not isinstance(asked, Asked):
            await self._halves.keep_photo(incoming)
        return asked

    async def _without_photo(self, incoming: Incoming, command: Command) -> Asked | Reply:
        words = command.words
        if not command.style:
            return Asked(incoming, Command(name=Name.AGAIN, words=words)) if words else self._greeting()
        if key(words) == recipes.MINE:
            return Text(text=HOW_MINE)
        if kind := kind_of(words):
            return Text(text=WELCOME if kind is Kind.THANKS else HELLO)
        if self._is_recipe(command):
            photo = await self._halves.photo(incoming)
            with_photo = msgspec.structs.replace(incoming, photo=photo)
            return Asked(with_photo, _stylize(words)) if photo else await self._good_choice(incoming, command)
        return self._of_sentence(incoming, command) or self._near(command) or self._greeting()

    def _is_recipe(self, command: Command) -> bool:
        try:
            parse_recipe(command.words, self._gallery)
        except InvalidRecipe:
            return False
        return True

    def _of_sentence(self, incoming: Incoming, command: Command) -> Asked | Choice | None:
        """What a sentence asks for: one style, or one of those that it may speak of."""
        found = mentioned(command.words, self._gallery)
        if not found.styles:
            return None
        if found.asked and len(found.styles) == 1:
            return Asked(incoming, _stylize(f"{found.styles[0].name} {command.settings}".strip()))
        names = tuple(style.name for style in found.styles[:SUGGESTED])
        if len(found.styles) == 1:
            text = f"{found.styles[0].credit}: is that the style you want?"
        elif len({style.artist for style in found.styles}) == 1:
            text = f"{found.styles[0].artist} painted {len(found.styles)} of my styles. Which one?"
        else:
            text = "Which of these?"
        return Choice(text=text, suggestions=names, settings=command.settings)

    def _near(self, command: Command) -> Choice | None:
        """Styles that a few words may have meant."""
        near = self._gallery.nearest(command.style) if len(command.words.split()) <= SHORT else []
        if not near:
            return None
        names = tuple(style.name for style in near)
        return Choice(text=recipes.unknown_style(command.style, self._gallery), suggestions=names, refused=True)

    async def _good_choice(self, incoming: Incoming, command: Command) -> Text:
        """A style that was named without a photo."""
        await self._halves.keep_words(incoming, command.words)
        style = self._gallery.find(command.style)
        what = style.credit if style else "These styles"
        where = (
            "Send it here."
            if incoming.own_room
            else HOW.replace("starrynight", style.name if style else command.words)
        )
        return Text(text=f"{what}: a good choice, for which photo? {where}")

    @staticmethod
    def _greeting() -> Text:
        return Text(text=f"I repaint photos in the style of paintings. {HOW} /help shows more.")


def cards(styles: Iterable[Style]) -> tuple[Card, ...]:
    """Styles as pictures to choose."""
    return tuple(Card(name=s.name, title=s.title, credit=s.credit, tags=s.tags) for s in styles)


def command_of(words: str) -> Command:
    """What is to be done with the photo that these words wait for: an order, unless they say another command."""
    return parse(words) if words.startswith("/") else _stylize(words)


def _stylize(words: str) -> Command:
    return Command(name=Name.STYLIZE, words=words)
