"""The pictures in the web chat's rooms, and those of jobs; also in parts, for a large one need not be held."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time

import msgspec

from bot.core.errors import LimitReached
from bot.core.journal.pictures import Pictures, keep
from bot.core.journal.sweep import Quota, make_room


class Blob(msgspec.Struct, frozen=True):
    """A picture in a room of the web chat."""

    room: str
    kind: str  # media type
    data: bytes


class NewBlob(msgspec.Struct, frozen=True):
    """A picture that a message brings along; the id, which the message names, cannot be guessed."""

    kind: str  # media type
    data: bytes
    id: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(18))


class BlobInfo(msgspec.Struct, frozen=True):
    """What is known of a picture without reading it."""

    room: str
    kind: str  # media type
    size: int  # bytes


def put(db: sqlite3.Connection, pictures: Pictures, quota: Quota, room: str, blob: NewBlob) -> None:
    # An answer must arrive, though no room can be made for it.
    with contextlib.suppress(LimitReached):
        make_room(db, quota, len(blob.data))
    values = (blob.id, room, blob.kind, time.time(), keep(db, pictures, blob.data))
    db.execute("INSERT INTO blobs VALUES (?, ?, ?, ?, ?)", values)


def whole(db: sqlite3.Connection, pictures: Pictures, id: str) -> Blob | None:
    row = db.execute("SELECT room, kind, picture FROM blobs WHERE id = ?", (id,)).fetchone()
    data = pictures.get(row[2]) if row else None
    return Blob(row[0], row[1], data) if data is not None else None


def info(db: sqlite3.Connection, id: str) -> BlobInfo | None:
    sql = "SELECT room, kind, size FROM blobs JOIN pictures ON name = picture WHERE id = ?"
    row = db.execute(sql, (id,)).fetchone()
    return BlobInfo(*row) if row else None


def part(db: sqlite3.Connection, pictures: Pictures, id: str, start: int, size: int) -> bytes:
    """So many bytes from there on; fewer at the end, and none of a picture that has been deleted."""
    row = db.execute("SELECT picture FROM blobs WHERE id = ?", (id,)).fetchone()
    return pictures.part(row[0], start, size) if row else b""


def result_size(db: sqlite3.Connection, job: str) -> int | None:
    row = db.execute("SELECT size FROM results JOIN pictures ON name = picture WHERE job = ?", (job,)).fetchone()
    return row[0] if row else None


def result_part(db: sqlite3.Connection, pictures: Pictures, job: str, start: int, size: int) -> bytes:
    """The same of a job's finished picture."""
    row = db.execute("SELECT picture FROM results WHERE job = ?", (job,)).fetchone()
    return pictures.part(row[0], start, size) if row else b""
