"""What a platform supplies for the life of a job's message: how to post, edit and delete one there, what it takes; and
what such a message shows."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Protocol

import msgspec

from bot.core.jobs import Job
from bot.core.journal.store import JobMessage
from bot.core.messages import Result, Status
from bot.dialog.buttons import Button
from bot.dialog.sheets import Pick
from bot.engine_process import thumbnails


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform takes, and how fast. Times are in seconds."""

    file_bytes: int  # largest file
    words_first: (
        bool  # a post repeated would be a second message: so it is made of words, and the picture comes by edit
    )
    silent_seconds: float = 2.0  # for which a job without a message gets none: what is done by then is its first word
    calm_seconds: float = 3.0  # for which a new message stays as it is: what is done by then needs no progress
    edit_seconds: float = 3.0  # between two edits that show progress
    preview_seconds: float = 1.0  # the same before the first preview of a slow job, which is worth an edit more


class Progress(msgspec.Struct, frozen=True):
    """How a job stands."""

    status: Status
    preview_shown: bool = False  # the message shows the status's preview already, so that its words are enough


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The finished picture, as a file that the platform takes."""

    result: Result
    data: bytes
    file_name: str
    notes: tuple[str, ...]  # the result's, and what was done to make it fit
    buttons: tuple[Button, ...]
    picks: tuple[Pick, ...] = ()  # of a sheet

    async def within(self, limit: int) -> Picture | None:
        """The same with at most so many bytes, as JPEG where it is too large; None where that fails."""
        if len(self.data) <= limit:
            return self
        if self.result.moves:
            return None
        data = await thumbnails.jpeg(self.result.picture, limit)
        if data is None:
            return None
        name = self.file_name.removesuffix(".png").removesuffix(".jpg") + ".jpg"
        return msgspec.structs.replace(self, data=data, file_name=name)


class Ending(msgspec.Struct, frozen=True):
    """Why there is no picture."""

    text: str
    refused: bool = False  # the photo was at fault: which concerns nobody but who ordered


Content = Progress | Picture | Ending


class MessageGone(Exception):
    """The message was deleted, or cannot be edited any more."""


class WordsFirst(Exception):
    """The platform takes this only as an edit of a message of words."""


class TooLarge(Exception):
    """The platform does not take a file of this size; ``limit`` (bytes) is what it takes, where that is known."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__(f"limit {limit}")
        self.limit = limit


class Transport(Protocol):
    """How messages get to a platform. It renders what they say; what it raises is tried again, or as stated."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def post(self, job: Job, content: Content) -> JobMessage:
        """A new message for the job.

        Raises:
            WordsFirst: a picture may come later, by edit; nothing was posted, or it is not known.
            Undeliverable: there is nowhere to post it, now or ever.
            TooLarge
        """
        ...

    async def edit(self, job: Job, message: JobMessage, content: Content) -> JobMessage:
        """Make the message show this; returns the one that does, where it had to be another. Repeatable.

        Raises:
            MessageGone
            Undeliverable
            TooLarge
        """
        ...

    # --- hooks -------------------------------------------------------------------------------------------------------

    def file_limit(self, job: Job) -> int:
        """The largest file, in bytes, that goes where the job's answer does."""
        return self.capabilities.file_bytes

    async def prepare(self, job: Job) -> None:
        """Called before a job's message is looked for: it may be on its way together with others."""
        return

    async def mention(self, job: Job, message: JobMessage) -> None:
        """Tell the person that this message now shows the picture, of which an edit tells nobody."""
        return

    async def finished(self, job: Job) -> None:
        """Called when nothing more will be shown of a job."""
        return

    def shown_since(self, job: Job) -> float | None:
        """When the platform itself began to show that the bot is at work (by the messenger's clock), if it did."""
        return None

    async def take_turn(
        self, job: Job, *, not_before: float = -math.inf, soon: bool = False, patience: float = math.inf
    ) -> bool:
        """Wait until progress may be shown; False where that is not within ``patience`` seconds.

        Args:
            not_before: by the messenger's clock.
            soon: it is worth more than other progress.
        """
        await asyncio.sleep(max(0.0, not_before - time.time()))
        return True

    async def pause(self, seconds: float) -> None:
        """Wait, by the messenger's clock."""
        await asyncio.sleep(seconds)

    def working(self, job: Job, status: Status, *, posted: bool) -> None:
        """The job is waiting or being painted; ``posted`` says that its message is new."""
        return


class PressContext(Protocol):
    """Where a button was pressed."""

    @property
    def file_limit(self) -> int:
        """Bytes."""
        ...

    async def send_file(self, name: str, data: bytes, message: JobMessage | None) -> None:
        """Hand over a file, below ``message`` or to the person alone."""
        ...

    async def delete(self, message: JobMessage | None) -> None:
        """Take the picture's message away; ``message`` is what the journal knew of it.

        Raises:
            Undeliverable: the platform does not let the bot; the text says so to the person.
        """
        ...
