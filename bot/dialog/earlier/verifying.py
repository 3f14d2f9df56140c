"""/verify: a picture of ours is painted once more and compared in the engine, which says whether it is the same.

Its photo is the one that is kept, or one that comes along; and so is the picture that was its style.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from engine.recipe import Recipe, line, rules_for
from engine.wire import DIFFERS, VERIFIED

WORD = f"/{Name.VERIFY}"
WHICH = "Which picture? Reply /verify to one of mine, or send one as a file with /verify as its text."
PHOTO, STYLE = "its photo", "its style"
NOT_KEPT = {
    (PHOTO,): "I keep its photo no longer, or it is not yours.",
    (STYLE,): "Its style was a picture of somebody's own. I do not keep that, or it is not yours.",
    (PHOTO, STYLE): "Its style was a picture of somebody's own. I do not keep that and its photo, or they are not"
    " yours.",
}
SEND = {
    (PHOTO,): "Send the photo that it was painted from, and I paint it anew and compare.",
    (STYLE,): "Send that picture, and I paint it anew and compare.",
    (PHOTO, STYLE): "Send both with /verify, the photo first, and I compare.",
}


def is_same(notes: Sequence[str]) -> bool | None:
    """Whether what was verified is what its recipe makes; None where nothing was verified."""
    said = next((note for note in notes if note.startswith(VERIFIED)), None)
    return None if said is None else not said.startswith(f"{VERIFIED} {DIFFERS}")


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
        takes = self._takes(recipe)
        if len(sent.others) > len(takes):
            beside = f"Beside the picture to verify I take {' and '.join(takes)}" if takes else "I take that one alone"
            raise InvalidOrder(f"{beside}, and these are {len(sent.others)} more.")
        return await self._hold_against(incoming, sent, recipe, last)

    async def _hold_against(
        self, incoming: Incoming, sent: Sent, recipe: Recipe, last: JobWithPictures | None
    ) -> Reply:
        takes, place = self._takes(recipe), incoming.place
        of: dict[str, bytes | None] = {PHOTO: last.photo, STYLE: last.style} if last else {}
        if sent.others:
            of |= zip(takes, sent.others, strict=False)
        elif last:
            place = self._studio.repeated(place, last.job.place)
        if any(of.get(picture) is None for picture in takes):
            return await self._lacks(incoming, sent, takes)
        photo, style = (of[picture] if picture in takes else None for picture in (PHOTO, STYLE))
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

    def _takes(self, recipe: Recipe) -> tuple[str, ...]:
        """The pictures that it was painted from."""
        photo = (PHOTO,) if rules_for(recipe, self._gallery).photo else ()
        return (*photo, STYLE) if recipe.mine else photo

    async def _lacks(self, incoming: Incoming, sent: Sent, takes: tuple[str, ...]) -> Reply:
        """The picture is kept until its photo comes, where nobody else is in the room."""
        if not incoming.own_room:
            more = " and then ".join(takes)
            raise InvalidOrder(f"{NOT_KEPT[takes]} Send {more} along: as files of the message that says /verify.")
        await self._halves.keep_photo(msgspec.structs.replace(incoming, photo=sent.picture), f"{WORD} {sent.line}")
        return Text(text=f"{NOT_KEPT[takes]} {SEND[takes]}")
