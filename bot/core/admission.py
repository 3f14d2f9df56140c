"""What may become a job: its pictures are there and not too large, its recipe is complete, no limit forbids it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bot.core.errors import InvalidOrder, PictureTooLarge, invalid_recipes
from bot.core.limits import Limits
from bot.core.messages import Incoming
from bot.core.queue import FairQueue
from bot.core.rooms import RoomSettings
from engine.gallery import Gallery
from engine.recipe import EncoderName, Recipe, complete

HOW_MINE = (
    "Send two pictures with /stylize mine, the photo first and the style second, or reply /stylize mine to a photo and"
    " attach the style."
)
SEEDS = 1_000_000  # of those that we choose: short enough to type


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about orders."""

    size: int = 512  # pixels, long side where the line names none
    max_size: int = 2048  # pixels
    max_steps: int = 1000
    encoder: EncoderName = "slim"  # where the line names none
    max_photo_bytes: int = 20 * 2**20
    preview_seconds: float = 2.0
    keep_hours: float = 24.0


class Admission:
    """Checks orders, and counts those that were promised a place and are not in the queue yet.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(
        self, rules: Rules, limits: Limits, queue: FairQueue, gallery: Gallery, clock: Callable[[], float]
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._queue = queue
        self._gallery = gallery
        self._clock = clock
        self._pending: Counter[str] = Counter()  # by user: orders on their way to the disk
        self._pending_in: Counter[str] = Counter()  # the same by room

    def pictures(self, incoming: Incoming, recipe: Recipe) -> tuple[bytes, bytes | None]:
        """The photo and, where the recipe wants one, the style picture of an order.

        Raises:
            InvalidOrder: one is missing, or is too many, or is too large.
        """
        photo, style = incoming.photo, incoming.style
        if photo is None:
            raise InvalidOrder(
                "There is no photo to paint. Send one with the command, or reply with the command to one."
            )
        if recipe.mine and style is None:
            raise InvalidOrder(f"Which picture is the style? {HOW_MINE}")
        if style is not None and not recipe.mine:
            name = recipe.styles[0].name
            raise InvalidOrder(
                f"You sent two pictures, and {name} needs one. /stylize mine paints the first in the style of the"
                f" second, /stylize {name}+mine mixes them; or send the photo alone."
            )
        limit = self._rules.max_photo_bytes
        for picture, what in ((photo, "photo"), (style, "style picture")):
            if picture is not None and len(picture) > limit:
                raise PictureTooLarge(limit, what=what)
        return photo, style

    def complete(self, recipe: Recipe, room: RoomSettings) -> Recipe:
        """The recipe with the settings of the room, the operator and the styles where it has none.

        Raises:
            InvalidOrder: it asks for more than is allowed, or for what its mode cannot do.
        """
        rules = self._rules
        recipe = room.fill(recipe, rules.size, self._gallery)
        if recipe.size is not None and recipe.size > rules.max_size:
            most = rules.max_size
            raise InvalidOrder(f"size={recipe.size} is too large here: the limit is {most} pixels. Try size={most}.")
        if recipe.steps is not None and recipe.steps > rules.max_steps:
            raise InvalidOrder(f"steps={recipe.steps} is too many here: the limit is {rules.max_steps}.")
        size, seed = min(rules.size, rules.max_size), secrets.randbelow(SEEDS)
        with invalid_recipes():
            return complete(recipe, self._gallery, size=size, seed=seed, encoder=rules.encoder)

    def reserve(
        self,
        user: str,
        room: str,
        settings: RoomSettings,
        *,
        open_jobs: int,
        waiting: int,
        next_of_user: float | None,
        next_of_all: float,
    ) -> None:
        """Promise a place in the queue, and take an order from the person's allowance.

        Nothing is awaited between the checks and the promise, or two orders at once could both take the last place.

        Args:
            open_jobs: the person's jobs that wait or are being painted.
            waiting: the same of the room.
            next_of_user, next_of_all: seconds until one of the person's jobs is finished, and any job.

        Raises:
            LimitReached
        """
        now = self._clock()
        settings.check_waiting(waiting + self._pending_in[room])
        self._limits.check(user, open_jobs + self._pending[user], now, next_of_user)
        self._queue.check(next_of_all, coming=self._pending.total())
        self._limits.spend(user, now)
        self._pending[user] += 1
        self._pending_in[room] += 1

    @contextmanager
    def reserved(self, user: str, room: str) -> Iterator[None]:
        """While an order that `reserve` let pass is written down."""
        try:
            yield
        finally:
            for count, key in ((self._pending, user), (self._pending_in, room)):
                count[key] -= 1
                if not count[key]:
                    del count[key]

    def give_back(self, user: str) -> None:
        """The order became no job, and not by the person's doing."""
        self._limits.give_back(user, self._clock())
