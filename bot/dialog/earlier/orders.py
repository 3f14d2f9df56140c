"""Orders that repeat an earlier one: /again, /variations, /retry and /explain."""

from __future__ import annotations

import msgspec

from bot.core.admission import HOW_MINE
from bot.core.errors import InvalidOrder
from bot.core.jobs import GIVEN_UP, Job
from bot.core.messages import Incoming, Reply, Text
from bot.core.people.halves import Halves
from bot.core.studio import JobWithPictures, Studio
from bot.dialog import sheets
from bot.dialog.carried.line import carried
from bot.dialog.earlier import repeated
from bot.dialog.parse import Command
from bot.dialog.placing import Placing
from bot.dialog.talk.messages import HOW
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import Recipe, line

LOOKED_THROUGH = 100  # of a person's newest orders


class EarlierOrders:
    """Repeats them, for who ordered them."""

    def __init__(self, studio: Studio, gallery: Gallery, halves: Halves, placing: Placing) -> None:
        self._studio = studio
        self._gallery = gallery
        self._halves = halves
        self._placing = placing

    async def again(self, incoming: Incoming, command: Command) -> Reply:
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
            return await self._placing.order(incoming, recipe)
        await self._halves.keep_words(incoming, line(recipe).removeprefix("/stylize "))
        where = "Send a photo" if incoming.own_room else "Send me a photo of yours"
        return Text(
            text=f"Its photo is not yours, or no longer kept. {where}, and I paint it like this:\n{line(recipe)}"
        )

    async def variations(self, incoming: Incoming, command: Command) -> Reply:
        """Of the picture that is named by its order, or of the last."""
        await self._studio.check_limits(incoming)
        id = command.words.lower()
        last = await self._studio.last(
            incoming.user, lambda job: _varies(job) and id in ("", job.id), newest=LOOKED_THROUGH
        )
        if last is None:
            whose = "That is no picture of yours that" if id else "You have no picture that"
            raise InvalidOrder(f"{whose} I could vary, or it is no longer kept. {HOW}")
        return await self._repeat(_bare(incoming), last, sheets.variations(last.job))

    async def retry(self, incoming: Incoming, command: Command) -> Reply:
        """An order that was given up, as it was."""
        id = command.words.lower()
        last = await self._studio.last(
            incoming.user, lambda job: job.state in GIVEN_UP and id in ("", job.id), newest=LOOKED_THROUGH
        )
        if last is None:
            which = f"No picture “{id[:20]}” of yours" if id else "No picture of yours"
            raise InvalidOrder(f"{which} was given up, or it is no longer kept. /again repeats your last one.")
        return await self._repeat(_bare(incoming), last, last.job.recipe)

    async def explain(self, incoming: Incoming, command: Command) -> Reply:
        """How the last fine picture was made: it is made once more, and watched."""
        await self._studio.check_limits(incoming)
        last = await self._studio.last(incoming.user, lambda job: job.recipe.mode == "fine")
        if last is None:
            raise InvalidOrder(
                "You have no fine picture to explain, or it is no longer kept. Order one with mode=fine, or send a"
                " photo with /explain starrynight."
            )
        recipe = msgspec.structs.replace(last.job.recipe, mode="explain", frames=None, clip=None)
        return await self._repeat(_bare(incoming), last, recipe)

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
        whole = msgspec.structs.replace(incoming, place=place, photo=photo, style=style)
        return await self._placing.order(whole, recipe)


def _varies(job: Job) -> bool:
    return job.recipe.mode in recipes.MODES and not job.moves


def _bare(incoming: Incoming) -> Incoming:
    return msgspec.structs.replace(incoming, photo=None, style=None)
