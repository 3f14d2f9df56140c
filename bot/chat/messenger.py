"""The shared life of a job's message: posted once, edited as the job goes on, holding the picture in the end.

A platform supplies a `Transport`. Which message shows a job is kept in the journal, so a restart finds it and nothing
is posted twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from bot.chat.transport import (
    Content,
    Ending,
    MessageGone,
    Picture,
    PressContext,
    Progress,
    TooLarge,
    Transport,
    WordsFirst,
)
from bot.core.errors import InternalError, Undeliverable
from bot.core.jobs import Job
from bot.core.journal.store import JobMessage
from bot.core.messages import Result, Status
from bot.dialog.buttons import Press, Pressed
from bot.dialog.services import Services
from bot.dialog.sheets import picks

log = logging.getLogger(__name__)

LONG_SECONDS = 60.0  # after its order, from which on a person is likely to look elsewhere when the picture comes
SMALLEST_LIMIT = 2**17  # bytes; a platform that takes no file of this size takes none at all


class _Shown(msgspec.Struct):
    """What a job's message shows, as far as this process knows."""

    message: JobMessage
    posted: float  # by the messenger's clock
    at: float  # of the last edit
    status: Status | None = None  # None is not known
    previewed: bool = False
    posted_with: Content | None = None  # None where the message was there already


class Messenger:
    """Keeps every job's message; use it as a context, which ends what it has begun.

    Args:
        clock: seconds; the transport's turns are counted by the same one.
    """

    def __init__(self, transport: Transport, services: Services, clock: Callable[[], float] = time.time) -> None:
        self._transport = transport
        self._store = services.store
        self._buttons = services.buttons
        self._clock = clock
        self._shown: dict[str, _Shown] = {}
        self._posting: dict[str, asyncio.Task[_Shown | Exception]] = {}
        self._turns: set[str] = set()  # jobs that have one and have not used it
        self._silent: dict[str, float] = {}  # until when nothing is said of a job that has no message
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for posting in list(self._posting.values()):
            posting.cancel()
        # Without the error of the body: the group would wrap it.
        await self._tasks.__aexit__(None, None, None)

    # --- progress ----------------------------------------------------------------------------------------------------

    async def wait_to_show(self, job: Job, status: Status) -> None:
        """See `Chat.wait_to_show`."""
        shown, limits = self._shown.get(job.id), self._transport.capabilities
        since = self._transport.shown_since(job) if shown is None else shown.at
        if since is None:
            await self._keep_silent(job, status)
            return  # it is posted, which waits its turn like everything that must arrive
        slow = job.recipe.rules.optimises
        soon = slow and status.preview is not None and not (shown and shown.previewed)
        calm = shown.posted + limits.calm_seconds if shown else since + limits.calm_seconds
        not_before = since + limits.preview_seconds if soon else max(since + limits.edit_seconds, calm)
        if await self._transport.take_turn(job, not_before=not_before, soon=soon):
            self._turns.add(job.id)

    async def _keep_silent(self, job: Job, status: Status) -> None:
        """What is likely to be done in a moment is its own first word: one message, and no edit of it."""
        seconds = self._transport.capabilities.silent_seconds
        if status.left is None or status.left > seconds:
            return
        self._transport.working(job, status, posted=False)
        until = self._silent.setdefault(job.id, self._clock() + seconds)
        if (left := until - self._clock()) > 0:
            await self._transport.pause(left)

    async def show(self, job: Job, status: Status) -> None:
        """See `Chat.show`."""
        try:
            posted = job.id not in self._shown
            shown = await self._message(job, Progress(status))
            if shown.message.answered:
                return
            self._transport.working(job, status, posted=posted)
            if status.shows(shown.status):
                return
            if job.id not in self._turns and not await self._transport.take_turn(job, patience=0.0):
                return
            preview_shown = shown.status is not None and shown.status.preview == status.preview
            await self._edit(job, shown, Progress(status, preview_shown))
            shown.at, shown.status = self._clock(), status
            shown.previewed |= status.preview is not None
        except MessageGone as error:
            raise Undeliverable("The message that shows it was deleted.") from error
        finally:
            self._turns.discard(job.id)

    # --- the answer --------------------------------------------------------------------------------------------------

    async def deliver(self, job: Job, result: Result) -> None:
        """See `Chat.deliver`."""
        whole = Picture(
            result=result,
            data=result.picture,
            file_name=job.file_name,
            notes=result.notes,
            buttons=await self._buttons.under(job),
            picks=picks(job),
        )
        limit = self._transport.file_limit(job)
        while True:
            picture = await whole.within(limit)
            if picture is None:
                if result.moves:
                    raise Undeliverable("The platform takes no clip of this size.")
                raise InternalError("The picture could not be made small enough.")
            if picture is not whole:
                note = f"Made smaller: files may have {limit / 2**20:.3g} MB here."
                picture = msgspec.structs.replace(picture, notes=(*picture.notes, note))
            try:
                await self._finish(job, picture)
                return
            except TooLarge as error:
                if limit < SMALLEST_LIMIT:
                    raise Undeliverable("The platform takes no picture, however small.") from error
                limit = error.limit or min(len(picture.data), limit) // 2

    async def notify(self, job: Job, text: str) -> None:
        """See `Chat.notify`."""
        await self._finish(job, Ending(text, job.refused))

    async def _finish(self, job: Job, content: Content) -> None:
        """The last edit of a job's message; of a new one where it was deleted in the meantime."""
        try:
            await self._answer(job, content)
        except Undeliverable:
            await self._drop(job)
            raise
        await self._drop(job)

    async def _answer(self, job: Job, content: Content) -> None:
        words = Progress(Status(text="finished", done=1.0)) if self._transport.capabilities.words_first else content
        # Words first, lest a post repeated be a second picture; but not where silence was kept for one message's sake.
        first = content if job.id in self._silent else words
        for _ in range(2):
            try:
                shown = await self._message(job, first)
            except WordsFirst:
                self._silent.pop(job.id, None)  # for good: it may have been posted all the same
                first = words
                shown = await self._message(job, first)
            if shown.message.answered:
                return
            before = shown.message
            if shown.posted_with is not content:
                try:
                    await self._edit(job, shown, content)
                except MessageGone:
                    await self._forget(job)
                    continue
            is_edit = shown.posted_with is not content and shown.message.message == before.message
            await self._keep(job, shown, msgspec.structs.replace(shown.message, answered=True))
            if is_edit and isinstance(content, Picture) and time.time() - job.created > LONG_SECONDS:
                await self._mention(job, shown.message)
            return
        raise Undeliverable("The platform does not let the bot change its own messages there.")

    async def _mention(self, job: Job, message: JobMessage) -> None:
        """At most once, for it comes after the answer is known to be there; and it costs nobody the answer."""
        try:
            await self._transport.mention(job, message)
        except Exception as error:  # whatever a platform's library raises
            log.info("job %s: its person was not told that it is finished: %r", job.id, error)

    async def _drop(self, job: Job) -> None:
        """Nothing more is shown of it."""
        self._shown.pop(job.id, None)
        self._silent.pop(job.id, None)
        self._turns.discard(job.id)
        await self._transport.finished(job)

    async def check(self, press: Press) -> None:
        """See `Buttons.check`."""
        await self._buttons.check(press)

    async def press(self, press: Press, context: PressContext) -> Pressed:
        """Do what a button asks for, and say what came of it."""
        pressed = await self._buttons.press(press)
        if pressed.file is not None:
            size, limit = len(pressed.file.data), context.file_limit
            if size > limit:
                text = (
                    f"The file has {size / 2**20:.3g} MB, and files may have {limit / 2**20:.3g} MB here. Order it"
                    " with a smaller size=."
                )
                return msgspec.structs.replace(pressed, text=text, file=None, refused=True)
            await context.send_file(pressed.file.name, pressed.file.data, pressed.message)
        if pressed.delete:
            try:
                await context.delete(pressed.message)
            except Undeliverable as error:
                return msgspec.structs.replace(pressed, text=str(error), refused=True)
        return pressed

    # --- which message -----------------------------------------------------------------------------------------------

    async def adopt(self, job: Job, message: JobMessage) -> None:
        """The job's message was posted in another way."""
        now = self._clock()
        await self._keep(job, _Shown(message, now, now), message)

    async def _message(self, job: Job, content: Content) -> _Shown:
        """A job's message, posted with ``content`` if there is none yet; once, whoever asks and however often."""
        if shown := self._shown.get(job.id):
            return shown
        posting = self._posting.get(job.id)
        if posting is None:
            # A task of its own: a caller that gives up must not leave a message that nobody remembers.
            posting = self._posting[job.id] = self._begin(job, content)
            posting.add_done_callback(lambda _: self._posting.pop(job.id, None))
        try:
            shown_or_error = await asyncio.shield(posting)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if posting.cancelled() and caller and not caller.cancelling():  # it went with its session, we did not
                raise InternalError("The connection was closed.") from None
            raise
        if isinstance(shown_or_error, Exception):
            raise shown_or_error
        return shown_or_error

    def _begin(self, job: Job, content: Content) -> asyncio.Task[_Shown | Exception]:
        work = self._found_or_posted(job, content)
        try:
            return self._tasks.create_task(work)
        except RuntimeError:  # the closing group takes no more
            work.close()
            raise InternalError("The connection is being closed.") from None

    async def _found_or_posted(self, job: Job, content: Content) -> _Shown | Exception:
        """An error is returned: it is the caller's, not the task group's."""
        try:
            await self._transport.prepare(job)
            kept = await self._store.job_message(job.id)
            if kept is not None:
                now = self._clock()
                shown = self._shown[job.id] = _Shown(kept, now, now)
            else:
                message = await self._transport.post(job, content)
                now = self._clock()
                # Known here before it is on disk: should the disk fail, the next try must not post it again.
                shown = self._shown[job.id] = _Shown(message, now, now, *self._posted_status(content), content)
                await self._store.set_job_message(job.id, message)
            return shown
        except Exception as error:
            return error

    def _posted_status(self, content: Content) -> tuple[Status | None, bool]:
        """What a new message shows."""
        if not isinstance(content, Progress):
            return None, False
        if self._transport.capabilities.words_first:
            return msgspec.structs.replace(content.status, preview=None), False
        return content.status, content.status.preview is not None

    async def _edit(self, job: Job, shown: _Shown, content: Content) -> None:
        message = await self._transport.edit(job, shown.message, content)
        if message != shown.message:
            await self._keep(job, shown, message)

    async def _keep(self, job: Job, shown: _Shown, message: JobMessage) -> None:
        shown.message = message
        self._shown[job.id] = shown
        await self._store.set_job_message(job.id, message)

    async def _forget(self, job: Job) -> None:
        self._shown.pop(job.id, None)
        await self._store.set_job_message(job.id, None)
