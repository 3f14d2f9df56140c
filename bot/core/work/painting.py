"""One job's way through the engine: handed over, followed, tried again where the engine fails, given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import cast

from bot.core import estimate
from bot.core.admission import Rules
from bot.core.announce import Pace
from bot.core.engine import Engine, Taken
from bot.core.errors import (
    EngineError,
    ImpastoError,
    InternalError,
    Interrupted,
    InvalidOrder,
    InvalidTransition,
    Refusal,
    sentence,
)
from bot.core.estimate import Estimator, GoingOn, Pictures, in_words, quote
from bot.core.jobs import OPEN, State
from bot.core.journal.store import Store
from bot.core.messages import Status
from bot.core.work.line import LANES, Line
from bot.core.work.open_jobs import OpenJob, OpenJobs
from bot.health import Health
from engine.gallery import Gallery
from engine.recipe import MINE
from engine.wire import Done, Event, Failed, Paint, Preview, Progress

log = logging.getLogger(__name__)

# Engine processes that may die with a photo in hand before the photo is the suspect. In the second it has no other
# beside it, which may have taken the memory.
ATTEMPTS = 2


class Painting:
    """Run it with `run`, in a task of its own.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        engine: Engine,
        line: Line,
        jobs: OpenJobs,
        store: Store,
        gallery: Gallery,
        estimator: Estimator,
        going_on: GoingOn,
        *,
        rules: Rules,
        pace: Pace,
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._line = line
        self._jobs = jobs
        self._store = store
        self._gallery = gallery
        self._estimator = estimator
        self._going_on = going_on
        self._rules = rules
        self._pace = pace
        self._health = health
        self._clock = clock

    async def run(self) -> None:
        """Paint whose turn it is in each lane, as many at once as there are workers, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._line.tell())
            for quick in LANES:
                tasks.create_task(self._hand_out(quick, tasks))

    async def _hand_out(self, quick: bool, tasks: asyncio.TaskGroup) -> None:
        while True:
            live = await self._line.next(quick=quick)
            tasks.create_task(self._get_done(live))

    async def _get_done(self, live: OpenJob) -> None:
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
                await self._jobs.fail(live, sentence(error))
        finally:
            self._line.done(live)
        if live.job.state is State.QUEUED:
            self._line.join(live, first=True)

    async def _paint(self, live: OpenJob) -> None:
        """Until it is finished or given up; or has to wait for its turn in the other lane."""
        failed_starts = 0
        while live.job.state in OPEN:
            try:
                event = await self._run_engine(live)
            except Interrupted as error:
                log.warning("job %s begins again: %s", live.job.id, error)
                await self._jobs.move(live, State.QUEUED)
                live.announcer.show(live.job, Status(text="The engine was restarted; your picture begins again."))
            except EngineError as error:
                if live.job.state is State.PAINTING:
                    await self._lost_engine(live, error)
                    if live.quick:
                        live.quick = False
                        return
                elif live.job.state is State.QUEUED:
                    failed_starts += 1
                    await self._await_engine(live, error, failed_starts)
            else:
                if isinstance(event, Failed) and event.kind == "crowded" and live.quick:
                    await self._jobs.move(live, State.QUEUED)
                    live.quick = False
                else:
                    await self._finish(live, event)
                return

    async def _lost_engine(self, live: OpenJob, error: EngineError) -> None:
        """The engine died with the photo in hand: once that may be the engine's fault."""
        self._health.breakdowns.inc()
        attempts = live.job.attempts + 1
        log.warning("job %s lost its engine, attempt %d: %s", live.job.id, attempts, error)
        await self._jobs.move(live, State.QUEUED, attempts=attempts)
        if attempts >= ATTEMPTS:
            await self._jobs.give_up(live, f"{error} It was tried twice.")
        else:
            live.announcer.show(live.job, Status(text="The engine failed; trying again."))

    async def _await_engine(self, live: OpenJob, error: EngineError, failed_starts: int) -> None:
        """There is no engine to take the photo, which is not the photo's fault: the job waits, and is told so."""
        log.warning("job %s waits for an engine: %s", live.job.id, error)
        if failed_starts >= self._rules.failed_starts:
            await self._jobs.fail(live, str(error))
            return
        self._line.engine_missing = True
        text = "The painting engine does not start at the moment; your picture waits until it does."
        live.announcer.show(live.job, Status(text=text))
        self._line.moved()
        await asyncio.sleep(self._pace.retry.first)  # an engine paces its starts; this is in case one does not

    async def _run_engine(self, live: OpenJob) -> Done | Failed:
        photo = await self._jobs.retrying(lambda: self._store.photo(live.job.id))
        style = await self._jobs.retrying(lambda: self._store.style(live.job.id))
        checked = await self._jobs.retrying(lambda: self._store.checked(live.job.id))
        if live.cancelled:
            raise InvalidTransition(f"The picture {live.job.id} was given up.")
        if photo is None and live.job.recipe.rules.photo:
            raise InternalError("The photo of this order is no longer in the journal. Please order it again.")
        for share in live.job.recipe.styles:
            if share.name != MINE and self._gallery.find(share.name) is None:
                raise InvalidOrder(f"The style {share.name} is no longer in the gallery. /styles shows what there is.")
        if not live.job.attempts and not self._line.engine_missing:
            text = "painting begins" if self._engine.ready else "the engine is loading"
            said = ": ".join(filter(None, (text, quote(live.job))))
            live.announcer.show(live.job, Status(text=said, left=live.job.cost))
        seconds, enlarge = self._rules.preview_seconds, live.job.size_named
        plays, most = live.chat.plays_in(live.job.place), live.chat.most_bytes(live.job)
        paint = Paint(live.job.id, photo, live.job.recipe, seconds, style, enlarge, plays, most, live.quick, checked)
        # Closed at once, not when the garbage is collected: that is what frees the engine for the next job.
        async with aclosing(cast("AsyncGenerator[Event]", self._engine.run(paint))) as events:
            async for event in events:
                match event:
                    case Taken():
                        await self._taken(live)
                    case Done():
                        of, workers = Pictures(photo, style), len(self._engine.workers)
                        self._going_on.painted(of, paint.recipe, event.recipe, (event.height, event.width), workers)
                        return event
                    case Failed():
                        return event
                    case Progress() | Preview():
                        self._show(live, event)
                if live.cancelled:  # before the engine had the job, so that its cancel was in vain
                    raise InvalidTransition(f"The picture {live.job.id} was given up.")
        raise EngineError("The painting engine gave no answer.")

    async def _taken(self, live: OpenJob) -> None:
        await self._jobs.move(live, State.PAINTING)
        if not live.started:
            self._health.wait.observe(max(0.0, self._clock() - live.job.created))
        live.begin()
        if self._line.engine_missing:
            self._line.engine_missing = False
            self._line.moved()

    def _show(self, live: OpenJob, event: Progress | Preview) -> None:
        text = live.announcer.status.text
        if isinstance(event, Preview):
            live.preview, live.cells = event.picture, event.cells
        else:
            live.hear(event.done, event.seconds)
            live.note = event.note or live.note
        left = live.told(self._line.left(live))
        if isinstance(event, Progress):
            said = "longer than expected" if live.overdue else f"{in_words(left)} left"
            text = ". ".join(filter(None, (f"{event.text}, {said}", live.note)))
        status = Status(text=text, done=live.done, preview=live.preview, cells=live.cells, left=left)
        live.announcer.show(live.job, status)

    async def _finish(self, live: OpenJob, event: Done | Failed) -> None:
        if isinstance(event, Failed):
            if not live.cancelled:
                await self._jobs.fail(live, event.message, refused=event.kind == "refused")
            return
        live.job = await self._jobs.retrying(
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
                went_on=event.went_on,
            )
        )
        took = estimate.painted(live.job, event.seconds)
        if not event.went_on:
            self._estimator.learn(took)
        self._health.painting.labels(took.kind).observe(event.seconds)
        self._jobs.deliver(live)

    async def _requeue(self, live: OpenJob) -> None:
        """The bot is stopping: the picture is painted after the restart, and that is not its fault."""
        with suppress(ImpastoError):
            job = await self._store.job(live.job.id)
            if job and job.state is State.PAINTING:
                await self._store.move(job.id, State.QUEUED)
