"""What the buttons under a finished picture mean; the same on every platform.

A button carries the job's id and one letter, no more: everything else is looked up in the store, so buttons outlive a
restart, for as long as the job is kept.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from bot.core.errors import InvalidOrder, LimitReached, NotNow, NotOwner, Refusal, sentence
from bot.core.jobs import OPEN, Job, Place, State
from bot.core.journal.store import JobMessage, Store
from bot.core.messages import Incoming
from bot.core.studio import Studio
from bot.dialog import sheets
from bot.dialog.buttons.actions import NO_ORDERS, Action, change_in_words, changed, fits, label, larger
from engine.recipe import Recipe

log = logging.getLogger(__name__)

DOUBLE_SECONDS = 3.0  # within which the same press is an accidental double click
DOUBLE = "This is being done already."
PRESSES_KEPT = 100  # whose outcome is remembered, for a platform that hands one over again


class Button(msgspec.Struct, frozen=True):
    """One button: what it says, and what a platform keeps for when it is pressed (at most 10 bytes)."""

    action: Action
    label: str
    data: str


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody pressed a button."""

    data: str
    user: str
    admin: bool = False
    topic: str = ""
    place: Place | None = None  # where a new picture goes; None is where the old one went
    idempotency_key: str = ""  # the platform's own name for the press


class File(msgspec.Struct, frozen=True):
    """A file for the person."""

    name: str
    data: bytes


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    text: str  # a sentence for who pressed, at most 200 characters
    job: Job | None = None  # the new job that was accepted
    file: File | None = None  # to be sent, byte for byte
    delete: bool = False  # take the message away
    message: JobMessage | None = None  # the one that shows the picture, as the journal knew it before
    refused: bool = False
    not_now: bool = False  # the bot is starting or stopping, and the same is welcome in a moment


def is_order(data: str) -> bool:
    """Whether a button, by what a platform keeps of it, orders a new picture."""
    return data.partition(":")[2] not in NO_ORDERS


def job_id(data: str) -> str:
    """The job that a button belongs to, by what a platform keeps of the button."""
    return data.partition(":")[0]


class Buttons:
    """Does what buttons ask for.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, studio: Studio, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._studio = studio
        self._store = store
        self._clock = clock
        self._recent: dict[tuple[str, str], tuple[float, str]] = {}  # when who pressed what, under which key
        self._done: OrderedDict[str, Pressed] = OrderedDict()  # by idempotency key

    async def under(self, job: Job) -> tuple[Button, ...]:
        """The buttons that belong under a job's picture, in order."""
        largest = await self._largest(job, job.place.room)
        fitting = [action for action in Action if fits(action, job, largest, self._studio.rules)]
        if not self._studio.plays(job.place.chat):
            fitting = [action for action in fitting if action is not Action.FILM]
        return tuple(Button(action, label(action, job), f"{job.id}:{action}") for action in fitting)

    async def _largest(self, job: Job, room: str) -> int:
        """The largest size, in pixels, that a picture of the job's mode may have in a room."""
        return (await self._studio.rooms.get(room)).most(self._studio.rules.largest(job.recipe.mode))

    async def check(self, press: Press) -> None:
        """Refuse what `press` would refuse before it does anything: so that a platform need not answer all in public.

        Raises:
            Refusal, NotNow
        """
        if self._is_double(press):
            raise LimitReached(DOUBLE)
        job, action = await self._found(press)
        if job is not None and action not in NO_ORDERS:
            await self._studio.check_limits(self._incoming(press, job))

    async def press(self, press: Press) -> Pressed:
        """Do it, once for every idempotency key. Never raises: the answer says what went wrong."""
        if press.idempotency_key in self._done:
            return self._done[press.idempotency_key]
        pressed = await self._press(press)
        if (
            press.idempotency_key and pressed.file is None and not pressed.not_now
        ):  # files are large, and reading one again changes nothing
            self._done[press.idempotency_key] = pressed
            while len(self._done) > PRESSES_KEPT:
                self._done.popitem(last=False)
        return pressed

    def _is_double(self, press: Press) -> bool:
        """Whether the same was pressed a moment ago, and this is not that press handed over again."""
        now = self._clock()
        self._recent = {key: at for key, at in self._recent.items() if now - at[0] < DOUBLE_SECONDS}
        key = press.user, press.data
        return key in self._recent and (not press.idempotency_key or self._recent[key][1] != press.idempotency_key)

    async def _press(self, press: Press) -> Pressed:
        if self._is_double(press):
            return Pressed(text=DOUBLE)
        key = press.user, press.data
        self._recent[key] = self._clock(), press.idempotency_key
        try:
            return await self._do(press)
        except Exception as error:
            if not isinstance(error, Refusal | NotNow):
                log.exception("a button could not be answered")
            text, not_now = sentence(error), isinstance(error, NotNow)
        self._recent.pop(key, None)
        self._studio.health.refused.inc()
        return Pressed(text=text[:200], refused=True, not_now=not_now)

    async def _found(self, press: Press) -> tuple[Job | None, Action | int]:
        """What is pressed, an action or a picture of a sheet, and on which job, if that is kept.

        Raises:
            InvalidOrder, NotOwner
        """
        letter = press.data.partition(":")[2]
        if not letter.isdecimal() and letter not in {str(action) for action in Action}:
            raise InvalidOrder("This button is no longer supported. Order the picture again.")
        action = int(letter) if letter.isdecimal() else Action(letter)
        job = await self._store.job(job_id(press.data))
        if job is None and action is not Action.DELETE:
            raise InvalidOrder("This picture is no longer kept, so send its photo again.")
        if job is not None and job.user != press.user and not (action is Action.DELETE and press.admin):
            raise NotOwner("These buttons are for who ordered the picture. Reply /stylize to the photo for your own.")
        return job, action

    async def _do(self, press: Press) -> Pressed:
        job, action = await self._found(press)
        if job is None:
            return _delete_message(press)
        match action:
            case int(number):
                return await self._order(press, job, sheets.chosen(job, number))
            case Action.DELETE:
                return await self._delete(job)
            case Action.ORIGINAL:
                return await self._original(job)
            case Action.VARIATIONS:
                return await self._order(press, job, sheets.variations(job))
            case Action.LARGER:
                largest = await self._largest(job, (press.place or job.place).room)
                return await self._order(press, job, larger(job, largest))
            case _:
                return await self._order(press, job, changed(action, job, self._studio.rules))

    def _incoming(self, press: Press, job: Job) -> Incoming:
        return Incoming(
            user=press.user,
            place=self._studio.repeated(press.place, job.place) if press.place else job.place,
            admin=press.admin,
            topic=press.topic,
            idempotency_key=press.idempotency_key,
        )

    async def _order(self, press: Press, job: Job, recipe: Recipe) -> Pressed:
        incoming = self._incoming(press, job)
        await self._studio.check_limits(incoming)  # before the photo is loaded
        photo, style = await self._store.photo(job.id), await self._store.style(job.id)
        if photo is None and recipe.rules.photo:
            raise InvalidOrder("This photo is no longer kept. Send it again.")
        accepted = await self._studio.accept(msgspec.structs.replace(incoming, photo=photo, style=style), recipe)
        status = await self._studio.status(accepted.id)
        what = change_in_words(job.recipe, recipe) or f"order {accepted.id}"
        return Pressed(text=f"{what}: {status.text if status else accepted.state}.", job=accepted)

    async def _original(self, job: Job) -> Pressed:
        picture = await self._store.result(job.id)
        if picture is None and job.state in OPEN:
            raise InvalidOrder("This picture is not finished yet.")
        if picture is None:
            raise InvalidOrder("There is no file of this picture. Order it again.")
        message = await self._store.job_message(job.id)
        return Pressed(text="Here is the full-quality file.", file=File(job.file_name, picture), message=message)

    async def _delete(self, job: Job) -> Pressed:
        if job.state in OPEN:
            raise InvalidOrder(f"This picture is not finished yet. /cancel {job.id} cancels it.")
        if job.state is State.PAINTED or job.state is State.FAILED:
            raise InvalidOrder("This picture is on its way to you. Try again in a moment.")
        message = await self._store.job_message(job.id)
        await self._store.delete(job.id)
        return Pressed(text="Deleted, here and from the journal.", delete=True, message=message)


def _delete_message(press: Press) -> Pressed:
    """What Delete means where only the message is left, and whose picture it shows is not known any more."""
    if press.admin:
        return Pressed(text="Deleted.", delete=True)
    raise NotOwner("This picture is no longer kept, and its owner is unknown. An admin can delete it.")
