"""The use case: order -> limits -> queue -> engine -> reply, and everyone notified.

The journal decides every race: a job is cancelled, finished or failed by whoever moves it there first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast

import msgspec

from bot.core import estimate
from bot.core.admission import Admission, Demand, Rules
from bot.core.announce import Announcer, Pace
from bot.core.engine import Engine, Taken
from bot.core.errors import (
    EngineError,
    ImpastoError,
    InternalError,
    InvalidOrder,
    InvalidTransition,
    NotNow,
    NotOwner,
    Refusal,
    StoreError,
    sentence,
)
from bot.core.estimate import Estimator, clip_order, in_words
from bot.core.jobs import OPEN, Job, Place, State, new_id
from bot.core.journal.forget import Held
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Chat, Incoming, Result, Status
from bot.core.queue import FairQueue, Ticket
from bot.core.rooms import RoomSettingsStore
from bot.health import Health
from engine.gallery import Gallery
from engine.recipe import MINE, Recipe, credits, line
from engine.wire import Cell, Done, Event, Failed, Paint, Preview, Progress

T = TypeVar("T")
log = logging.getLogger(__name__)

ATTEMPTS = 2  # engine processes that may die with a photo in hand before the photo is the suspect
INTERRUPTIONS = 5  # the same of the bot, which strangers' photos do not touch: a photo can hardly be the reason
START_SECONDS = 30.0  # how long an order waits for the studio to be up
CANCEL_SECONDS = 30.0  # how long the engine may take to answer a cancel
SWEEP_SECONDS = 60.0  # what is kept too long is kept no longer than this
CELLS = "Choose one of these to have it in full, or name its number: /again cell=3."
FORGET_SECONDS = 20.0  # for answers to arrive before their jobs are forgotten


class Waiting(msgspec.Struct, frozen=True):
    """One open job, as /queue shows it."""

    job: Job
    status: Status


class JobWithPictures(msgspec.Struct, frozen=True):
    """A job with the pictures that it was ordered with."""

    job: Job
    photo: bytes | None
    style: bytes | None


class _ActiveJob:
    """A job in memory, from acceptance until its answer has arrived."""

    def __init__(self, job: Job, chat: Chat, pace: Pace) -> None:
        self.job = job
        self.chat = chat
        self.announcer = Announcer(chat, pace)
        self.started = 0.0  # when the engine got it last, by the monotonic clock
        self.charged: float | None = None  # engine seconds that the person has paid for, in this run of the bot
        self.done = 0.0  # share of the work
        self.note = ""  # the engine's latest sentence about it
        self.preview: bytes | None = None
        self.cells: tuple[Cell, ...] = ()  # of the sheet that the preview shows
        self.answered = asyncio.Event()  # the answer has arrived, or will never

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
        self.rooms = RoomSettingsStore(store)
        self._store = store
        self._queue = queue
        self._gallery = gallery
        self._admission = Admission(self.rules, limits, queue, gallery)
        self._pace = pace or Pace()
        self._clock = clock
        self._chats: dict[str, Chat] = {}
        self._estimator = Estimator()
        self._live: dict[str, _ActiveJob] = {}
        self._running: _ActiveJob | None = None
        self._engine_missing = False  # it could not be started when it was last wanted
        self._open = asyncio.Event()
        self._stopping = False
        self._tasks = asyncio.TaskGroup()
        self.health.gauge("queue_length", "Pictures waiting.", lambda: len(queue))
        self.health.watch("loop", lambda: "" if self._open.is_set() else "The studio is not open.")
        self.health.watch("engine", lambda: "" if engine.ready else "The engine is not ready.")
        self.health.watch("journal", lambda: store.trouble)
        self.health.remark(lambda: store.note)

    def add_chat(self, chat: Chat) -> None:
        """Make a platform known; before `run`, so that the answers of the last run find their way."""
        self._chats[chat.name] = chat

    async def run(self) -> None:
        """Take up what the last run left unfinished, then get orders done until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            await self._resume()
            self._tasks.create_task(self._work())
            self._tasks.create_task(self._sweep())
            self._open.set()
            try:
                await asyncio.Event().wait()
            finally:
                self._stopping = True  # first of all: a group that is closing takes no new task
                self._open.clear()

    # --- orders ------------------------------------------------------------------------------------------------------

    async def accept(self, incoming: Incoming, recipe: Recipe) -> Job:
        """Make an order a job: on disk when this returns. An order that is known already is the job that it was.

        Args:
            recipe: as the person wrote it; the rest is filled in here.

        Raises:
            InvalidOrder, LimitReached, NotAllowed: the person can correct it, or order elsewhere.
            NotNow: nothing was accepted; but what has reached the disk is painted after the restart all the same.
            StoreError: nothing was accepted.
        """
        await self._wait_until_open()
        if incoming.idempotency_key and (known := await self._store.job_by_key(incoming.idempotency_key)):
            return known
        room = await self.rooms.get(incoming.place.room)
        room.check_access(incoming)
        photo, style = self._admission.pictures(incoming, recipe)
        complete_recipe = self._admission.complete(recipe, room, self.engine.encoder)
        chat = self._chats.get(incoming.place.chat)
        if chat is None:
            raise InternalError(f"Answers cannot be sent on {incoming.place.chat}.")
        clip = clip_order(complete_recipe, photo, recipe.size is not None) if chat.plays else None
        job = Job(
            id=new_id(),
            user=incoming.user,
            place=incoming.place,
            recipe=complete_recipe,
            requested=recipe,
            created=self._clock(),
            cost=self._estimator.seconds(complete_recipe, clip),
            idempotency_key=incoming.idempotency_key,
        )
        if job.place.chat not in self._chats:
            raise InternalError(f"Answers cannot be sent on {job.place.chat}.")
        if self._stopping:  # since it was asked above; from here to the task nothing is awaited
            raise self._not_now()
        where = job.place.room
        self._admission.reserve(job.user, where, room, self._demand(job.user, where), job.cost)
        # In a task of its own: what is on disk must get into the queue, even if the caller's connection goes away.
        admitting = self._tasks.create_task(self._admit(job, photo, style, clip.note if clip else ""))
        try:
            admitted = await asyncio.shield(admitting)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if admitting.cancelled() and not (caller and caller.cancelling()):  # but the studio
                raise self._not_now() from None
            raise
        if isinstance(admitted, Exception):
            raise admitted
        log.info("job %s accepted: %s", admitted.id, line(admitted.recipe))
        return admitted

    async def check_limits(self, incoming: Incoming) -> None:
        """Refuse an order that `accept` would refuse whatever its pictures are; so that these need not be loaded.

        Raises:
            LimitReached, NotAllowed, NotNow
        """
        await self._wait_until_open()
        if incoming.idempotency_key and await self._store.job_by_key(incoming.idempotency_key):
            return
        room = await self.rooms.get(incoming.place.room)
        room.check_access(incoming)
        user, place = incoming.user, incoming.place.room
        self._admission.check(user, place, room, self._demand(user, place))

    def _demand(self, user: str, room: str) -> Demand:
        open_jobs = [live.job for live in self._live.values() if live.job.state in OPEN]
        return Demand(
            of_user=sum(job.user == user for job in open_jobs),
            of_room=sum(job.place.room == room for job in open_jobs),
            until_one_of_user=self._until_one_of(user),
            until_next=self._running_left(),
        )

    async def _admit(self, job: Job, photo: bytes | None, style: bytes | None, note: str) -> Job | Exception:
        """Write the job down and queue it. An error is returned: it is the caller's, not the task group's."""
        with self._admission.reserved(job.user, job.place.room):
            try:
                written = await self._store.add(job, photo, style)
                if written.id != job.id:  # the same order came twice at once
                    self._admission.give_back(job.user, job.cost)
                    return written
                live = self._track(job)
                live.charged = job.cost
                live.note = note
                self._enqueue(live)
            except Exception as error:
                self._admission.give_back(job.user, job.cost)
                return error
        self.health.accepted.inc()
        return job

    async def cancel(self, user: str, job: str | None = None) -> list[Job]:
        """Take back one job, or all of this person's; returns those that were cancelled.

        Raises:
            NotOwner
            InvalidOrder: there is nothing to cancel.
        """
        if job is None:
            mine = [live for live in self._live.values() if live.job.user == user and live.job.state in OPEN]
            cancelled = [taken for live in mine if (taken := await self._cancel_job(live)) is not None]
            if not cancelled:
                raise InvalidOrder("You have no pictures waiting, so there is nothing to cancel.")
            return cancelled
        live = self._live.get(job)
        known = live.job if live else await self._store.job(job)
        if known is None:
            raise InvalidOrder(f"There is no picture “{job[:20]}”. /queue shows yours.")
        if known.user != user:
            raise NotOwner("That picture is somebody else's; only who ordered it can cancel it.")
        taken = await self._cancel_job(live) if live and live.job.state in OPEN else None
        if taken is None:
            raise InvalidOrder(f"{job} is finished already, so there is nothing to cancel.")
        return [taken]

    async def _cancel_job(self, live: _ActiveJob) -> Job | None:
        """The job cancelled; None when it was finished first."""
        try:
            live.job = await self._store.move(live.job.id, State.CANCELLED)
        except InvalidTransition:
            return None
        self._queue.cancel(live.job.id)
        if self._running is live and not self._stopping:  # which stops the engine anyway
            self._tasks.create_task(self._stop_engine(live.job.id))
        self._notify(live, "Cancelled, as you asked.")
        self._queue_moved()
        return live.job

    async def held(self, incoming: Incoming) -> Held:
        """What is kept of who writes this."""
        return await self._store.held(incoming.user, incoming.place.room if incoming.own_room else "")

    async def forget(self, incoming: Incoming) -> tuple[Held, Held]:
        """Cancel what this person has waiting, and delete all that is kept of them.

        Returns:
            What there was, and what could not be deleted: answers that are still on their way.

        Raises:
            NotNow
        """
        await self._wait_until_open()
        before = await self.held(incoming)
        with suppress(InvalidOrder):
            await self.cancel(incoming.user)
        mine = [live for live in self._live.values() if live.job.user == incoming.user]
        with suppress(TimeoutError):
            async with asyncio.timeout(FORGET_SECONDS):
                for live in mine:
                    await live.answered.wait()
        await self._store.forget(incoming.user, incoming.place.room if incoming.own_room else "")
        return before, await self.held(incoming)

    async def _stop_engine(self, job: str) -> None:
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.engine.cancel(job)
        except Exception as error:
            log.warning("job %s: the engine did not take its cancel: %r", job, error)

    def repeated(self, place: Place, last: Place) -> Place:
        """See `Chat.repeated`."""
        return self._chats[place.chat].repeated(place, last)

    def plays(self, chat: str) -> bool:
        """Whether a platform shows moving pictures."""
        return bool(self._chats[chat].plays) if chat in self._chats else False

    # --- questions ---------------------------------------------------------------------------------------------------

    async def last(
        self, user: str, wanted: Callable[[Job], bool] = lambda job: True, *, newest: int = 20
    ) -> JobWithPictures | None:
        """The person's newest job, of those ``wanted``, and its pictures, as long as they are kept."""
        job = next((job for job in await self._store.jobs_of(user, newest) if wanted(job)), None)
        if job is None:
            return None
        photo, style = await self._store.photo(job.id), await self._store.style(job.id)
        return JobWithPictures(job, photo, style) if photo is not None or not job.recipe.rules.photo else None

    def open_jobs(self, user: str) -> list[Waiting]:
        """The person's jobs that wait or are being painted, oldest first."""
        mine = [live for live in self._live.values() if live.job.user == user and live.job.state in OPEN]
        return [Waiting(live.job, live.announcer.status) for live in sorted(mine, key=lambda live: live.job.created)]

    def waiting(self) -> int:
        """How many pictures wait, the one being painted included."""
        return len(self._queue) + (self._running is not None and not self._running.cancelled)

    def wait(self) -> float:
        """Estimated engine seconds until a new order would be begun."""
        return self._running_left() + sum(ticket.cost for ticket in self._queue.order())

    async def knows(self, incoming: Incoming) -> bool:
        """Whether this order is a job already."""
        key = incoming.idempotency_key
        return bool(key) and await self._store.job_by_key(key) is not None

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

    async def _wait_until_open(self) -> None:
        """Raises NotNow."""
        if self._stopping:
            raise self._not_now()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._open.wait()
        except TimeoutError:
            raise NotNow("The bot is still starting. Please try again in a minute.") from None

    @staticmethod
    def _not_now() -> NotNow:
        return NotNow("The bot is being restarted. Please send this again in a minute.")

    async def _resume(self) -> None:
        """What the last run accepted and did not finish."""
        for duration in await self._store.durations():
            self._estimator.learn(duration)
        away: Counter[str] = Counter()
        for job in await self._store.unfinished():
            if job.place.chat not in self._chats:
                away[job.place.chat] += 1
                continue
            live = self._track(job)
            if job.state is State.PAINTED:
                self._deliver(live)
            elif job.state is State.FAILED:
                self._notify(live, job.message)
            elif job.state is State.PAINTING and job.interruptions + 1 >= INTERRUPTIONS:
                await self._give_up(live, f"The bot went down {INTERRUPTIONS} times in the middle of this picture.")
            else:
                if job.state is State.PAINTING:
                    await self._move(live, State.QUEUED, interruptions=job.interruptions + 1)
                self._enqueue(live)
        for chat, count in away.items():
            log.warning("%d unfinished jobs wait until %s is configured again", count, chat)

    def _track(self, job: Job) -> _ActiveJob:
        live = self._live[job.id] = _ActiveJob(job, self._chats[job.place.chat], self._pace)
        self._tasks.create_task(self._announce(live))
        return live

    def _enqueue(self, live: _ActiveJob) -> None:
        self._queue.put(Ticket(live.job.id, live.job.user, live.job.cost))
        self._queue_moved()

    def _queue_moved(self) -> None:
        """Tell everybody who waits where they stand now."""
        ahead = self._running_left()
        tickets = self._queue.order()
        for place, ticket in enumerate(tickets, 1):
            live = self._live[ticket.id]
            text = f"place {place} of {len(tickets)}, {in_words(ahead)}"
            if place == 1 and self._running is None:  # of which most people are told no more, it is done so soon
                text = f"coming up in {in_words(ticket.cost)}"
            elif self._engine_missing:
                text = f"place {place} of {len(tickets)}, as soon as the painting engine is back"
            live.announcer.show(live.job, Status(text=f"{text}. {live.note}" if live.note else text))
            ahead += ticket.cost

    def _running_left(self) -> float:
        """Estimated engine seconds until the picture that is being painted is finished."""
        live = self._running
        if live is None or live.cancelled:  # which the engine is about to notice
            return 0.0
        spent = time.monotonic() - live.started if live.started else 0.0
        if live.done > 0.1:
            return spent / live.done * (1 - live.done)
        return max(0.0, live.job.cost - spent)

    def _until_one_of(self, user: str) -> float | None:
        """Estimated seconds until the first of a person's open jobs is finished."""
        left = self._running_left()
        if self._running and self._running.job.user == user and not self._running.cancelled:
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
            self._queue_moved()
            try:
                await self._paint(live)
            except InvalidTransition:
                pass  # cancelled in the meantime; whoever did that has notified the person
            except asyncio.CancelledError:
                await self._requeue(live)
                raise
            except Exception as error:  # a bug of ours costs one job, not the line
                if not isinstance(error, Refusal):
                    log.exception("job %s failed", live.job.id)
                with suppress(InvalidTransition):
                    await self._fail(live, sentence(error))
            finally:
                self._running = None

    async def _paint(self, live: _ActiveJob) -> None:
        failed_starts = 0
        while live.job.state in OPEN:
            try:
                event = await self._run_engine(live)
            except EngineError as error:
                if live.job.state is State.PAINTING:
                    await self._lost_engine(live, error)
                elif live.job.state is State.QUEUED:
                    failed_starts += 1
                    await self._await_engine(live, error, failed_starts)
            else:
                await self._finish(live, event)
                return

    async def _lost_engine(self, live: _ActiveJob, error: EngineError) -> None:
        """The engine died with the photo in hand: once that may be the engine's fault."""
        self.health.breakdowns.inc()
        attempts = live.job.attempts + 1
        log.warning("job %s lost its engine, attempt %d: %s", live.job.id, attempts, error)
        await self._move(live, State.QUEUED, attempts=attempts)
        if attempts >= ATTEMPTS:
            await self._give_up(live, f"{error} It was tried twice.")
        else:
            live.announcer.show(live.job, Status(text="The engine failed; trying again."))

    async def _await_engine(self, live: _ActiveJob, error: EngineError, failed_starts: int) -> None:
        """There is no engine to take the photo, which is not the photo's fault: the job waits, and is told so."""
        log.warning("job %s waits for an engine: %s", live.job.id, error)
        if failed_starts >= self.rules.failed_starts:
            await self._fail(live, str(error))
            return
        self._engine_missing = True
        text = "The painting engine does not start at the moment; your picture waits until it does."
        live.announcer.show(live.job, Status(text=text))
        self._queue_moved()
        await asyncio.sleep(self._pace.retry.first)  # an engine paces its starts; this is in case one does not

    async def _run_engine(self, live: _ActiveJob) -> Done | Failed:
        photo = await self._retrying(lambda: self._store.photo(live.job.id))
        style = await self._retrying(lambda: self._store.style(live.job.id))
        if live.cancelled:
            raise InvalidTransition(f"The picture {live.job.id} was given up.")
        if photo is None and live.job.recipe.rules.photo:
            raise InternalError("The photo of this order is no longer in the journal. Please order it again.")
        for share in live.job.recipe.styles:
            if share.name != MINE and self._gallery.find(share.name) is None:
                raise InvalidOrder(f"The style {share.name} is no longer in the gallery. /styles shows what there is.")
        if not live.job.attempts and not self._engine_missing:
            text = "painting begins" if self.engine.ready else "the engine is loading"
            live.announcer.show(live.job, Status(text=text))
        seconds, enlarge = self.rules.preview_seconds, live.job.size_named
        plays, most = live.chat.plays, live.chat.most_bytes(live.job)
        paint = Paint(live.job.id, photo, live.job.recipe, seconds, style, enlarge, plays, most)
        # Closed at once, not when the garbage is collected: that is what frees the engine for the next job.
        async with aclosing(cast("AsyncGenerator[Event]", self.engine.run(paint))) as events:
            async for event in events:
                match event:
                    case Taken():
                        await self._taken(live)
                    case Done() | Failed():
                        return event
                    case Progress() | Preview():
                        self._show(live, event)
                if live.cancelled:  # before the engine had the job, so that its cancel was in vain
                    raise InvalidTransition(f"The picture {live.job.id} was given up.")
        raise EngineError("The painting engine gave no answer.")

    async def _taken(self, live: _ActiveJob) -> None:
        await self._move(live, State.PAINTING)
        if not live.started:
            self.health.wait.observe(max(0.0, self._clock() - live.job.created))
        live.started, live.done, live.preview = time.monotonic(), 0.0, None
        if self._engine_missing:
            self._engine_missing = False
            self._queue_moved()

    def _show(self, live: _ActiveJob, event: Progress | Preview) -> None:
        text = live.announcer.status.text
        if isinstance(event, Preview):
            live.preview, live.cells = event.picture, event.cells
        else:
            live.done = event.done
            live.note = event.note or live.note
            left = f"{event.text}, {in_words(self._running_left())} left"
            text = f"{left}. {live.note}" if live.note else left
        live.announcer.show(live.job, Status(text=text, done=live.done, preview=live.preview, cells=live.cells))

    async def _finish(self, live: _ActiveJob, event: Done | Failed) -> None:
        if isinstance(event, Failed):
            if not live.cancelled:
                await self._fail(live, event.message)
            return
        live.job = await self._retrying(
            lambda: self._store.finish(
                live.job.id,
                event.picture,
                recipe=event.recipe,
                width=event.width,
                height=event.height,
                seconds=event.seconds,
                notes=event.notes,
                media_type=event.media_type,
                cells=event.cells,
            )
        )
        took = estimate.painted(live.job, event.seconds)
        self._estimator.learn(took)
        self.health.painting.labels(took.kind).observe(event.seconds)
        self._deliver(live)

    async def _requeue(self, live: _ActiveJob) -> None:
        """The bot is stopping: the picture is painted after the restart, and that is not its fault."""
        with suppress(ImpastoError):
            job = await self._store.job(live.job.id)
            if job and job.state is State.PAINTING:
                await self._store.move(job.id, State.QUEUED)

    async def _give_up(self, live: _ActiveJob, why: str) -> None:
        """Whatever is wrong with the photo, it stays, and the person may want it tried again."""
        await self._fail(live, f"{why} So this picture was given up; /retry {live.job.id} has it tried once more.")

    async def _fail(self, live: _ActiveJob, message: str) -> None:
        await self._move(live, State.FAILED, message=message)
        self._notify(live, message)

    async def _move(self, live: _ActiveJob, state: State, **changes: Any) -> None:
        live.job = await self._retrying(lambda: self._store.move(live.job.id, state, **changes))

    async def _retrying(self, access: Callable[[], Awaitable[T]]) -> T:
        """Repeat an access to the journal until it works: a full disk stops the line, and loses nothing."""
        for pause in self._pace.retry:
            try:
                return await access()
            except StoreError:
                await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    # --- answers -----------------------------------------------------------------------------------------------------

    def _settle(self, live: _ActiveJob) -> None:
        if live.charged is not None:
            taken = time.monotonic() - live.started if live.started else 0.0
            self._admission.settle(live.job.user, live.charged, taken)
            live.charged = None

    def _deliver(self, live: _ActiveJob) -> None:
        self._settle(live)

        async def answer() -> None:
            job = live.job
            picture = await self._store.result(job.id)  # not held in memory while a slow chat is waited for
            if picture is None:
                await live.chat.notify(
                    job, "Your picture was finished, but is no longer in the journal. Please order it again."
                )
                return
            result = Result(
                picture=picture,
                width=job.width,
                height=job.height,
                credit="; ".join(credits(job.recipe, self._gallery)),
                line=line(job.recipe),
                seconds=job.seconds or 0.0,
                notes=(*job.notes, CELLS) if job.cells else job.notes,
                media_type=job.media_type,
                cells=job.cells,
            )
            await live.chat.deliver(job, result)

        live.announcer.end(answer)

    def _notify(self, live: _ActiveJob, text: str) -> None:
        self._settle(live)
        live.announcer.end(lambda: live.chat.notify(live.job, text))

    async def _announce(self, live: _ActiveJob) -> None:
        """Show how the job stands, hand over the answer, and note that it has arrived."""
        arrived = await live.announcer.run()
        answered = {State.PAINTED: State.DELIVERED, State.FAILED: State.NOTIFIED}.get(live.job.state)
        if answered is not None:
            try:
                await self._move(live, answered if arrived else State.LOST)
            except InvalidTransition as error:
                log.error("job %s was answered: %s", live.job.id, error)
        self.health.jobs.labels(str(live.job.state)).inc()
        log.info("job %s is %s", live.job.id, live.job.state)
        del self._live[live.job.id]
        live.answered.set()

    async def _sweep(self) -> None:
        """Forget what was kept long enough."""
        while True:
            with suppress(StoreError):
                await self._store.prune(self._clock() - self.rules.keep_hours * 3600)
            await asyncio.sleep(SWEEP_SECONDS)
