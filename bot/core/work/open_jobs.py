"""The open jobs, each from acceptance until its answer has arrived: what becomes of one is noted and told here."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from bot.core.admission import Admission, is_look
from bot.core.announce import Announcer, Pace
from bot.core.errors import InvalidTransition, StoreError
from bot.core.estimate import Steady, is_quick
from bot.core.jobs import OPEN, Job, State
from bot.core.journal.store import Store
from bot.core.messages import Chat, Result
from bot.health import Health
from engine.gallery import Gallery
from engine.recipe import credits, line
from engine.wire import Cell

T = TypeVar("T")
log = logging.getLogger(__name__)

PACES = 9  # parts of the work whose pace counts: a step that was slow by chance is outvoted
MEASURED = 0.1  # share of the work from which on its own speed tells more than that of others before it
CELLS = "Choose one of these to have it in full, or name its number: /again cell=3."


class OpenJob:
    """A job in memory, from acceptance until its answer has arrived."""

    def __init__(self, job: Job, chat: Chat, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.job = job
        self.chat = chat
        self.announcer = Announcer(chat, pace)
        self.started = 0.0  # when the engine got it last, by the monotonic clock
        self.charged: float | None = None  # engine seconds that the person has paid for, in this run of the bot
        self.quick = is_quick(job)  # the lane that it is painted in
        self.done = 0.0  # share of the work
        self.seconds = 0.0  # of the engine's time that it has taken, as the engine said last
        self._paces: deque[float] = deque(maxlen=PACES)  # seconds for all of the work, by its latest parts
        self._part = 0.0  # share of the work that the latest of them was
        self._told = Steady()
        self.heard = 0.0  # when that was, by the monotonic clock
        self.note = ""  # the engine's latest sentence about it
        self.preview: bytes | None = None
        self.cells: tuple[Cell, ...] = ()  # of the sheet that the preview shows
        self.answered = asyncio.Event()  # the answer has arrived, or will never

    @property
    def cancelled(self) -> bool:
        return self.job.state is State.CANCELLED

    def begin(self) -> None:
        """The engine has it now."""
        self.started = self.heard = self._clock()
        self.done, self.seconds, self.preview, self._part = 0.0, 0.0, None, 0.0
        self._told.begin()
        self._paces.clear()

    def hear(self, done: float, seconds: float) -> None:
        """The engine says how far it is."""
        self.heard = self._clock()
        seconds = seconds or self.heard - self.started
        if self.done and done > self.done:
            self._part = done - self.done
            self._paces.append((seconds - self.seconds) / self._part)
        self.done, self.seconds = done, seconds

    @property
    def taken(self) -> float:
        """Seconds of the engine's time that it has taken."""
        if self.job.seconds is not None:
            return self.job.seconds
        if not self.started:
            return 0.0
        return self.seconds or self._clock() - self.started

    @property
    def overdue(self) -> bool:
        """Whether it takes longer than was thought, and nothing that the engine said tells how long."""
        return self.done <= MEASURED and self.started > 0 and self.taken >= self.job.cost

    def left(self) -> float:
        """Estimated seconds of the engine's time until it is finished."""
        if self.done > MEASURED:
            since = self._clock() - self.heard
            # Not by all of the time so far: what comes before the first step takes long, and is no part of the rest.
            pace = statistics.median(self._paces) if self._paces else self.seconds / self.done
            # However long the part takes that is being painted, those after it are still to come.
            return max(pace * (1 - self.done) - since, pace * (1 - self.done - self._part), 0.0)
        if self.overdue:  # by what is known of such things, it will take about as long again
            return self.taken
        if self.done:
            return self.job.cost * (1 - self.done)
        return max(0.0, self.job.cost - self.taken)

    def told(self, left: float) -> float:
        """Such an estimate as it is to be told, without the wavering of a machine under load."""
        if self.overdue:
            self._told.begin()
            return left
        return self._told.tell(left, self._clock())


class OpenJobs:
    """All of them, by id. Their tasks belong to ``tasks``."""

    def __init__(
        self,
        store: Store,
        admission: Admission,
        gallery: Gallery,
        tasks: asyncio.TaskGroup,
        *,
        pace: Pace,
        health: Health,
    ) -> None:
        self._store = store
        self._admission = admission
        self._gallery = gallery
        self._tasks = tasks
        self._pace = pace
        self._health = health
        self._open: dict[str, OpenJob] = {}
        # The same, by who ordered and by where.
        self._by_user: defaultdict[str, dict[str, OpenJob]] = defaultdict(dict)
        self._by_room: defaultdict[str, dict[str, OpenJob]] = defaultdict(dict)

    def __getitem__(self, job: str) -> OpenJob:
        return self._open[job]

    def get(self, job: str) -> OpenJob | None:
        return self._open.get(job)

    def in_work(self, user: str | None = None) -> Iterator[OpenJob]:
        """Those that wait or are being painted; of one person, or of all."""
        theirs = self._open if user is None else self._by_user.get(user, {})
        return (it for it in list(theirs.values()) if it.job.state in OPEN)

    def in_work_of(self, room: str) -> Iterator[OpenJob]:
        """The same of one room."""
        return (it for it in list(self._by_room.get(room, {}).values()) if it.job.state in OPEN)

    def of_user(self, user: str) -> list[OpenJob]:
        """All of this person's, the answered ones among them that are still being handed over."""
        return list(self._by_user.get(user, {}).values())

    def track(self, job: Job, chat: Chat) -> OpenJob:
        live = OpenJob(job, chat, self._pace)
        for jobs in (self._open, self._by_user[job.user], self._by_room[job.place.room]):
            jobs[job.id] = live
        self._tasks.create_task(self._announce(live))
        return live

    # --- what becomes of one -----------------------------------------------------------------------------------------

    async def give_up(self, live: OpenJob, why: str) -> None:
        """Whatever is wrong with the photo, it stays, and the person may want it tried again."""
        await self.fail(live, f"{why} So this picture was given up; /retry {live.job.id} has it tried once more.")

    async def fail(self, live: OpenJob, message: str, *, refused: bool = False) -> None:
        await self.move(live, State.FAILED, message=message, refused=refused)
        self.notify(live, message)

    async def move(self, live: OpenJob, state: State, **changes: Any) -> None:
        live.job = await self.retrying(lambda: self._store.move(live.job.id, state, **changes))

    async def retrying(self, access: Callable[[], Awaitable[T]]) -> T:
        """Repeat an access to the journal until it works: a full disk stops the line, and loses nothing."""
        for pause in self._pace.retry:
            try:
                return await access()
            except StoreError:
                await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    # --- answers -----------------------------------------------------------------------------------------------------

    def _settle(self, live: OpenJob) -> None:
        if live.charged is not None:
            self._admission.settle(live.job.user, live.charged, live.taken, look=is_look(live.job.recipe))
            live.charged = None

    def deliver(self, live: OpenJob) -> None:
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

    def notify(self, live: OpenJob, text: str) -> None:
        self._settle(live)
        live.announcer.end(lambda: live.chat.notify(live.job, text))

    async def _announce(self, live: OpenJob) -> None:
        """Show how the job stands, hand over the answer, and note that it has arrived."""
        ordered = live.job  # by whom and where does not change
        arrived = await live.announcer.run()
        answered = {State.PAINTED: State.DELIVERED, State.FAILED: State.NOTIFIED}.get(live.job.state)
        if answered is not None:
            try:
                await self.move(live, answered if arrived else State.LOST)
            except InvalidTransition as error:
                log.error("job %s was answered: %s", live.job.id, error)
        self._health.jobs.labels(str(live.job.state)).inc()
        log.info("job %s is %s", live.job.id, live.job.state)
        self._drop(ordered)
        live.answered.set()

    def _drop(self, job: Job) -> None:
        del self._open[job.id]
        for index, key in ((self._by_user, job.user), (self._by_room, job.place.room)):
            del index[key][job.id]
            if not index[key]:
                del index[key]
