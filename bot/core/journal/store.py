"""The journal: jobs, their pictures and messages, settings per room, and the rooms of the web chat.

What `Store` has acknowledged is on disk. One connection, used by one thread only, so there is one writer and no lock
to wait for; the file is locked for as long as it is open, so that no second bot delivers the same pictures again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bot.core import estimate
from bot.core.errors import InvalidTransition, StoreError
from bot.core.estimate import Duration
from bot.core.jobs import FOLLOWS, UNFINISHED, Job, State
from bot.core.journal.schema import connect
from engine.recipe import Recipe

T = TypeVar("T")
log = logging.getLogger(__name__)

DURATIONS_KEPT = 500


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

    def __init__(self, db: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._db = db
        self._thread = thread
        self.trouble = ""  # why the last access failed, as a sentence; nothing when it did not

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, path: Path | None) -> AsyncIterator[Store]:
        """The journal in this file, made or brought up to date as needed; None keeps it in memory.

        Raises:
            ConfigError: the file cannot be used: no permission, no database, another bot has it, a newer version's.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="store") as thread:
            db = await loop.run_in_executor(thread, connect, path)
            try:
                yield cls(db, thread)
            finally:
                await loop.run_in_executor(thread, db.close)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run one transaction in the store's thread."""

        def transaction() -> T:
            with self._db:  # commits, or rolls back
                self._db.execute("BEGIN IMMEDIATE")
                return work(self._db)

        try:
            done = await asyncio.get_running_loop().run_in_executor(self._thread, transaction)
        except sqlite3.Error as error:
            log.error("the journal failed: %s", error)
            self.trouble = f"The journal cannot be used: {error}."
            raise StoreError(
                "The journal cannot be written at the moment. Please try again in a few minutes."
            ) from error
        self.trouble = ""
        return done

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def add(self, job: Job, photo: bytes, style: bytes | None = None) -> Job:
        """Write down a new job with its photo, and its style where that is a picture; on disk when this returns.

        Returns:
            The job; or the one that has the same ``idempotency_key`` already, and then nothing is added.
        """

        def work(db: sqlite3.Connection) -> Job:
            if known := _job_by_key(db, job.idempotency_key):
                return known
            values = (job.id, job.user, job.place.room, job.state, job.created, time.time(), msgspec.json.encode(job))
            columns = "id, user, room, state, created, moved, job"
            db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if job.idempotency_key:
                db.execute("UPDATE jobs SET idempotency_key = ? WHERE id = ?", (job.idempotency_key, job.id))
            db.execute("INSERT INTO photos VALUES (?, ?)", (job.id, photo))
            if style is not None:
                db.execute("INSERT INTO styles VALUES (?, ?)", (job.id, style))
            return job

        return await self._do(work)

    async def job_by_key(self, idempotency_key: str) -> Job | None:
        """The job of the order that has this key."""
        return await self._do(lambda db: _job_by_key(db, idempotency_key))

    async def delete(self, id: str) -> bool:
        """Delete a job with all its pictures, unless it is unfinished; whether it is gone."""
        sql = f"DELETE FROM jobs WHERE id = ? AND state NOT IN {_listed(UNFINISHED)}"
        return await self._do(lambda db: db.execute(sql, (id,)).rowcount > 0)

    async def job(self, id: str) -> Job | None:
        return await self._do(lambda db: _job(db, id))

    async def photo(self, id: str) -> bytes | None:
        """The photo of a job as it was uploaded."""
        return await self._do(lambda db: _data(db, "photos", id))

    async def style(self, id: str) -> bytes | None:
        """The picture that a job has as its style, as it was uploaded."""
        return await self._do(lambda db: _data(db, "styles", id))

    async def result(self, id: str) -> bytes | None:
        """The finished picture of a job, PNG."""
        return await self._do(lambda db: _data(db, "results", id))

    async def move(self, id: str, state: State, **changes: Any) -> Job:
        """The job in its next state, with other fields changed along.

        Raises:
            InvalidTransition: the job is not there, or in a state that this one may not follow.
        """
        return await self._do(lambda db: _move(db, id, state, changes))

    async def job_message(self, id: str) -> JobMessage | None:
        """The message that shows a job, where there is one."""
        data = await self._do(lambda db: _data(db, "job_messages", id))
        return msgspec.json.decode(data, type=JobMessage) if data else None

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
    ) -> Job:
        """The job PAINTED, its picture (PNG) on disk, its duration (engine seconds) noted for the estimates.

        Raises:
            InvalidTransition: the job was not being painted any more.
        """

        def work(db: sqlite3.Connection) -> Job:
            changes = dict(recipe=recipe, width=width, height=height, seconds=seconds, notes=notes)
            job = _move(db, id, State.PAINTED, changes)
            db.execute("INSERT INTO results VALUES (?, ?)", (id, picture))
            values = (estimate.kind(recipe), estimate.work(recipe), seconds)
            db.execute("INSERT INTO durations VALUES (?, ?, ?)", values)
            newest = f"SELECT rowid FROM durations ORDER BY rowid DESC LIMIT {DURATIONS_KEPT}"
            db.execute(f"DELETE FROM durations WHERE rowid NOT IN ({newest})")
            return job

        return await self._do(work)

    async def unfinished(self) -> list[Job]:
        """The jobs that a restart takes up again, oldest first."""
        return await self._jobs(f"WHERE state IN {_listed(UNFINISHED)} ORDER BY created, rowid")

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
        """Delete what finished before then (seconds since the epoch): jobs with their pictures, and the
        messages and pictures of rooms in which nothing is unfinished. Returns how many jobs went."""

        def work(db: sqlite3.Connection) -> int:
            unfinished = _listed(UNFINISHED)
            gone = db.execute(f"DELETE FROM jobs WHERE moved < ? AND state NOT IN {unfinished}", (before,)).rowcount
            for table in ("entries", "blobs"):
                busy = f"SELECT room FROM jobs WHERE state IN {unfinished}"
                db.execute(f"DELETE FROM {table} WHERE at < ? AND room NOT IN ({busy})", (before,))
            return gone

        def shrink() -> None:
            # Deleted bytes are overwritten (secure_delete) in the journal file first; this takes them from the disk.
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        gone = await self._do(work)
        with contextlib.suppress(sqlite3.Error):
            await asyncio.get_running_loop().run_in_executor(self._thread, shrink)
        return gone

    async def _jobs(self, where: str, *values: Any) -> list[Job]:
        rows = await self._do(lambda db: db.execute(f"SELECT job FROM jobs {where}", values).fetchall())
        return [msgspec.json.decode(row[0], type=Job) for row in rows]

    # --- rooms -------------------------------------------------------------------------------------------------------

    async def setting(self, room: str, key: str) -> str | None:
        sql = "SELECT value FROM settings WHERE room = ? AND key = ?"
        row = await self._do(lambda db: db.execute(sql, (room, key)).fetchone())
        return row[0] if row else None

    async def set_setting(self, room: str, key: str, value: str | None) -> None:
        """Keep a setting of a room; None forgets it."""

        def work(db: sqlite3.Connection) -> None:
            if value is None:
                db.execute("DELETE FROM settings WHERE room = ? AND key = ?", (room, key))
            else:
                db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", (room, key, value))

        await self._do(work)

    async def append(self, room: str, entry: bytes, blob: NewBlob | None = None) -> int:
        """Add to a room's messages, with the picture that it names; returns the entry's number, larger than every one
        before it."""

        def work(db: sqlite3.Connection) -> int:
            if blob:
                _put_blob(db, room, blob)
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
        await self._do(lambda db: _put_blob(db, room, blob))
        return blob.id

    async def blob(self, id: str) -> Blob | None:
        sql = "SELECT room, kind, data FROM blobs WHERE id = ?"
        row = await self._do(lambda db: db.execute(sql, (id,)).fetchone())
        return Blob(row[0], row[1], bytes(row[2])) if row else None


def _listed(states: Iterable[State]) -> str:
    return "(" + ", ".join(f"'{state}'" for state in sorted(states)) + ")"


def _job(db: sqlite3.Connection, id: str) -> Job | None:
    row = db.execute("SELECT job FROM jobs WHERE id = ?", (id,)).fetchone()
    return msgspec.json.decode(row[0], type=Job) if row else None


def _job_by_key(db: sqlite3.Connection, key: str) -> Job | None:
    row = db.execute("SELECT job FROM jobs WHERE idempotency_key = ?", (key,)).fetchone() if key else None
    return msgspec.json.decode(row[0], type=Job) if row else None


def _data(db: sqlite3.Connection, table: str, id: str) -> bytes | None:
    row = db.execute(f"SELECT data FROM {table} WHERE job = ?", (id,)).fetchone()
    return bytes(row[0]) if row else None


def _append(db: sqlite3.Connection, room: str, entry: bytes) -> int:
    sql = "INSERT INTO entries (room, at, entry) VALUES (?, ?, ?)"
    return db.execute(sql, (room, time.time(), entry)).lastrowid or 0


def _put_blob(db: sqlite3.Connection, room: str, blob: NewBlob) -> None:
    values = (blob.id, room, blob.kind, time.time(), blob.data)
    db.execute("INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", values)


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
