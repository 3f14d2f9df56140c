"""The use case: order -> limits -> queue -> engine -> reply, and everyone told.

The journal decides every race: a job is cancelled, finished or failed by whoever moves it there first.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from bot import estimate
from bot.announce import Announcer, Pace
from bot.chat import Chat, Incoming, Result, Status
from bot.errors import (
    BadOrder,
    Breakage,
    EngineBroken,
    ImpastoError,
    NotYours,
    OutOfTurn,
    StoreBroken,
    sentence,
)
from bot.estimate import Duration, Estimator, in_words
from bot.health import Health
from bot.jobs import OPEN, Job, State, new_id
from bot.limits import Limits
from bot.queue import FairQueue, Ticket
from bot.rooms import Rooms
from bot.store import Store
from engine.gallery import Gallery
from engine.recipe import EncoderName, Recipe, complete, credits, line
from engine.wire import Done, Event, Failed, Paint, Preview, Progress

if TYPE_CHECKING:
    from bot.supervisor import Engine

T = TypeVar("T")
log = logging.getLogger(__name__)

HOW_MINE = (
    "Send two pictures with /stylize mine, the photo first and the style second, or reply /stylize mine to a photo and"
    " attach the style."
)
ATTEMPTS = 2  # engine processes that a job may use up before its photo is the suspect
SEEDS = 1_000_000  # of those that we choose: short enough to type
START_SECONDS = 30.0  # how long an order waits for the studio to be up
CANCEL_SECONDS = 30.0  # how long the engine may take to answer a cancel
SWEEP_SECONDS = 600.0


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about orders."""

    size: int = 512  # pixels, long side where the line names none
    max_size: int = 2048  # pixels
    max_steps: int = 1000
    encoder: EncoderName = "slim"  # where the line names none
    max_photo_bytes: int = 20 * 2**20
    preview_seconds: float = 2.0
    keep_hours: float = 24.0


class Waiting(msgspec.Struct, frozen=True):
    """One open job, as /queue shows it."""

    job: Job
    status: Status


class Kept(msgspec.Struct, frozen=True):
    """A job with the pictures that it was ordered with."""

    job: Job
    photo: bytes
    style: bytes | None


class _Live:
    """A job in memory, from acceptance until its answer has arrived."""

    def __init__(self, job: Job, chat: Chat, pace: Pace) -> None:
        self.job = job
        self.chat = chat
        self.announcer = Announcer(chat, pace)
        self.started = 0.0  # when the engine got it
        self.done = 0.0  # share of the work
        self.note = ""  # the engine's latest sentence about it
        self.preview: bytes | None = None

    @property
    def cancelled(self) -> bool:
        return self.job.state is State.CANCELLED


class Studio:
    """Run it with `run`, in a task of its own; `accept` waits until it is up.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        queue: FairQueue,
        limits: Limits,
        gallery: Gallery,
        *,
        rules: Rules | None = None,
        pace: Pace | None = None,
        health: Health | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.rules = rules or Rules()
        self.health = health or Health()
        self.rooms = Rooms(store)
        self._store = store
        self._queue = queue
        self._limits = limits
        self._gallery = gallery
        self._pace = pace or Pace()
        self._clock = clock
        self._chats: dict[str, Chat] = {}
        self._estimator = Estimator()
        self._live: dict[str, _Live] = {}
        self._coming: Counter[str] = Counter()  # by user: orders on their way to the disk
        self._coming_to: Counter[str] = Counter()  # the same by room
        self._running: _Live | None = None
        self._up = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self.health.gauge("queue_length", "Pictures waiting.", lambda: len(queue))
        self.health.watch("loop", lambda: "" if self._up.is_set() else "The studio is not open.")
        self.health.watch("engine", lambda: "" if engine.ready else "The engine is not ready.")
        self.health.watch("journal", lambda: store.trouble)

    def add_chat(self, chat: Chat) -> None:
        """Make a platform known; before `run`, so that the answers of the last run find their way."""
        self._chats[chat.name] = chat

    async def run(self) -> None:
        """Take up what the last run left unfinished, then get orders done until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._take_up()
            self._tasks.create_task(self._work())
            self._tasks.create_task(self._sweep())
            self._up.set()
            try:
                await asyncio.Event().wait()
            finally:
                self._up.clear()  # first of all, so that the closing group is given no new task

    # --- orders ------------------------------------------------------------------------------------------------------

    async def accept(self, incoming: Incoming, recipe: Recipe) -> Job:
        """Make an order a job: on disk when this returns. An order that is known already is the job that it was.

        Args:
            recipe: as the person said it; what was not said is filled in here.

        Raises:
            BadOrder, LimitReached, NotAllowed: the person can mend it, or take it elsewhere.
            StoreBroken: nothing was accepted.
        """
        await self._opened()
        if incoming.once and (known := await self._store.ordered(incoming.once)):
            return known
        room = await self.rooms.get(incoming.place.room)
        room.admit(incoming)
        photo, style = self._pictures(incoming, recipe)
        now = self._clock()
        complete_recipe = self._complete(room.fill(recipe, self.rules.size, self._gallery))
        job = Job(
            id=new_id(),
            user=incoming.user,
            place=incoming.place,
            recipe=complete_recipe,
            said=recipe,
            created=now,
            cost=self._estimator.seconds(complete_recipe),
            once=incoming.once,
        )
        if job.place.chat not in self._chats:
            raise Breakage(f"I have no way to answer on {job.place.chat}.")
        # No await from the checks to the promise, or two orders at once could both take the last place.
        room.check(self._waiting_in(job.place.room))
        self._check_limits(job.user, now)
        self._limits.spend(job.user, now)
        self._coming[job.user] += 1
        self._coming_to[job.place.room] += 1
        # In a task of its own: what is on disk must get into the line, even if the asker's connection goes away.
        admitted = await asyncio.shield(self._tasks.create_task(self._admit(job, photo, style)))
        if isinstance(admitted, Exception):
            raise admitted
        log.info("job %s accepted: %s", admitted.id, line(admitted.recipe))
        return admitted

    def _pictures(self, incoming: Incoming, recipe: Recipe) -> tuple[bytes, bytes | None]:
        """The photo and, where the recipe wants one, the style picture of an order.

        Raises:
            BadOrder: one is missing, or is too many, or is too large.
        """
        photo, style = incoming.photo, incoming.style
        if photo is None:
            raise BadOrder("There is no photo to paint. Send one with the command, or reply with the command to one.")
        if recipe.mine and style is None:
            raise BadOrder(f"Which picture is the style? {HOW_MINE}")
        if style is not None and not recipe.mine:
            name = recipe.styles[0].name
            raise BadOrder(
                f"You sent two pictures, and {name} needs one. /stylize mine paints the first in the style of the"
                f" second, /stylize {name}+mine mixes them; or send the photo alone."
            )
        limit = self.rules.max_photo_bytes
        for picture, what in ((photo, "photo"), (style, "style picture")):
            if picture is not None and len(picture) > limit:
                raise BadOrder(f"This {what} is too large: {limit / 2**20:g} MB is the limit. Send a smaller copy.")
        return photo, style

    def _complete(self, recipe: Recipe) -> Recipe:
        rules = self.rules
        if recipe.size is not None and recipe.size > rules.max_size:
            most = rules.max_size
            raise BadOrder(f"size={recipe.size} is too large here: the limit is {most} pixels. Try size={most}.")
        if recipe.steps is not None and recipe.steps > rules.max_steps:
            raise BadOrder(f"steps={recipe.steps} is too many here: the limit is {rules.max_steps}.")
        seed = secrets.randbelow(SEEDS)
        size = min(rules.size, rules.max_size)
        return complete(recipe, self._gallery, size=size, seed=seed, encoder=rules.encoder)

    def _waiting_in(self, room: str) -> int:
        here = sum(live.job.place.room == room and live.job.state in OPEN for live in self._live.values())
        return here + self._coming_to[room]

    def _check_limits(self, user: str, now: float) -> None:
        mine = sum(live.job.user == user and live.job.state in OPEN for live in self._live.values())
        self._limits.check(user, mine + self._coming[user], now, self._until_one_of(user))
        self._queue.check(self._running_left(), coming=self._coming.total())

    async def _admit(self, job: Job, photo: bytes, style: bytes | None) -> Job | Exception:
        """Write the job down and put it in the line. An error is returned: it is the asker's, not the task group's."""
        try:
            written = await self._store.add(job, photo, style)
            if written.id != job.id:  # the same order came twice at once
                self._limits.give_back(job.user, self._clock())
                return written
            self._enqueue(self._enter(job))
        except Exception as error:
            self._limits.give_back(job.user, self._clock())
            return error
        finally:
            self._coming[job.user] -= 1
            self._coming_to[job.place.room] -= 1
            self._coming += Counter()  # forgets those who have none coming
            self._coming_to += Counter()
        self.health.accepted.inc()
        return job

    async def cancel(self, user: str, job: str | None = None) -> list[Job]:
        """Take back one job, or all of this person's; returns those that were cancelled.

        Raises:
            NotYours
            BadOrder: there is nothing to cancel.
        """
        if job is None:
            mine = [live for live in self._live.values() if live.job.user == user and live.job.state in OPEN]
            cancelled = [taken for live in mine if (taken := await self._take_back(live)) is not None]
            if not cancelled:
                raise BadOrder("You have no pictures waiting, so there is nothing to cancel.")
            return cancelled
        live = self._live.get(job)
        known = live.job if live else await self._store.job(job)
        if known is None:
            raise BadOrder(f"I know no picture “{job[:20]}”. /queue shows yours.")
        if known.user != user:
            raise NotYours("That picture is somebody else's; only who ordered it can cancel it.")
        taken = await self._take_back(live) if live and live.job.state in OPEN else None
        if taken is None:
            raise BadOrder(f"{job} is finished already, so there is nothing to cancel.")
        return [taken]

    async def _take_back(self, live: _Live) -> Job | None:
        """The job cancelled; None when it was finished first."""
        try:
            live.job = await self._store.move(live.job.id, State.CANCELLED)
        except OutOfTurn:
            return None
        self._queue.cancel(live.job.id)
        if self._running is live:
            self._tasks.create_task(self._stop_engine(live.job.id))
        self._tell(live, "Cancelled, as you asked.")
        self._line_moved()
        return live.job

    async def _stop_engine(self, job: str) -> None:
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.engine.cancel(job)
        except Exception as error:
            log.warning("job %s: the engine did not take its cancel: %r", job, error)

    # --- questions ---------------------------------------------------------------------------------------------------

    async def last(self, user: str) -> Kept | None:
        """The person's newest job and its pictures, as long as they are kept."""
        for job in await self._store.of_user(user, 1):
            photo = await self._store.photo(job.id)
            if photo is not None:
                return Kept(job, photo, await self._store.style(job.id))
        return None

    def open_jobs(self, user: str) -> list[Waiting]:
        """The person's jobs that wait or are being painted, oldest first."""
        mine = [live for live in self._live.values() if live.job.user == user and live.job.state in OPEN]
        return [Waiting(live.job, live.announcer.status) for live in sorted(mine, key=lambda live: live.job.created)]

    def line(self) -> int:
        """How many pictures wait, the one being painted included."""
        return len(self._queue) + (self._running is not None)

    async def status(self, job: str) -> Status | None:
        """How a job stands; None for one that is not known."""
        live = self._live.get(job)
        if live and live.job.state in OPEN:
            return live.announcer.status
        known = live.job if live else await self._store.job(job)
        if known is None:
            return None
        finished = known.state in (State.PAINTED, State.DELIVERED)
        return Status(text="finished" if finished else known.message or known.state, done=float(finished))

    # --- the line ----------------------------------------------------------------------------------------------------

    async def _opened(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._up.wait()
        except TimeoutError:
            raise Breakage("I am still starting up. Please try again in a minute.") from None

    async def _take_up(self) -> None:
        """What the last run accepted and did not finish."""
        for duration in await self._store.durations():
            self._estimator.learn(duration)
        away: Counter[str] = Counter()
        for job in await self._store.unfinished():
            if job.place.chat not in self._chats:
                away[job.place.chat] += 1
                continue
            live = self._enter(job)
            if job.state is State.PAINTED:
                self._deliver(live)
            elif job.state is State.FAILED:
                self._tell(live, job.message)
            elif job.state is State.PAINTING and job.attempts >= ATTEMPTS:
                await self._fail(live, "I had to stop twice over this picture, so I gave it up. Try another photo.")
            else:
                if job.state is State.PAINTING:
                    await self._move(live, State.QUEUED)
                self._enqueue(live)
        for chat, count in away.items():
            log.warning("%d unfinished jobs wait until %s is configured again", count, chat)

    def _enter(self, job: Job) -> _Live:
        live = self._live[job.id] = _Live(job, self._chats[job.place.chat], self._pace)
        self._tasks.create_task(self._attend(live))
        return live

    def _enqueue(self, live: _Live) -> None:
        self._queue.put(Ticket(live.job.id, live.job.user, live.job.cost))
        self._line_moved()

    def _line_moved(self) -> None:
        """Tell everybody who waits where they stand now."""
        ahead = self._running_left()
        tickets = self._queue.order()
        for place, ticket in enumerate(tickets, 1):
            live = self._live[ticket.id]
            text = f"place {place} of {len(tickets)}, {in_words(ahead)}"
            if place == 1 and self._running is None:  # of which most people are told no more, it is done so soon
                text = f"coming up in {in_words(ticket.cost)}"
            live.announcer.show(live.job, Status(text=text))
            ahead += ticket.cost

    def _running_left(self) -> float:
        """Estimated engine seconds until the picture that is being painted is finished."""
        live = self._running
        if live is None:
            return 0.0
        spent = max(0.0, self._clock() - live.started) if live.started else 0.0
        if live.done > 0.1:
            return spent / live.done * (1 - live.done)
        return max(0.0, live.job.cost - spent)

    def _until_one_of(self, user: str) -> float | None:
        """Estimated seconds until the first of a person's open jobs is finished."""
        left = self._running_left()
        if self._running and self._running.job.user == user:
            return left
        for ticket in self._queue.order():
            left += ticket.cost
            if ticket.user == user:
                return left
        return None

    # --- the working loop --------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            ticket = await self._queue.get()
            live = self._running = self._live[ticket.id]
            self._line_moved()
            try:
                await self._paint(live)
            except OutOfTurn:
                pass  # cancelled in the meantime; whoever did that has told the person
            except asyncio.CancelledError:
                await self._put_back(live)
                raise
            except Exception as error:  # a bug of ours costs one job, not the line
                log.exception("job %s failed", live.job.id)
                with suppress(OutOfTurn):
                    await self._fail(live, sentence(error))
            finally:
                self._running = None

    async def _paint(self, live: _Live) -> None:
        while True:
            await self._move(live, State.PAINTING, attempts=live.job.attempts + 1)
            try:
                event = await self._run_engine(live)
            except EngineBroken as error:
                if live.cancelled:
                    return
                self.health.breakdowns.inc()
                log.warning("job %s lost its engine, attempt %d: %s", live.job.id, live.job.attempts, error)
                if live.job.attempts >= ATTEMPTS:
                    await self._fail(live, f"{error} I tried twice, so I gave this picture up.")
                    return
                await self._move(live, State.QUEUED)
                live.announcer.show(live.job, Status(text="The engine stumbled; trying once more."))
            else:
                await self._finish(live, event)
                return

    async def _run_engine(self, live: _Live) -> Done | Failed:
        photo = await self._lasting(lambda: self._store.photo(live.job.id))
        style = await self._lasting(lambda: self._store.style(live.job.id))
        if photo is None or live.cancelled:
            raise OutOfTurn(f"The picture {live.job.id} was given up.")
        live.started, live.done, live.preview = self._clock(), 0.0, None
        if live.job.attempts == 1:
            self.health.wait.observe(max(0.0, live.started - live.job.created))
            live.announcer.show(live.job, Status(text="painting begins"))
        paint = Paint(live.job.id, photo, live.job.recipe, self.rules.preview_seconds, style)
        # Closed at once, not when the garbage is collected: that is what frees the engine for the next job.
        async with aclosing(cast("AsyncGenerator[Event]", self.engine.run(paint))) as events:
            async for event in events:
                match event:
                    case Done() | Failed():
                        return event
                    case Progress() | Preview():
                        self._show(live, event)
                if live.cancelled:  # before the engine had the job, so that its cancel was in vain
                    raise OutOfTurn(f"The picture {live.job.id} was given up.")
        raise EngineBroken("My painting engine gave no answer.")

    def _show(self, live: _Live, event: Progress | Preview) -> None:
        text = live.announcer.status.text
        if isinstance(event, Preview):
            live.preview = event.picture
        else:
            live.done = event.done
            live.note = event.note or live.note
            left = f"{event.text}, {in_words(self._running_left())} left"
            text = f"{left}. {live.note}" if live.note else left
        live.announcer.show(live.job, Status(text=text, done=live.done, preview=live.preview))

    async def _finish(self, live: _Live, event: Done | Failed) -> None:
        if isinstance(event, Failed):
            if not live.cancelled:
                await self._fail(live, event.message)
            return
        live.job = await self._lasting(
            lambda: self._store.finish(
                live.job.id,
                event.picture,
                recipe=event.recipe,
                width=event.width,
                height=event.height,
                seconds=event.seconds,
                notes=event.notes,
            )
        )
        kind = estimate.kind(event.recipe)
        self._estimator.learn(Duration(kind, estimate.work(event.recipe), event.seconds))
        self.health.painting.labels(kind).observe(event.seconds)
        self._deliver(live)

    async def _put_back(self, live: _Live) -> None:
        """The bot is stopping: the picture is painted after the restart, and that is not its fault."""
        with suppress(ImpastoError):
            job = await self._store.job(live.job.id)
            if job and job.state is State.PAINTING:
                await self._store.move(job.id, State.QUEUED, attempts=job.attempts - 1)

    async def _fail(self, live: _Live, message: str) -> None:
        await self._move(live, State.FAILED, message=message)
        self._tell(live, message)

    async def _move(self, live: _Live, state: State, **changes: Any) -> None:
        live.job = await self._lasting(lambda: self._store.move(live.job.id, state, **changes))

    async def _lasting(self, access: Callable[[], Awaitable[T]]) -> T:
        """Repeat an access to the journal until it works: a full disk stops the line, and loses nothing."""
        for pause in self._pace.pauses():
            try:
                return await access()
            except StoreBroken:
                await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    # --- answers -----------------------------------------------------------------------------------------------------

    def _deliver(self, live: _Live) -> None:
        async def answer() -> None:
            job = live.job
            picture = await self._store.result(job.id)  # not held in memory while a slow chat is waited for
            if picture is None:
                await live.chat.tell(
                    job, "Your picture was finished, and is gone from my journal. Please order it again."
                )
                return
            result = Result(
                picture=picture,
                width=job.width,
                height=job.height,
                credit="; ".join(credits(job.recipe, self._gallery)),
                line=line(job.recipe),
                seconds=job.seconds or 0.0,
                notes=job.notes,
            )
            await live.chat.deliver(job, result)

        live.announcer.end(answer)

    def _tell(self, live: _Live, text: str) -> None:
        live.announcer.end(lambda: live.chat.tell(live.job, text))

    async def _attend(self, live: _Live) -> None:
        """Show how the job stands, hand over the answer, and note that it has arrived."""
        arrived = await live.announcer.run()
        answered = {State.PAINTED: State.DELIVERED, State.FAILED: State.TOLD}.get(live.job.state)
        if answered is not None:
            try:
                await self._move(live, answered if arrived else State.LOST)
            except OutOfTurn as error:
                log.error("job %s was answered: %s", live.job.id, error)
        self.health.jobs.labels(str(live.job.state)).inc()
        log.info("job %s is %s", live.job.id, live.job.state)
        del self._live[live.job.id]

    async def _sweep(self) -> None:
        """Forget what was kept long enough."""
        while True:
            with suppress(StoreBroken):
                await self._store.prune(self._clock() - self.rules.keep_hours * 3600)
            await asyncio.sleep(SWEEP_SECONDS)
