"""The line: who waits for which place, how long it will be, and telling everybody so."""

from __future__ import annotations

import time

from bot.core.estimate import in_words
from bot.core.messages import Status
from bot.core.queue import FairQueue, Ticket
from bot.core.work.open_jobs import OpenJob, OpenJobs


class Line:
    """The jobs that wait, and the one that is being painted."""

    def __init__(self, queue: FairQueue, jobs: OpenJobs) -> None:
        self._queue = queue
        self._jobs = jobs
        self.running: OpenJob | None = None
        self.engine_missing = False  # it could not be started when it was last wanted

    def waiting(self) -> int:
        """How many pictures wait, the one being painted included."""
        return len(self._queue) + (self.running is not None and not self.running.cancelled)

    def join(self, live: OpenJob) -> None:
        self._queue.put(Ticket(live.job.id, live.job.user, live.job.cost))
        self.moved()

    def leave(self, live: OpenJob) -> None:
        self._queue.cancel(live.job.id)

    async def next(self) -> OpenJob:
        """Whose turn it is, as soon as somebody waits."""
        ticket = await self._queue.get()
        self.running = self._jobs[ticket.id]
        self.moved()
        return self.running

    def moved(self) -> None:
        """Tell everybody who waits where they stand now."""
        ahead = self.left()
        tickets = self._queue.order()
        for place, ticket in enumerate(tickets, 1):
            live = self._jobs[ticket.id]
            text = f"place {place} of {len(tickets)}, {in_words(ahead)}"
            if place == 1 and self.running is None:  # of which most people are told no more, it is done so soon
                text = f"coming up in {in_words(ticket.cost)}"
            elif self.engine_missing:
                text = f"place {place} of {len(tickets)}, as soon as the painting engine is back"
            live.announcer.show(live.job, Status(text=f"{text}. {live.note}" if live.note else text))
            ahead += ticket.cost

    def left(self) -> float:
        """Estimated engine seconds until the picture that is being painted is finished."""
        live = self.running
        if live is None or live.cancelled:  # which the engine is about to notice
            return 0.0
        spent = time.monotonic() - live.started if live.started else 0.0
        if live.done > 0.1:
            return spent / live.done * (1 - live.done)
        return max(0.0, live.job.cost - spent)

    def until_one_of(self, user: str) -> float | None:
        """Estimated seconds until the first of a person's open jobs is finished."""
        left = self.left()
        if self.running and self.running.job.user == user and not self.running.cancelled:
            return left
        for ticket in self._queue.order():
            left += ticket.cost
            if ticket.user == user:
                return left
        return None
