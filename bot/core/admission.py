"""What may become a job: its pictures are there and not too large, its recipe is complete, no limit forbids it."""

from __future__ import annotations

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bot.core.errors import InvalidOrder, PictureTooLarge, invalid_recipes
from bot.core.journal.rows.jobs import Given
from bot.core.limits import Limits
from bot.core.messages import Incoming
from bot.core.queue import FairQueue
from bot.core.rooms import RoomSettings
from engine.gallery import Gallery
from engine.recipe import TABLE, EncoderName, Mode, Recipe, complete, default_mode, expanded, instant_mode, rules_for
from engine.wire import EncoderChoice

HOW_MINE = (
    "Send two pictures with /stylize mine, the photo first and the style second, or reply /stylize mine to a photo and"
    " attach the style."
)
KEPT_SECONDS = 0.5  # of the engine's time; a sheet that takes no longer was painted before, and is drawn once more
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
    keep_marked_hours: float = 24.0 * 30  # pictures of the page that somebody has starred or shared
    failed_starts: float = math.inf  # of the engine, in a row, that a job waits through

    def largest(self, mode: Mode | None) -> int:
        """The largest size, in pixels, that an order of this mode may name."""
        most = self.max_fine_size if mode and TABLE[mode].optimises else self.max_size
        return min(self.max_size, most, TABLE[mode].largest if mode else most)

    def usual(self, mode: Mode) -> int:
        """The size, in pixels, of an order of this mode that names none."""
        rules = TABLE[mode]
        return min(self.size, self.fine_size if rules.optimises else self.size, rules.usual, self.largest(mode))


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to do already, when an order comes."""

    of_user: int  # the person's jobs that wait or are being painted
    of_room: int  # the same of the room
    # Seconds, worked out where somebody is to be told:
    until_one_of_user: Callable[[], float | None]  # until one of the person's is likely to be finished
    until_next: Callable[[], float]  # until any is
    paced: int = 0  # pictures that join the queue when the rate of their people allows it


class Admission:
    """Checks orders, and counts those that were promised a place and are not in the queue yet."""

    def __init__(self, rules: Rules, limits: Limits, queue: FairQueue, gallery: Gallery) -> None:
        self._rules = rules
        self._limits = limits
        self._queue = queue
        self._gallery = gallery
        self._pending: Counter[str] = Counter()  # by user: orders on their way to the disk
        self._pending_in: Counter[str] = Counter()  # the same by room

    def pictures(self, incoming: Incoming, recipe: Recipe) -> Given:
        """The pictures of an order, as far as the recipe wants them.

        Where it wants no photo, one that came along is left out: it belongs to what was replied to. Only where a
        picture of the person's own is the style, it is that.

        Raises:
            InvalidOrder: one is missing, or is too many, or is too large.
        """
        photo, style = incoming.photo, incoming.style
        wants_photo = rules_for(recipe, self._gallery).photo
        if not wants_photo:
            photo, style = None, (style or photo) if recipe.mine else None
        if photo is None and wants_photo:
            raise InvalidOrder(
                "There is no photo to paint. Send one with the command, or reply with the command to one."
            )
        if recipe.mine and style is None:
            raise InvalidOrder(f"Which picture is the style? {HOW_MINE if wants_photo else 'Send it along.'}")
        if style is not None and not recipe.mine:
            raise InvalidOrder(_too_many(recipe))
        limit = self._rules.max_photo_bytes
        given = Given(photo, style, incoming.checked)
        for picture, what in zip(given, ("photo", "style picture", "picture"), strict=True):
            if picture is not None and len(picture) > limit:
                raise PictureTooLarge(limit, what=what)
        return given

    def complete(self, recipe: Recipe, room: RoomSettings, engines: EncoderName) -> Recipe:
        """The recipe with the settings of the room, the operator and the styles where it has none.

        Args:
            engines: the encoder that the engine chose for orders that name none. An order that comes before the
                engine has said so is not made to wait for it: it gets slim, and its line says that.

        Raises:
            InvalidOrder: it asks for more than is allowed, or for what its mode cannot do.
        """
        rules = self._rules
        encoder = engines if rules.encoder == "auto" else rules.encoder
        with invalid_recipes():
            recipe = expanded(room.fill(recipe, self._gallery), self._gallery, encoder)
        mode = recipe.mode or default_mode(recipe, self._gallery)
        if recipe.size is not None and recipe.size > rules.largest(mode):
            raise InvalidOrder(too_large(rules, recipe, recipe.size, self._gallery))
        if recipe.all_steps > rules.max_steps:
            what = f"{recipe.all_steps} steps are" if recipe.then else f"steps={recipe.steps} is"
            raise InvalidOrder(f"{what} too many here: the limit is {rules.max_steps}.")
        size, seed = room.most(rules.usual(mode)), secrets.randbelow(SEEDS)
        with invalid_recipes():
            return complete(recipe, self._gallery, size=size, seed=seed, encoder=encoder)

    def check(self, user: str, room: str, settings: RoomSettings, demand: Demand, seconds: float = 0.0) -> None:
        """Refuse an order for which there is no place; ``seconds`` is how long it is likely to keep the engine busy.

        Raises:
            LimitReached
        """
        now = time.monotonic()  # the other clock may be set back
        settings.check_waiting(demand.of_room + self._pending_in[room])
        self._limits.check(user, demand.of_user + self._pending[user], now, demand.until_one_of_user, seconds)
        self._queue.check(demand.until_next, coming=self._pending.total() + demand.paced)

    def reserve(
        self, user: str, room: str, settings: RoomSettings, demand: Demand, seconds: float, *, look: bool = False
    ) -> float:
        """Promise a place in the queue, and take an order from the person's allowance.

        Nothing is awaited between the checks and the promise, or two orders at once could both take the last place.

        Args:
            seconds: that the order is likely to keep the engine busy.
            look: see `Limits`.

        Returns:
            Seconds until the person's rate allows it.

        Raises:
            LimitReached
        """
        self.check(user, room, settings, demand, seconds)
        wait = self._limits.spend(user, time.monotonic(), seconds, look=look)
        self._pending[user] += 1
        self._pending_in[room] += 1
        return wait

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

    def wait_for_look(self, user: str) -> float:
        """Seconds until the person's rate allows one more look."""
        return self._limits.wait(user, time.monotonic(), look=True)

    def give_back(self, user: str, seconds: float, *, look: bool = False) -> None:
        """The order became no job, and not by the person's doing."""
        self._limits.give_back(user, time.monotonic(), seconds, look=look)

    def settle(self, user: str, charged: float, taken: float, *, look: bool = False) -> None:
        """A job is over: it costs what it took of the engine's seconds, and not what it was likely to take; a look at
        what was painted before costs nothing."""
        if look and 0 < taken < KEPT_SECONDS:
            self._limits.give_back(user, time.monotonic(), charged - taken, look=True)
        else:
            self._limits.give_seconds_back(user, time.monotonic(), charged - taken)


def is_look(recipe: Recipe) -> bool:
    """Whether it is a sheet of small pictures to choose from, see `Limits`."""
    return recipe.mode == "sheet"


def too_large(rules: Rules, recipe: Recipe, size: int, gallery: Gallery) -> str:
    """The sentence where a size is beyond what the recipe's mode may have here."""
    mode = recipe.mode or default_mode(recipe, gallery)
    most = rules.largest(mode)
    if most == rules.max_size:
        return f"size={size} is too large here: the limit is {most} pixels. Try size={most}."
    limit = f"size={size} is too large for mode={mode} here: the limit is {most} pixels. Try size={most}"
    if mode != "fine":
        return f"{limit}."
    return f"{limit}, or mode={instant_mode(recipe, gallery)} for larger ones."


def _too_many(recipe: Recipe) -> str:
    """The sentence where there are two pictures for a recipe that takes one."""
    if not recipe.styles:
        return "You sent two pictures, and this takes one. Send it alone."
    name = recipe.styles[0].name
    return (
        f"You sent two pictures, and {name} needs one. /stylize mine paints the first in the style of the second,"
        f" /stylize {name}+mine mixes them; or send the photo alone."
    )
