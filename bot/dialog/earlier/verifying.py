"""/verify: a picture of ours is painted once more and compared in the engine, which says whether it is the same.

Its photo is the one that is kept, or one that comes along; and so is the picture that was its style.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from bot.core.errors import InvalidOrder
from bot.core.messages import Incoming, Reply, Text
from bot.core.people.halves import Halves
from bot.core.studio import JobWithPictures, Studio
from bot.dialog.carried.line import carried
from bot.dialog.earlier.orders import LOOKED_THROUGH
from bot.dialog.parse import Command, Name, parse_recipe
from bot.dialog.placing import Placing
from engine.gallery import Gallery
from engine.recipe import MODES, Recipe, default_mode, line

WORD = f"/{Name.VERIFY}"
WHICH = "Which picture? Reply /verify to one of mine, or send one as a file with /verify as its text."
NOT_KEPT = "I keep its photo no longer, or it is not yours."
NOT_BOTH = "Its style was a picture of somebody's own. I do not keep that and its photo, or they are not yours."


class Sent(NamedTuple):
    """The pictures that came, each for what it is."""

    picture: bytes  # the one that is to be verified
    line: str  # its recipe
    others: tuple[bytes, ...]  # its photo, then its style


class Verifying:
    """Answers /verify."""

    def __init__(self, studio: Studio, gallery: Gallery, halves: Halves, placing: Placing) -> None:
        self._studio = studio
        self._gallery = gallery
        self._halves = halves
        self._placing = placing

    async def verify(self, incoming: Incoming, command: Command) -> Reply:
        await self._studio.check_limits(incoming)
        sent = await self._sorted(incoming, command)
        last = await self._studio.last(
            incoming.user,
            lambda job: job.id == incoming.replied or line(job.recipe) == sent.line,
            newest=LOOKED_THROUGH,
        )
        recipe = last.job.recipe if last else parse_recipe(sent.line, self._gallery)
        if (recipe.mode or default_mode(recipe, self._gallery)) not in MODES:
            raise InvalidOrder("I verify photos and clips that were repainted, and this is something else.")
        if len(sent.others) > 1 + recipe.mine:
            takes = "its photo and its style" if recipe.mine else "its photo"
            raise InvalidOrder(f"Beside the picture to verify I take {takes}, and these are {len(sent.others)} more.")
        return await self._hold_against(incoming, sent, recipe, last)

    async def _hold_against(
        self, incoming: Incoming, sent: Sent, recipe: Recipe, last: JobWithPictures | None
    ) -> Reply:
        photo, style, place = last.photo if last else None, last.style if last else None, incoming.place
        if sent.others:
            photo, *styles = sent.others
            style = styles[0] if styles else style
        elif last:
            place = self._studio.repeated(place, last.job.place)
        if photo is None or (recipe.mine and style is None):
            return await self._lacks(incoming, sent, recipe)
        style = style if recipe.mine else None
        whole = msgspec.structs.replace(incoming, place=place, photo=photo, style=style, checked=sent.picture)
        reply = await self._placing.order(whole, recipe)
        await self._halves.forget(incoming)
        return reply

    async def _sorted(self, incoming: Incoming, command: Command) -> Sent:
        """The picture to verify is the first that says how it was made, or is said to by its message; else the one
        that was shown before."""
        given = [data for data in (incoming.checked, incoming.photo, incoming.style) if data is not None]
        for number, data in enumerate(given):
            if found := carried(data):
                return Sent(data, found.line, (*given[:number], *given[number + 1 :]))
        if incoming.line and given:
            return Sent(given[0], incoming.line, tuple(given[1:]))
        shown = await self._halves.photo(incoming)
        own = carried(shown)
        said = own.line if own else command.words or await self._waiting(incoming)
        if shown is None or not said:
            raise InvalidOrder(WHICH)
        return Sent(shown, said, tuple(given))

    async def _waiting(self, incoming: Incoming) -> str:
        """The line of a picture that waits for its photo."""
        words = await self._halves.words(incoming)
        return words.removeprefix(WORD).strip() if words.startswith(WORD) else ""

    async def _lacks(self, incoming: Incoming, sent: Sent, recipe: Recipe) -> Reply:
        """The picture is kept until its photo comes, where nobody else is in the room."""
        if not incoming.own_room:
            more = "its photo and then its style" if recipe.mine else "its photo"
            why = NOT_BOTH if recipe.mine else NOT_KEPT
            raise InvalidOrder(f"{why} Send {more} along: as files of the message that says /verify.")
        await self._halves.keep_photo(msgspec.structs.replace(incoming, photo=sent.picture), f"{WORD} {sent.line}")
        if recipe.mine:
            return Text(text=f"{NOT_BOTH} Send both with /verify, the photo first, and I compare.")
        return Text(text=f"{NOT_KEPT} Send the photo that it was painted from, and I paint it anew and compare.")
