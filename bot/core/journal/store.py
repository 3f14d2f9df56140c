"""The journal: jobs, their pictures and messages, settings per room, and the rooms of the web chat.

What `Store` has acknowledged is on disk. One connection, used by one thread only, so there is one writer and no lock
to wait for; the journal is locked for as long as it is open, so that no second bot delivers the same pictures again.
What a transaction does is in `rows` and in `sweep`, and how several share a commit in `writer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from bot.core.errors import StoreError
from bot.core.estimate import Duration
from bot.core.jobs import UNFINISHED, Job, State
from bot.core.journal.file import File
from bot.core.journal.rows import albums, blobs, forget, jobs, menus, promises, rooms, sign_ins
from bot.core.journal.rows.albums import Mark
from bot.core.journal.rows.blobs import Blob, BlobInfo, NewBlob
from bot.core.journal.rows.forget import Held
from bot.core.journal.rows.jobs import JobMessage
from bot.core.journal.rows.promises import Promise
from bot.core.journal.rows.sign_ins import SignIn
from bot.core.journal.sweep import Quota, listed, prune, shrink
from bot.core.journal.writer import PICTURES_AT_ONCE, Writer
from engine.recipe import Recipe
from engine.wire import PNG, Cell

__all__ = ["Blob", "JobMessage", "NewBlob", "Store"]

T = TypeVar("T")
log = logging.getLogger(__name__)

NOT_WRITTEN = "The journal cannot be written at the moment. Please try again in a few minutes."
LOST = "The journal's file was deleted or replaced while the bot was running. Restart the bot."


class Store:
    """Use `Store.open`. Every method raises StoreError when the file cannot be read or written."""

    def __init__(self, file: File, quota: Quota, thread: ThreadPoolExecutor, writer: Writer) -> None:
        self._file = file
        self._writer = writer
        self._db = file.db
        self._pictures = file.pictures
        self._quota = quota
        self._thread = thread
        self._trouble = ""  # why the last access failed, as a sentence; nothing when it did not
        self._version: int | None = None  # of the file's content, as SQLite counts it
        self.damaged = 0  # jobs that cannot be read, of those that were looked at

    @property
    def trouble(self) -> str:
        """Why the journal cannot be used, as a sentence; nothing when it can."""
        return LOST if self._file.lost else self._trouble

    @property
    def note(self) -> str:
        """What the operator should know of it, as a sentence."""
        if not self.damaged:
            return ""
        jobs = "One job in the journal" if self.damaged == 1 else f"{self.damaged} jobs in the journal"
        return f"{jobs} cannot be read, and will not be painted. “impasto jobs” names them."

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path | None, quota: Quota | None = None) -> AsyncIterator[Store]:
        """The journal in this file, made or brought up to date as needed; None keeps it in memory.

        Raises:
            ConfigError: the file cannot be used: no permission, no database, another bot has it, a newer version's.
        """
        loop = asyncio.get_running_loop()
        with (
            ThreadPoolExecutor(PICTURES_AT_ONCE, thread_name_prefix="pictures") as disk,
            ThreadPoolExecutor(1, thread_name_prefix="store") as thread,
        ):
            file = await loop.run_in_executor(thread, File, path)
            writer = Writer(file, thread, disk)
            try:
                yield cls(file, quota or Quota(), thread, writer)
            finally:
                await writer.finish()
                await loop.run_in_executor(thread, file.close)

    async def _do(self, work: Callable[[sqlite3.Connection], T], *, lasting: bool = True) -> T:
        """See `Writer.do`."""
        with self._noticed():
            return await self._writer.do(work, lasting=lasting)

    async def _do_with(self, pictures: Iterable[bytes | None], work: Callable[[sqlite3.Connection], T]) -> T:
        """See `Writer.do_with`."""
        with self._noticed():
            return await self._writer.do_with([picture for picture in pictures if picture is not None], work)

    @contextlib.contextmanager
    def _noticed(self) -> Iterator[None]:
        """What is wrong with the journal becomes its `trouble`, and a StoreError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            log.error("the journal failed: %s", error)
            self._trouble = f"The journal cannot be used: {error}."
            raise StoreError(NOT_WRITTEN) from error
        self._trouble = ""

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def add(
        self, job: Job, photo: bytes | None, style: bytes | None = None, checked: bytes | None = None
    ) -> Job:
        """Write down a new job with its pictures, as far as it has any; on disk when this returns.

        Returns:
            The job; or the one that has the same ``idempotency_key`` already, and then nothing is added.

        Raises:
            LimitReached: there is no room for its pictures.
        """
        if self._file.lost:
            raise StoreError(NOT_WRITTEN)
        given = jobs.Given(photo, style, checked)
        return await self._do_with(given, lambda db: jobs.add(db, self._pictures, self._quota, job, given))

    async def job_by_key(self, idempotency_key: str) -> Job | None:
        """The job of the order that has this key."""
        return await self._do(lambda db: jobs.by_key(db, idempotency_key))

    async def delete(self, id: str) -> bool:
        """Delete a job with all its pictures, unless it is unfinished; whether it is gone."""
        sql = f"DELETE FROM jobs WHERE id = ? AND state NOT IN {listed(UNFINISHED)}"
        return await self._do(lambda db: db.execute(sql, (id,)).rowcount > 0)

    async def job(self, id: str) -> Job | None:
        return await self._do(lambda db: jobs.by_id(db, id))

    async def photo(self, id: str) -> bytes | None:
        """The photo of a job as it was uploaded."""
        return await self._do(lambda db: jobs.picture(db, self._pictures, "photos", id))

    async def style(self, id: str) -> bytes | None:
        """The picture that a job has as its style, as it was uploaded."""
        return await self._do(lambda db: jobs.picture(db, self._pictures, "styles", id))

    async def checked(self, id: str) -> bytes | None:
        """The picture that a job's result is held against."""
        return await self._do(lambda db: jobs.picture(db, self._pictures, "checked", id))

    async def result(self, id: str) -> bytes | None:
        """The finished picture of a job, of its media type."""
        return await self._do(lambda db: jobs.picture(db, self._pictures, "results", id))

    async def result_size(self, id: str) -> int | None:
        """The bytes of a job's finished picture."""
        return await self._do(lambda db: blobs.result_size(db, id))

    async def result_part(self, id: str, start: int, size: int) -> bytes:
        """See `blobs.result_part`."""
        return await self._do(lambda db: blobs.result_part(db, self._pictures, id, start, size))

    async def move(self, id: str, state: State, **changes: Any) -> Job:
        """The job in its next state, with other fields changed along.

        Raises:
            InvalidTransition: the job is not there, or in a state that this one may not follow.
        """
        # That it is being painted nobody was promised: should that be lost, it is painted from its beginning.
        return await self._do(lambda db: jobs.move(db, id, state, changes), lasting=state is not State.PAINTING)

    async def job_message(self, id: str) -> JobMessage | None:
        """The message that shows a job, where there is one."""
        found = await self._do(lambda db: jobs.message(db, id))
        return None if found is None or found.posting else found

    async def post_begun(self, id: str) -> JobMessage | None:
        """The same where it was being posted and nobody knows whether it was."""
        found = await self._do(lambda db: jobs.message(db, id))
        return found if found is not None and found.posting else None

    async def job_messages(self, room: str) -> list[JobMessage]:
        """All messages that show jobs of a room."""
        return await self._do(lambda db: jobs.messages_of(db, room))

    async def job_of_message(self, room: str, message: int) -> str:
        """The job that a message of a room shows; empty where there is none."""
        found = "json_extract(CAST(data AS TEXT), '$.message') = ?"
        sql = f"SELECT id FROM jobs JOIN job_messages ON jobs.id = job_messages.job WHERE room = ? AND {found}"
        row = await self._do(lambda db: db.execute(sql, (room, message)).fetchone())
        return str(row[0]) if row else ""

    async def set_job_message(self, id: str, message: JobMessage | None) -> None:
        """Keep which message shows a job, for as long as the job is kept; None forgets it."""
        await self._do(lambda db: jobs.set_message(db, id, message))

    async def finish(
        self,
        id: str,
        picture: bytes,
        *,
        recipe: Recipe,
        width: int,
        height: int,
        seconds: float,
        notes: tuple[str, ...] = (),
        media_type: str = PNG.media_type,
        cells: tuple[Cell, ...] = (),
        went_on: bool = False,
    ) -> Job:
        """The job PAINTED, its picture on disk, its duration (engine seconds) noted for the estimates.

        One that went on from another picture tells nothing of how long all of it takes.

        Raises:
            InvalidTransition: the job was not being painted any more.
        """
        changes = dict(
            **dict(recipe=recipe, width=width, height=height, seconds=seconds),
            **dict(notes=notes, media_type=media_type, cells=cells),
        )
        learn = not went_on
        return await self._do_with(
            [picture], lambda db: jobs.finish(db, self._pictures, id, picture, changes, learn=learn)
        )

    async def unfinished(self) -> list[Job]:
        """The jobs that a restart takes up again, oldest first."""
        return await self._jobs(f"WHERE state IN {listed(UNFINISHED)} ORDER BY created, rowid")

    async def jobs_of(self, user: str, limit: int = 20) -> list[Job]:
        """A person's jobs, newest first."""
        return await self._jobs("WHERE user = ? ORDER BY created DESC, rowid DESC LIMIT ?", user, limit)

    async def _jobs(self, where: str, *values: Any) -> list[Job]:
        found, self.damaged = await self._do(lambda db: (jobs.found(db, where, *values), jobs.damaged(db)))
        return found

    async def durations(self) -> list[Duration]:
        """What the last pictures took, oldest first."""
        return await self._do(jobs.durations)

    async def prune(self, before: float, marked_before: float | None = None) -> int:
        """See `sweep.prune`; the disk has what was deleted back."""
        gone = await self._do(lambda db: prune(db, before, before if marked_before is None else marked_before))
        with contextlib.suppress(sqlite3.Error):
            await asyncio.get_running_loop().run_in_executor(self._thread, shrink, self._db)
        return gone

    # --- rooms -------------------------------------------------------------------------------------------------------

    async def setting(self, room: str, key: str) -> str | None:
        """A setting of a room, which thereby is in use."""
        return await self._do(lambda db: rooms.setting(db, room, key))

    async def set_setting(self, room: str, key: str, value: str | None) -> None:
        """Keep a setting of a room; None forgets it."""
        await self._do(lambda db: rooms.set_setting(db, room, key, value))

    async def append(self, room: str, entry: bytes, blob: NewBlob | None = None) -> int:
        """Add to a room's messages, with the picture that it names; returns the entry's number, larger than every one
        before it."""

        def work(db: sqlite3.Connection) -> int:
            if blob:
                blobs.put(db, self._pictures, self._quota, room, blob)
            return rooms.append(db, room, entry)

        return await self._do_with([blob.data] if blob else [], work)

    async def replace(self, room: str, numbers: Sequence[int], blobs: Sequence[str], entry: bytes) -> int:
        """Delete some of a room's messages and pictures, and add a message that says so; returns its number."""
        return await self._do(lambda db: rooms.replace(db, room, numbers, blobs, entry))

    async def entries(self, room: str, after: int = 0) -> list[tuple[int, bytes]]:
        """A room's messages with larger numbers than ``after``, oldest first."""
        return await self._do(lambda db: rooms.entries(db, room, after))

    async def put_blob(self, room: str, kind: str, data: bytes) -> str:
        """Keep a picture of a room; the id cannot be guessed."""
        blob = NewBlob(kind, data)
        await self._do_with([data], lambda db: blobs.put(db, self._pictures, self._quota, room, blob))
        return blob.id

    async def blob(self, id: str) -> Blob | None:
        return await self._do(lambda db: blobs.whole(db, self._pictures, id))

    async def blob_info(self, id: str) -> BlobInfo | None:
        return await self._do(lambda db: blobs.info(db, id))

    async def blob_part(self, id: str, start: int, size: int) -> bytes:
        """See `blobs.part`."""
        return await self._do(lambda db: blobs.part(db, self._pictures, id, start, size))

    async def held(self, user: str, room: str) -> Held:
        """What is kept of a person, and of a room that is theirs alone."""
        return await self._do(lambda db: forget.held(db, user, room))

    async def forget(self, user: str, room: str) -> None:
        """Delete all of it that is not in use."""
        await self._do(lambda db: forget.forget(db, user, room))

    # --- a person's pictures on the page: see `albums` ---------------------------------------------------------------

    async def join_album(self, room: str, owner: str) -> None:
        """The pictures of this room are that person's."""
        if await self.setting(room, albums.OWNER) != owner:
            await self.set_setting(room, albums.OWNER, owner)

    async def album(self, owner: str) -> tuple[list[tuple[str, float, bytes]], dict[str, Mark]]:
        """See `albums.entries` and `albums.marks`."""
        return await self._do(lambda db: (albums.entries(db, owner), albums.marks(db, owner)))

    async def mark(self, picture: str, mark: Mark) -> None:
        await self._do(lambda db: albums.mark(db, picture, mark))

    async def shared(self, share: str) -> tuple[str, str] | None:
        """See `albums.shared`."""
        return await self._do(lambda db: albums.shared(db, share))

    # --- promises and menus: see the modules of these names ----------------------------------------------------------

    async def promise(self, promise: Promise) -> None:
        await self._do(lambda db: promises.add(db, promise))

    async def promises(self, chat: str) -> list[Promise]:
        """What people on a platform still wait for, oldest first."""
        return await self._do(lambda db: promises.of(db, chat))

    async def end_promise(self, key: str) -> None:
        await self._do(lambda db: promises.end(db, key))

    async def menu(self, key: str) -> bytes | None:
        return await self._do(lambda db: menus.get(db, key))

    async def set_menu(self, key: str, user: str, menu: bytes) -> None:
        await self._do(lambda db: menus.put(db, key, user, menu))

    # --- sign-ins: see the module of that name -----------------------------------------------------------------------

    async def sign_ins(self) -> list[SignIn]:
        return await self._do(lambda db: sign_ins.listed(db, time.time()))

    async def add_sign_in(self, one: SignIn, most: int) -> None:
        await self._do(lambda db: sign_ins.add(db, one, most))

    async def end_sign_ins(self, ids: list[str]) -> None:
        await self._do(lambda db: sign_ins.end(db, ids))

    async def visited(self) -> bool:
        """Whether another process has written into the journal since the last call, as `visit` does."""
        before = self._version
        sql = "PRAGMA data_version"  # changes with what others commit
        look = asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._db.execute(sql).fetchone()[0])
        with contextlib.suppress(sqlite3.Error):
            self._version = await look
        return self._version != before
