"""The pictures in the web chat's rooms, and those of jobs, in parts: a large one need not be in memory to be sent."""

from __future__ import annotations

import sqlite3

import msgspec

from bot.core.journal.pictures import Pictures


class BlobInfo(msgspec.Struct, frozen=True):
    """What is known of a picture without reading it."""

    room: str
    kind: str  # media type
    size: int  # bytes


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
