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
from engine.recipe import EncoderName, Mode, Recipe, complete, default_mode, instant_mode
from engine.wire import EncoderChoice

HOW_MINE = (
    "Send two pictures with /stylize mine, the photo first and the style second, or reply /stylize mine to a photo and"
    " attach the style."
)
SEEDS = 1_000_000  # of those that we choose: short enough to type


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about orders."""

    size: int = 1024  # pixels, long side where the line names none and the photo has as many
    fine_size: int = 768  # the same in fine mode, if that is less
    max_size: int = 4096  # pixels
    max_fine_size: int = 2048  # the same in fine mode, if that is less
    max_steps: int = 1000
    encoder: EncoderChoice = "slim"  # where the line names none; auto leaves it to the engine
    max_photo_bytes: int = 20 * 2**20
    preview_seconds: float = 2.0
    keep_hours: float = 24.0

    def largest(self, mode: Mode | None) -> int:
        """The largest size, in pixels, that an order of this mode may name."""
        return min(self.max_size, self.max_fine_size) if mode == "fine" else self.max_size

    def usual(self, mode: Mode) -> int:
        """The size, in pixels, of an order of this mode that names none."""
        return min(self.size, self.fine_size if mode == "fine" else self.size, self.largest(mode))


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

    def complete(self, recipe: Recipe, room: RoomSettings, engines: EncoderName) -> Recipe:
        """The recipe with the settings of the room, the operator and the styles where it has none.

        Args:
            engines: the encoder that the engine chose for orders that name none. An order that comes before the
                engine has said so is not made to wait for it: it gets slim, and its line says that.

        Raises:
            InvalidOrder: it asks for more than is allowed, or for what its mode cannot do.
        """
        rules = self._rules
        recipe = room.fill(recipe, self._gallery)
        mode = recipe.mode or default_mode(recipe, self._gallery)
        if recipe.size is not None and recipe.size > rules.largest(mode):
            raise InvalidOrder(self._too_large(recipe, recipe.size, mode))
        if recipe.steps is not None and recipe.steps > rules.max_steps:
            raise InvalidOrder(f"steps={recipe.steps} is too many here: the limit is {rules.max_steps}.")
        size, seed = room.most(rules.usual(mode)), secrets.randbelow(SEEDS)
        encoder = engines if rules.encoder == "auto" else rules.encoder
        with invalid_recipes():
            return complete(recipe, self._gallery, size=size, seed=seed, encoder=encoder)

    def _too_large(self, recipe: Recipe, size: int, mode: Mode) -> str:
        most = self._rules.largest(mode)
        if size > self._rules.max_size:
            return f"size={size} is too large here: the limit is {most} pixels. Try size={most}."
        other = instant_mode(recipe, self._gallery)
        limit = f"size={size} is too large for mode={mode} here: the limit is {most} pixels."
        return f"{limit} Try size={most}, or mode={other} for larger ones."

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
