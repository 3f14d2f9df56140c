"""The rows of jobs: what is known of each, its message, and how long pictures took."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Any, NamedTuple

import msgspec

from bot.core import estimate
from bot.core.errors import InvalidTransition
from bot.core.estimate import Duration
from bot.core.jobs import FOLLOWS, Job, State
from bot.core.journal.pictures import Pictures, keep
from bot.core.journal.sweep import Quota, make_room

log = logging.getLogger(__name__)

DURATIONS_KEPT = 500
DAMAGED = "damaged"  # the state, in the table alone, of jobs that cannot be read


class JobMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message on a platform that shows a job."""

    message: int | str  # the platform's id
    kind: str = ""  # the platform's own business: a part of an album, an answer to an interaction
    answered: bool = False  # it holds the picture, or says why there is none
    posting: bool = False  # it is being posted, so its id is not known yet: ``message`` is the one before it
    others: tuple[int, ...] = ()  # meanwhile: ids of messages that are known to be something else


class Given(NamedTuple):
    """The pictures that an order comes with."""

    photo: bytes | None = None
    style: bytes | None = None
    checked: bytes | None = None  # the one that is to be held against the result

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(picture) for picture in self if picture is not None)


def add(db: sqlite3.Connection, pictures: Pictures, quota: Quota, job: Job, given: Given) -> Job:
    """The new job, or the one that has the same key already."""
    if known := by_key(db, job.idempotency_key):
        return known
    make_room(db, quota, given.size, job.user)
    values = (job.id, job.user, job.place.room, job.state, job.created, time.time(), msgspec.json.encode(job))
    columns = "id, user, room, state, created, moved, job"
    db.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    if job.idempotency_key:
        db.execute("UPDATE jobs SET idempotency_key = ? WHERE id = ?", (job.idempotency_key, job.id))
    for table, picture in zip(("photos", "styles", "checked"), given, strict=True):
        if picture is not None:
            _attach(db, pictures, table, job.id, picture)
    return job


def _attach(db: sqlite3.Connection, pictures: Pictures, table: str, job: str, picture: bytes) -> None:
    db.execute(f"INSERT INTO {table} VALUES (?, ?)", (job, keep(db, pictures, picture)))


def by_id(db: sqlite3.Connection, id: str) -> Job | None:
    return _decoded(db.execute("SELECT job FROM jobs WHERE id = ?", (id,)).fetchone())


def by_key(db: sqlite3.Connection, key: str) -> Job | None:
    return _decoded(db.execute("SELECT job FROM jobs WHERE idempotency_key = ?", (key,)).fetchone()) if key else None


def _decoded(row: tuple[bytes] | None) -> Job | None:
    """The job; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(row[0], type=Job) if row else None
    except msgspec.MsgspecError:
        return None


def found(db: sqlite3.Connection, where: str, *values: Any) -> list[Job]:
    """What can be read of them; one that cannot is put aside, so that it is in nobody's way."""
    readable = []
    for id, data in db.execute(f"SELECT id, job FROM jobs {where}", values).fetchall():
        try:
            readable.append(msgspec.json.decode(data, type=Job))
        except msgspec.MsgspecError as error:
            log.error("job %s cannot be read, and is put aside: %s", id, error)
            db.execute("UPDATE jobs SET state = ? WHERE id = ?", (DAMAGED, id))
    return readable


def damaged(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM jobs WHERE state = ?", (DAMAGED,)).fetchone()[0])


def picture(db: sqlite3.Connection, pictures: Pictures, table: str, job: str) -> bytes | None:
    row = db.execute(f"SELECT picture FROM {table} WHERE job = ?", (job,)).fetchone()
    return pictures.get(row[0]) if row else None


def move(db: sqlite3.Connection, id: str, state: State, changes: dict[str, Any]) -> Job:
    job = by_id(db, id)
    if job is None:
        raise InvalidTransition(f"The picture {id} is no longer kept.")
    if state not in FOLLOWS[job.state]:
        raise InvalidTransition(f"The picture {id} is {job.state} and cannot become {state}.")
    job = msgspec.structs.replace(job, state=state, **changes)
    values = (state, time.time(), msgspec.json.encode(job), id)
    db.execute("UPDATE jobs SET state = ?, moved = ?, job = ? WHERE id = ?", values)
    return job


def finish(
    db: sqlite3.Connection, pictures: Pictures, id: str, result: bytes, changes: dict[str, Any], *, learn: bool
) -> Job:
    job = move(db, id, State.PAINTED, changes)
    _attach(db, pictures, "results", id, result)
    if not learn:
        return job
    values = estimate.painted(job, changes["seconds"])
    db.execute("INSERT INTO durations VALUES (?, ?, ?)", msgspec.structs.astuple(values))
    newest = f"SELECT rowid FROM durations ORDER BY rowid DESC LIMIT {DURATIONS_KEPT}"
    db.execute(f"DELETE FROM durations WHERE rowid NOT IN ({newest})")
    return job


def durations(db: sqlite3.Connection) -> list[Duration]:
    return [Duration(*row) for row in db.execute("SELECT kind, work, seconds FROM durations ORDER BY rowid")]


def message(db: sqlite3.Connection, id: str) -> JobMessage | None:
    row = db.execute("SELECT data FROM job_messages WHERE job = ?", (id,)).fetchone()
    return msgspec.json.decode(row[0], type=JobMessage) if row else None


def messages_of(db: sqlite3.Connection, room: str) -> list[JobMessage]:
    """All messages that show jobs of a room."""
    sql = "SELECT data FROM job_messages JOIN jobs ON job_messages.job = jobs.id WHERE room = ?"
    return [msgspec.json.decode(data, type=JobMessage) for (data,) in db.execute(sql, (room,)).fetchall()]


def set_message(db: sqlite3.Connection, id: str, new: JobMessage | None) -> None:
    db.execute("DELETE FROM job_messages WHERE job = ?", (id,))
    if new is not None:
        sql = "INSERT INTO job_messages SELECT id, ? FROM jobs WHERE id = ?"
        db.execute(sql, (msgspec.json.encode(new), id))
