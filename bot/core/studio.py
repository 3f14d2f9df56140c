"""The use case: an order is checked and becomes a job, which can be asked about and taken back; the rest is `work`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgspec

from bot.core.admission import Admission, Demand, Rules, is_look
from bot.core.announce import Pace
from bot.core.engine import Engine
from bot.core.errors import (
    InternalError,
    InvalidOrder,
    StoreError,
)
from bot.core.estimate import Estimator, GoingOn, Pictures, clip_order, memory, reduced
from bot.core.jobs import OPEN, Job, Place, State, new_id
from bot.core.journal.rows.jobs import Given
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Chat, Incoming, Status
from bot.core.people.control import Control
from bot.core.queue import FairQueue
from bot.core.rooms import RoomSettingsStore
from bot.core.work.doors import Doors, closing
from bot.core.work.line import Line
from bot.core.work.open_jobs import OpenJobs
from bot.core.work.painting import Painting
from bot.core.work.withdrawal import Withdrawal
from bot.health import Health
from engine.gallery import Gallery
from engine.recipe import Memory, Recipe, line
from engine.wire import NO_MORE_OF_A_CLIP

log = logging.getLogger(__name__)

INTERRUPTIONS = 5  # the same of the bot, which strangers' photos do not touch: a photo can hardly be the reason
SWEEP_SECONDS = 60.0  # what is kept too long is kept no longer than this


class Waiting(msgspec.Struct, frozen=True):
    """One open job, as /queue shows it."""

    job: Job
    status: Status


class JobWithPictures(msgspec.Struct, frozen=True):
    """A job with the pictures that it was ordered with."""

    job: Job
    photo: bytes | None
    style: bytes | None


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
        self._admission = Admission(self.rules, limits, queue, gallery)
        self._clock = clock
        self._chats: dict[str, Chat] = {}
        self._estimator = Estimator()
        self._going_on = GoingOn()
        self._doors = Doors()
        self._tasks = asyncio.TaskGroup()
        pace = pace or Pace()
        self._jobs = OpenJobs(store, self._admission, gallery, self._tasks, pace=pace, health=self.health)
        self._line = Line(queue, self._jobs, engine)
        self.limits = limits
        self.control = Control(store, self._line)
        withdrawal = Withdrawal(engine, self._line, self._jobs, store, self._doors, self._going_on, self._tasks)
        self.cancel, self.cancel_any = withdrawal.cancel, withdrawal.cancel_any
        self.held, self.forget = withdrawal.held, withdrawal.forget
        self._painting = Painting(
            engine,
            self._line,
            self._jobs,
            store,
            gallery,
            self._estimator,
            self._going_on,
            rules=self.rules,
            pace=pace,
            health=self.health,
            clock=clock,
        )
        self.health.gauge("queue_length", "Pictures waiting.", lambda: len(queue))
        self.health.show_workers(
            lambda: {worker.name: worker.state for worker in engine.workers},
            lambda: {worker.name: worker.node for worker in engine.workers},
        )
        self.health.watch("loop", lambda: "" if self._doors.are_open else "The studio is not open.")
        self.health.watch("engine", lambda: "" if engine.ready else "The engine is not ready.")
        self.health.watch("journal", lambda: store.trouble)
        self.health.remark(lambda: store.note)

    def add_chat(self, chat: Chat) -> None:
        """Make a platform known; before `run`, so that the answers of the last run find their way."""
        self._chats[chat.name] = chat

    async def run(self) -> None:
        """Take up what the last run left unfinished, then get orders done until cancelled."""
        async with self._tasks:
            await self.control.load()
            await self._resume()
            self._tasks.create_task(self._painting.run())
            self._tasks.create_task(self._sweep())
            self._doors.open()
            try:
                await asyncio.Event().wait()
            finally:
                self._doors.close()  # first of all: a group that is closing takes no new task
                self._line.close()

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
        await self._doors.wait()
        if incoming.idempotency_key and (known := await self._store.job_by_key(incoming.idempotency_key)):
            return known
        self.control.check(incoming.user)
        room = await self.rooms.get(incoming.place.room)
        room.check_access(incoming)
        given = self._admission.pictures(incoming, recipe)
        complete_recipe = self._admission.complete(recipe, room, self.engine.encoder)
        chat = self._chats.get(incoming.place.chat)
        if chat is None:
            raise InternalError(f"Answers cannot be sent on {incoming.place.chat}.")
        plays = chat.plays_in(incoming.place)
        clip = clip_order(complete_recipe, given.photo, recipe.size is not None) if plays else None
        if clip and complete_recipe.then:
            raise InvalidOrder(NO_MORE_OF_A_CLIP)
        there = self.engine.ready.memory if self.engine.ready else Memory()
        note = clip.note if clip else reduced(complete_recipe, there)
        # What is verified is painted whole.
        begun = -1 if given.checked else self._going_on.begun(Pictures(given.photo, given.style), complete_recipe)
        job = Job(
            id=new_id(),
            user=incoming.user,
            place=incoming.place,
            recipe=complete_recipe,
            requested=recipe,
            created=self._clock(),
            cost=self._estimator.seconds(complete_recipe, clip, begun),
            memory=0 if clip else memory(complete_recipe, there),
            idempotency_key=incoming.idempotency_key,
        )
        if self._doors.closing:  # since it was asked above; from here to the task nothing is awaited
            raise closing()
        where = job.place.room
        demand, look = self._demand(job.user, where), is_look(job.recipe)
        wait = self._admission.reserve(job.user, where, room, demand, job.cost, look=look)
        # In a task of its own: what is on disk must get into the queue, even if the caller's connection goes away.
        admitting = self._tasks.create_task(self._admit(job, given, note, wait))
        try:
            admitted = await asyncio.shield(admitting)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if admitting.cancelled() and not (caller and caller.cancelling()):  # but the studio
                raise closing() from None
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
        await self._doors.wait()
        if incoming.idempotency_key and await self._store.job_by_key(incoming.idempotency_key):
            return
        self.control.check(incoming.user)
        room = await self.rooms.get(incoming.place.room)
        room.check_access(incoming)
        user, place = incoming.user, incoming.place.room
        self._admission.check(user, place, room, self._demand(user, place))

    def _demand(self, user: str, room: str) -> Demand:
        return Demand(
            of_user=sum(1 for _ in self._jobs.in_work(user)),
            of_room=sum(1 for _ in self._jobs.in_work_of(room)),
            until_one_of_user=lambda: self._line.until_one_of(user),
            until_next=self._line.until_next,
            paced=self._line.paced,
        )

    async def _admit(self, job: Job, given: Given, note: str, wait: float) -> Job | Exception:
        """Write the job down and queue it. An error is returned: it is the caller's, not the task group's."""
        with self._admission.reserved(job.user, job.place.room):
            try:
                written = await self._store.add(job, *given)
                if written.id != job.id:  # the same order came twice at once
                    self._admission.give_back(job.user, job.cost, look=is_look(job.recipe))
                    return written
                live = self._jobs.track(job, self._chats[job.place.chat])
                live.charged = job.cost
                live.note = note
                self._line.join_in(live, wait)
            except Exception as error:
                self._admission.give_back(job.user, job.cost, look=is_look(job.recipe))
                return error
        self.health.accepted.inc()
        return job

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

    def open_jobs(self, user: str | None = None) -> list[Waiting]:
        """The person's jobs, or everybody's, that wait or are being painted, oldest first."""
        mine = self._jobs.in_work(user)
        return [Waiting(live.job, live.announcer.status) for live in sorted(mine, key=lambda live: live.job.created)]

    def waiting(self) -> int:
        """How many pictures wait, those being painted included."""
        return self._line.waiting()

    def place(self, job: str) -> int | None:
        """Which in the line a job is, 1 for the next; None for one that does not wait."""
        return self._line.place(job)

    def wait_for_look(self, user: str) -> float:
        """Estimated seconds until a sheet for this person would be begun."""
        return max(self._line.until_begun(quick=True), self._admission.wait_for_look(user))

    async def knows(self, incoming: Incoming) -> bool:
        """Whether this order is a job already."""
        key = incoming.idempotency_key
        return bool(key) and await self._store.job_by_key(key) is not None

    async def status(self, job: str) -> Status | None:
        """How a job stands; None for one that is not known."""
        live = self._jobs.get(job)
        if live and live.job.state in OPEN:
            return live.announcer.status
        known = live.job if live else await self._store.job(job)
        if known is None:
            return None
        finished = known.state in (State.PAINTED, State.DELIVERED)
        return Status(text="finished" if finished else known.message or known.state, done=float(finished))

    # --- from run to run ---------------------------------------------------------------------------------------------

    async def _resume(self) -> None:
        """What the last run accepted and did not finish."""
        for duration in await self._store.durations():
            self._estimator.learn(duration)
        away: Counter[str] = Counter()
        for job in await self._store.unfinished():
            if job.place.chat not in self._chats:
                away[job.place.chat] += 1
                continue
            live = self._jobs.track(job, self._chats[job.place.chat])
            if job.state is State.PAINTED:
                self._jobs.deliver(live)
            elif job.state is State.FAILED:
                self._jobs.notify(live, job.message)
            elif job.state is State.PAINTING and job.interruptions + 1 >= INTERRUPTIONS:
                why = f"The bot went down {INTERRUPTIONS} times in the middle of this picture."
                await self._jobs.give_up(live, why)
            else:
                if job.state is State.PAINTING:
                    await self._jobs.move(live, State.QUEUED, interruptions=job.interruptions + 1)
                self._line.join(live)
        for chat, count in away.items():
            log.warning("%d unfinished jobs wait until %s is configured again", count, chat)

    async def _sweep(self) -> None:
        """Forget what was kept long enough."""
        while True:
            with suppress(StoreError):
                hours = self.rules.keep_hours, self.rules.keep_marked_hours
                await self._store.prune(*(self._clock() - kept * 3600 for kept in hours))
                await self.control.touch()
            await asyncio.sleep(SWEEP_SECONDS)
