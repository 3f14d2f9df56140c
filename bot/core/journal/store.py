"""The journal: jobs, their pictures and messages, settings per room, and the rooms of the web chat.

What `Store` has acknowledged is on disk. One connection, used by one thread only, so there is one writer and no lock
to wait for; the journal is locked for as long as it is open, so that no second bot delivers the same pictures again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bot.core import estimate
from bot.core.errors import InvalidTransition, LimitReached, StoreError
from bot.core.estimate import Duration
from bot.core.jobs import FOLLOWS, UNFINISHED, Job, State
from bot.core.journal import blobs, forget, sign_ins
from bot.core.journal.blobs import BlobInfo
from bot.core.journal.file import File
from bot.core.journal.forget import Held
from bot.core.journal.pictures import collect, keep
from bot.core.journal.sign_ins import SignIn
from bot.core.journal.sweep import Quota, listed, make_room, prune, shrink
from engine.recipe import Recipe
from engine.wire import PNG

T = TypeVar("T")
log = logging.getLogger(__name__)

DURATIONS_KEPT = 500
DAMAGED = "damaged"  # the state, in the table alone, of jobs that cannot be read
DAY = 24 * 3600.0
NOT_WRITTEN = "The journal cannot be written at the moment. Please try again in a few minutes."
LOST = "The journal's file was deleted or replaced while the bot was running. Restart the bot."


class Blob(msgspec.Struct, frozen=True):
    """A picture in a room of the web chat."""

    room: str
    kind: str  # media type
    data: bytes


class JobMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message on a platform that shows a job."""

    message: int | str  # the platform's id
    kind: str = ""  # the platform's own business: a part of an album, an answer to an interaction
    answered: bool = False  # it holds the picture, or says why there is none


class NewBlob(msgspec.Struct, frozen=True):
    """A picture that a message brings along; the id, which the message names, cannot be guessed."""

    kind: str  # media type
    data: bytes
    id: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(18))


class Store:
    """Use `Store.open`. Every method raises StoreError when the file cannot be read or written."""

    def __init__(self, file: File, quota: Quota, thread: ThreadPoolExecutor) -> None:
        self._file = file
        self._db = file.db
        self._quota = quota
        self._thread = thread
        self._trouble = ""  # why the last access failed, as a sentence; nothing when it did not
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
        with ThreadPoolExecutor(1, thread_name_prefix="store") as thread:
            file = await loop.run_in_executor(thread, File, path)
            try:
                yield cls(file, quota or Quota(), thread)
            finally:
                await loop.run_in_executor(thread, file.close)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run one transaction in the store's thread."""

        def transaction() -> T:
            with self._db:  # commits, or rolls back
                self._db.execute("BEGIN IMMEDIATE")
                return work(self._db)

        def transaction_and_pictures() -> T:
            done = transaction()
            with contextlib.suppress(sqlite3.Error, OSError):  # then the next one deletes them
                collect(self._db, self._file.pictures)
            return done

        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, transaction_and_pictures)
        except (sqlite3.Error, OSError) as error:
            log.error("the journal failed: %s", error)
            self._trouble = f"The journal cannot be used: {error}."
            raise StoreError(NOT_WRITTEN) from error
        self._trouble = ""
        return done

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def add(self, job: Job, photo: bytes | None, style: bytes | None = None) -> Job:
        """Write down a new job with its photo and its style picture, as far as it has any; on disk when this returns.

        Returns:
            The job; or the one that has the same ``idempotency_key`` already, and then nothing is added.

        Raises:
            LimitReached: there is no room for its pictures.
        """
        if self._file.lost:
            raise StoreError(NOT_WRITTEN)

        def work(db: sqlite3.Connection) -> Job:
            if known := _job_by_key(db, job.idempotency_key):
                return known
            make_room(db, self._quota, len(photo or b"") + len(style or b""), job.user)
            values = (job.id, job.user, job.place.room, job.state, job.created, time.time(), msgspec.json.encode(job))
            columns = "id, user, room, state, created, moved, job"
            db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if job.idempotency_key:
                db.execute("UPDATE jobs SET idempotency_key = ? WHERE id = ?", (job.idempotency_key, job.id))
            for table, picture in (("photos", photo), ("styles", style)):
                if picture is not None:
                    self._attach(db, table, job.id, picture)
            return job

        return await self._do(work)

    def _attach(self, db: sqlite3.Connection, table: str, job: str, picture: bytes) -> None:
        db.execute(f"INSERT INTO {table} VALUES (?, ?)", (job, keep(db, self._file.pictures, picture)))

    async def job_by_key(self, idempotency_key: str) -> Job | None:
        """The job of the order that has this key."""
        return await self._do(lambda db: _job_by_key(db, idempotency_key))

    async def delete(self, id: str) -> bool:
        """Delete a job with all its pictures, unless it is unfinished; whether it is gone."""
        sql = f"DELETE FROM jobs WHERE id = ? AND state NOT IN {listed(UNFINISHED)}"
        return await self._do(lambda db: db.execute(sql, (id,)).rowcount > 0)

    async def job(self, id: str) -> Job | None:
        return await self._do(lambda db: _job(db, id))

    async def photo(self, id: str) -> bytes | None:
        """The photo of a job as it was uploaded."""
        return await self._do(lambda db: self._picture(db, "photos", id))

    async def style(self, id: str) -> bytes | None:
        """The picture that a job has as its style, as it was uploaded."""
        return await self._do(lambda db: self._picture(db, "styles", id))

    async def result(self, id: str) -> bytes | None:
        """The finished picture of a job, of its media type."""
        return await self._do(lambda db: self._picture(db, "results", id))

    def _picture(self, db: sqlite3.Connection, table: str, job: str) -> bytes | None:
        row = db.execute(f"SELECT picture FROM {table} WHERE job = ?", (job,)).fetchone()
        return self._file.pictures.get(row[0]) if row else None

    async def move(self, id: str, state: State, **changes: Any) -> Job:
        """The job in its next state, with other fields changed along.

        Raises:
            InvalidTransition: the job is not there, or in a state that this one may not follow.
        """
        return await self._do(lambda db: _move(db, id, state, changes))

    async def job_message(self, id: str) -> JobMessage | None:
        """The message that shows a job, where there is one."""
        sql = "SELECT data FROM job_messages WHERE job = ?"
        row = await self._do(lambda db: db.execute(sql, (id,)).fetchone())
        return msgspec.json.decode(row[0], type=JobMessage) if row else None

    async def job_of_message(self, room: str, message: int) -> str:
        """The job that a message of a room shows; empty where there is none."""
        found = "json_extract(CAST(data AS TEXT), '$.message') = ?"
        sql = f"SELECT id FROM jobs JOIN job_messages ON jobs.id = job_messages.job WHERE room = ? AND {found}"
        row = await self._do(lambda db: db.execute(sql, (room, message)).fetchone())
        return str(row[0]) if row else ""

    async def set_job_message(self, id: str, message: JobMessage | None) -> None:
        """Keep which message shows a job, for as long as the job is kept; None forgets it."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM job_messages WHERE job = ?", (id,))
            if message is not None:
                sql = "INSERT INTO job_messages SELECT id, ? FROM jobs WHERE id = ?"
                db.execute(sql, (msgspec.json.encode(message), id))

        await self._do(work)

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
    ) -> Job:
        """The job PAINTED, its picture on disk, its duration (engine seconds) noted for the estimates.

        Raises:
            InvalidTransition: the job was not being painted any more.
        """

        def work(db: sqlite3.Connection) -> Job:
            changes = dict(
                recipe=recipe, width=width, height=height, seconds=seconds, notes=notes, media_type=media_type
            )
            job = _move(db, id, State.PAINTED, changes)
            self._attach(db, "results", id, picture)
            values = estimate.painted(job, seconds)
            db.execute("INSERT INTO durations VALUES (?, ?, ?)", msgspec.structs.astuple(values))
            newest = f"SELECT rowid FROM durations ORDER BY rowid DESC LIMIT {DURATIONS_KEPT}"
            db.execute(f"DELETE FROM durations WHERE rowid NOT IN ({newest})")
            return job

        return await self._do(work)

    async def unfinished(self) -> list[Job]:
        """The jobs that a restart takes up again, oldest first."""
        return await self._jobs(f"WHERE state IN {listed(UNFINISHED)} ORDER BY created, rowid")

    async def jobs_of(self, user: str, limit: int = 20) -> list[Job]:
        """A person's jobs, newest first."""
        return await self._jobs("WHERE user = ? ORDER BY created DESC, rowid DESC LIMIT ?", user, limit)

    async def durations(self) -> list[Duration]:
        """What the last pictures took, oldest first."""
        rows = await self._do(
            lambda db: db.execute("SELECT kind, work, seconds FROM durations ORDER BY rowid").fetchall()
        )
        return [Duration(*row) for row in rows]

    async def prune(self, before: float) -> int:
        """See `sweep.prune`; the disk has what was deleted back."""
        gone = await self._do(lambda db: prune(db, before))
        with contextlib.suppress(sqlite3.Error):
            await asyncio.get_running_loop().run_in_executor(self._thread, shrink, self._db)
        return gone

    async def _jobs(self, where: str, *values: Any) -> list[Job]:
        """What can be read of them; one that cannot is put aside, so that it is in nobody's way."""

        def work(db: sqlite3.Connection) -> list[Job]:
            found = []
            for id, data in db.execute(f"SELECT id, job FROM jobs {where}", values).fetchall():
                try:
                    found.append(msgspec.json.decode(data, type=Job))
                except msgspec.MsgspecError as error:
                    log.error("job %s cannot be read, and is put aside: %s", id, error)
                    db.execute("UPDATE jobs SET state = ? WHERE id = ?", (DAMAGED, id))
            self.damaged = db.execute("SELECT count(*) FROM jobs WHERE state = ?", (DAMAGED,)).fetchone()[0]
            return found

        return await self._do(work)

    # --- rooms -------------------------------------------------------------------------------------------------------

    async def setting(self, room: str, key: str) -> str | None:
        """A setting of a room, which thereby is in use."""

        def work(db: sqlite3.Connection) -> str | None:
            sql, where = "SELECT value, used FROM settings WHERE room = ? AND key = ?", (room, key)
            value, used = db.execute(sql, where).fetchone() or (None, math.inf)
            if time.time() - used > DAY:  # not with every order: it is a write
                db.execute("UPDATE settings SET used = ? WHERE room = ?", (time.time(), room))
            return value

        return await self._do(work)

    async def set_setting(self, room: str, key: str, value: str | None) -> None:
        """Keep a setting of a room; None forgets it."""

        def work(db: sqlite3.Connection) -> None:
            if value is None:
                db.execute("DELETE FROM settings WHERE room = ? AND key = ?", (room, key))
            else:
                db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?)", (room, key, value, time.time()))

        await self._do(work)

    async def append(self, room: str, entry: bytes, blob: NewBlob | None = None) -> int:
        """Add to a room's messages, with the picture that it names; returns the entry's number, larger than every one
        before it."""

        def work(db: sqlite3.Connection) -> int:
            if blob:
                self._put_blob(db, room, blob)
            return _append(db, room, entry)

        return await self._do(work)

    async def replace(self, room: str, numbers: Sequence[int], blobs: Sequence[str], entry: bytes) -> int:
        """Delete some of a room's messages and pictures, and add a message that says so; returns its number."""

        def work(db: sqlite3.Connection) -> int:
            db.executemany("DELETE FROM entries WHERE room = ? AND seq = ?", [(room, number) for number in numbers])
            db.executemany("DELETE FROM blobs WHERE room = ? AND id = ?", [(room, blob) for blob in blobs])
            return _append(db, room, entry)

        return await self._do(work)

    async def entries(self, room: str, after: int = 0) -> list[tuple[int, bytes]]:
        """A room's messages with larger numbers than ``after``, oldest first."""
        sql = "SELECT seq, entry FROM entries WHERE room = ? AND seq > ? ORDER BY seq"
        rows = await self._do(lambda db: db.execute(sql, (room, after)).fetchall())
        return [(int(seq), bytes(entry)) for seq, entry in rows]

    async def put_blob(self, room: str, kind: str, data: bytes) -> str:
        """Keep a picture of a room; the id cannot be guessed."""
        blob = NewBlob(kind, data)
        await self._do(lambda db: self._put_blob(db, room, blob))
        return blob.id

    def _put_blob(self, db: sqlite3.Connection, room: str, blob: NewBlob) -> None:
        # An answer must arrive, though no room can be made for it.
        with contextlib.suppress(LimitReached):
            make_room(db, self._quota, len(blob.data))
        values = (blob.id, room, blob.kind, time.time(), keep(db, self._file.pictures, blob.data))
        db.execute("INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", values)

    async def blob(self, id: str) -> Blob | None:
        def work(db: sqlite3.Connection) -> Blob | None:
            row = db.execute("SELECT room, kind, picture FROM blobs WHERE id = ?", (id,)).fetchone()
            data = self._file.pictures.get(row[2]) if row else None
            return Blob(row[0], row[1], data) if data is not None else None

        return await self._do(work)

    async def blob_info(self, id: str) -> BlobInfo | None:
        return await self._do(lambda db: blobs.info(db, id))

    async def blob_part(self, id: str, start: int, size: int) -> bytes:
        """See `blobs.part`."""
        return await self._do(lambda db: blobs.part(db, self._file.pictures, id, start, size))

    async def held(self, user: str, room: str) -> Held:
        """What is kept of a person, and of a room that is theirs alone."""
        return await self._do(lambda db: forget.held(db, user, room))

    async def forget(self, user: str, room: str) -> None:
        """Delete all of it that is not in use."""
        await self._do(lambda db: forget.forget(db, user, room))

    # --- sign-ins: see the module of that name -----------------------------------------------------------------------

    async def sign_ins(self) -> list[SignIn]:
        return await self._do(lambda db: sign_ins.listed(db, time.time()))

    async def add_sign_in(self, one: SignIn, most: int) -> None:
        await self._do(lambda db: sign_ins.add(db, one, most))

    async def end_sign_ins(self, ids: list[str]) -> None:
        await self._do(lambda db: sign_ins.end(db, ids))


def _job(db: sqlite3.Connection, id: str) -> Job | None:
    return _decoded(db.execute("SELECT job FROM jobs WHERE id = ?", (id,)).fetchone())


def _job_by_key(db: sqlite3.Connection, key: str) -> Job | None:
    return _decoded(db.execute("SELECT job FROM jobs WHERE idempotency_key = ?", (key,)).fetchone()) if key else None


def _decoded(row: tuple[bytes] | None) -> Job | None:
    """The job; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(row[0], type=Job) if row else None
    except msgspec.MsgspecError:
        return None


def _append(db: sqlite3.Connection, room: str, entry: bytes) -> int:
    sql = "INSERT INTO entries (room, at, entry) VALUES (?, ?, ?)"
    return db.execute(sql, (room, time.time(), entry)).lastrowid or 0


def _move(db: sqlite3.Connection, id: str, state: State, changes: dict[str, Any]) -> Job:
    job = _job(db, id)
    if job is None:
        raise InvalidTransition(f"The picture {id} is no longer kept.")
    if state not in FOLLOWS[job.state]:
        raise InvalidTransition(f"The picture {id} is {job.state} and cannot become {state}.")
    job = msgspec.structs.replace(job, state=state, **changes)
    values = (state, time.time(), msgspec.json.encode(job), id)
    db.execute("UPDATE jobs SET state = ?, moved = ?, job = ? WHERE id = ?", values)
    return job
