"""What was ordered is taken back: a picture that waits, or all that is kept of a person.

The journal decides every race: a job is cancelled, finished or failed by whoever moves it there first.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from bot.core.engine import Engine
from bot.core.errors import InvalidOrder, InvalidTransition, NotOwner
from bot.core.estimate import GoingOn
from bot.core.jobs import OPEN, Job, State
from bot.core.journal.rows.forget import Held
from bot.core.journal.store import Store
from bot.core.messages import Incoming
from bot.core.work.doors import Doors
from bot.core.work.line import Line
from bot.core.work.open_jobs import OpenJob, OpenJobs

log = logging.getLogger(__name__)

CANCEL_SECONDS = 30.0  # how long the engine may take to answer a cancel
FORGET_SECONDS = 20.0  # for answers to arrive before their jobs are forgotten


class Withdrawal:
    """Tasks of its own belong to ``tasks``."""

    def __init__(
        self,
        engine: Engine,
        line: Line,
        jobs: OpenJobs,
        store: Store,
        doors: Doors,
        going_on: GoingOn,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._engine = engine
        self._line = line
        self._jobs = jobs
        self._store = store
        self._doors = doors
        self._going_on = going_on
        self._tasks = tasks

    async def cancel(self, user: str, job: str | None = None) -> list[Job]:
        """Take back one job, or all of this person's; returns those that were cancelled.

        Raises:
            NotOwner
            InvalidOrder: there is nothing to cancel.
        """
        if job is None:
            tried = [await self._cancel_job(live) for live in self._jobs.in_work(user)]
            cancelled = [taken for taken in tried if taken is not None]
            if not cancelled:
                raise InvalidOrder("You have no pictures waiting, so there is nothing to cancel.")
            return cancelled
        live = self._jobs.get(job)
        known = live.job if live else await self._store.job(job)
        if known is None:
            raise InvalidOrder(f"There is no picture “{job[:20]}”. /queue shows yours.")
        if known.user != user:
            raise NotOwner("That picture is somebody else's; only who ordered it can cancel it.")
        taken = await self._cancel_job(live) if live and live.job.state in OPEN else None
        if taken is None:
            raise InvalidOrder(f"{job} is finished already, so there is nothing to cancel.")
        return [taken]

    async def cancel_any(self, job: str) -> Job:
        """Take back anybody's job, and tell them who did.

        Raises:
            InvalidOrder: it is not waiting or being painted.
        """
        live = self._jobs.get(job)
        by_owner = "Cancelled by who runs this bot."
        taken = await self._cancel_job(live, by_owner) if live and live.job.state in OPEN else None
        if taken is None:
            raise InvalidOrder(f"No picture “{job[:20]}” is waiting or being painted. /admin queue lists them.")
        return taken

    async def _cancel_job(self, live: OpenJob, why: str = "Cancelled, as you asked.") -> Job | None:
        """The job cancelled; None when it was finished first."""
        try:
            live.job = await self._store.move(live.job.id, State.CANCELLED)
        except InvalidTransition:
            return None
        self._line.leave(live)
        if self._line.is_running(live) and not self._doors.closing:  # which stops the engine anyway
            self._tasks.create_task(self._stop_engine(live.job.id))
        self._jobs.notify(live, why)
        self._line.moved()
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
        await self._doors.wait()
        before = await self.held(incoming)
        with suppress(InvalidOrder):
            await self.cancel(incoming.user)
        mine = self._jobs.of_user(incoming.user)
        with suppress(TimeoutError):
            async with asyncio.timeout(FORGET_SECONDS):
                for live in mine:
                    await live.answered.wait()
        await self._engine.forget()
        self._going_on.forget()
        await self._store.forget(incoming.user, incoming.place.room if incoming.own_room else "")
        return before, await self.held(incoming)

    async def _stop_engine(self, job: str) -> None:
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._engine.cancel(job)
        except Exception as error:
            log.warning("job %s: the engine did not take its cancel: %r", job, error)
