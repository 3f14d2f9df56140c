"""One job's news to one chat: the newest status, whatever came before it, and then the one answer until it arrives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from bot.backoff import Backoff
from bot.core.errors import Undeliverable
from bot.core.jobs import Job
from bot.core.messages import Chat, Status

log = logging.getLogger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long a chat may take, in seconds, and when it is tried again."""

    show: float = 15.0
    deliver: float = 120.0
    retry: Backoff = Backoff()


class Announcer:
    """`show` and `end` never wait, so a slow chat holds up nobody; `run` does the talking, one message at a time."""

    def __init__(self, chat: Chat, pace: Pace) -> None:
        self._chat = chat
        self._pace = pace
        self._news: tuple[Job, Status] | None = None  # not yet shown
        self._answer: Callable[[], Awaitable[None]] | None = None
        self._ended = False
        self._changed = asyncio.Event()
        self._waiting: asyncio.Timeout | None = None  # while the chat is waited for
        self._pauses = iter(pace.retry)  # anew when something was shown
        self._not_before = 0.0  # by the loop's clock: a chat that has failed is left alone for a while
        self._given_up = False  # the chat said that it will show nothing more
        self.status = Status(text="")

    def show(self, job: Job, status: Status) -> None:
        """Overtake whatever was not shown yet; nothing is shown after `end`."""
        if not self._ended and not status.shows(self.status):
            self.status = status
            self._news = job, status
            self._notice()

    def end(self, answer: Callable[[], Awaitable[None]]) -> None:
        """Nothing more to show: ``answer`` hands the outcome to the chat, and is called until it succeeds."""
        if not self._ended:
            self._news = None
            self._ended, self._answer = True, answer
            self._notice()

    def _notice(self) -> None:
        self._changed.set()
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> bool:
        """Talk until the answer has arrived; False if the chat will not take it, now or ever."""
        while self._answer is None:
            await self._changed.wait()
            self._changed.clear()
            if self._news is not None and await self._may_show():
                await self._show(*self._news)
        # It holds its job, which holds this: kept, all of it would stay until Python looks for such rings.
        answer, self._answer = self._answer, None
        for pause in self._pace.retry:
            try:
                async with asyncio.timeout(self._pace.deliver):
                    await answer()
                return True
            except Undeliverable as error:
                log.warning("%s will not take an answer: %s", self._chat.name, error)
                return False
            except Exception as error:  # whatever a platform's library raises, it may pass
                log.warning("%s did not take an answer, next try in %.0f s: %r", self._chat.name, pause, error)
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    async def _may_show(self) -> bool:
        """Wait until the chat takes the news; False if something newer, or the answer, comes first."""
        news = self._news  # which the answer takes away while the chat is waited for
        if news is None or self._given_up:
            return True
        try:
            async with asyncio.timeout(None) as self._waiting:
                pause = self._not_before - asyncio.get_running_loop().time()
                if pause > 0:
                    await asyncio.sleep(pause)
                await self._chat.wait_to_show(*news)
        except TimeoutError:
            return False
        finally:
            self._waiting = None
        return not self._ended

    async def _show(self, job: Job, status: Status) -> None:
        self._news = None
        if self._given_up:
            return
        try:
            async with asyncio.timeout(self._pace.show):
                await self._chat.show(job, status)
            self._pauses = iter(self._pace.retry)
        except Undeliverable as error:
            log.info("%s shows no more of job %s: %s", self._chat.name, job.id, error)
            self._given_up = True
        except Exception as error:  # a later status may have more luck
            self._not_before = asyncio.get_running_loop().time() + next(self._pauses)
            log.warning("%s did not show how job %s stands: %r", self._chat.name, job.id, error)
