"""What the journal lets go of: what was kept long enough, and the oldest where there is no more room."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

import msgspec

from bot.core.errors import LimitReached
from bot.core.jobs import UNFINISHED, State
from bot.core.journal.pictures import OF_JOBS, USERS
from bot.core.journal.rows import promises

SETTINGS_SECONDS = 180 * 24 * 3600.0  # from the last use of a room until its settings go
FULL_OF_YOURS = (
    "Your pictures that are still waiting take all the room that one person has here. Please wait for one of them."
)
FULL = "The bot's storage is full of pictures that are still waiting. Please try again in a few minutes."


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be kept, in bytes."""

    person: int = 500 * 10**6  # the pictures of one person's orders
    total: int = 10 * 10**9  # all pictures, each counted once


def listed(states: Iterable[State]) -> str:
    """States as SQL lists them."""
    return "(" + ", ".join(f"'{state}'" for state in sorted(states)) + ")"


FINISHED = f"state NOT IN {listed(UNFINISHED)}"
TEXT = "CAST(entry AS TEXT)"
SHOWN = f"CASE WHEN json_valid({TEXT}) THEN json_extract({TEXT}, '$.picture') END"  # by a message of the page
MARKED = "SELECT picture FROM marks WHERE starred OR share IS NOT NULL"
BUSY = f"SELECT room FROM jobs WHERE state IN {listed(UNFINISHED)}"


def prune(db: sqlite3.Connection, before: float, marked_before: float) -> int:
    """Delete what finished before then (seconds since the epoch): jobs with their pictures, and the messages and
    pictures of rooms in which nothing is unfinished; menus; settings long after a room's last use; tokens that have
    expired. Of pictures that somebody has starred or shared, and of the messages that show them, what is older than
    ``marked_before``. Returns how many jobs went."""
    gone = db.execute(f"DELETE FROM jobs WHERE moved < ? AND {FINISHED}", (before,)).rowcount
    for table, picture in (("entries", SHOWN), ("blobs", "id")):
        kept = f"CASE WHEN {picture} IN ({MARKED}) THEN ? ELSE ? END"
        sql = f"DELETE FROM {table} WHERE at < ? AND at < {kept} AND room NOT IN ({BUSY})"
        db.execute(sql, (before, min(before, marked_before), before))
    db.execute("DELETE FROM menus WHERE at < ?", (before,))
    db.execute("DELETE FROM settings WHERE used < ?", (before - SETTINGS_SECONDS,))
    promises.expire(db, time.time(), before)
    return gone


def shrink(db: sqlite3.Connection) -> None:
    """Take deleted bytes from the disk; they were overwritten in the file (secure_delete) when they were deleted."""
    db.executescript("PRAGMA incremental_vacuum")  # `execute` would stop after the first page
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def make_room(db: sqlite3.Connection, quota: Quota, size: int, user: str = "") -> None:
    """Delete the oldest finished pictures until so many bytes fit, this person's own first.

    Raises:
        LimitReached: what is left is unfinished.
    """
    while user and size and _of_person(db, user) + size > quota.person:
        if not _delete_oldest(db, "jobs", f"user = ? AND {FINISHED}", user):
            raise LimitReached(FULL_OF_YOURS)
    while size and _in_all(db) + size > quota.total:
        idle = f"room NOT IN ({BUSY})"
        oldest_first = (("jobs", FINISHED), ("blobs", f"{idle} AND id NOT IN ({MARKED})"), ("blobs", idle))
        if not any(_delete_oldest(db, table, where) for table, where in oldest_first):
            raise LimitReached(FULL)


def _of_person(db: sqlite3.Connection, user: str) -> int:
    tables = " UNION ALL ".join(f"SELECT job AS owner, picture FROM {table}" for table in OF_JOBS)
    sql = (
        f"SELECT sum(size) FROM jobs JOIN ({tables}) ON owner = jobs.id JOIN pictures ON name = picture WHERE user = ?"
    )
    return int(db.execute(sql, (user,)).fetchone()[0] or 0)


def _in_all(db: sqlite3.Connection) -> int:
    """Bytes of the pictures; those of rows that this transaction has deleted are as good as gone."""
    unused = "SELECT picture FROM dropped"
    used = " UNION ".join(f"SELECT picture FROM {table}" for table in USERS)
    sql = f"SELECT sum(size) FROM pictures WHERE name NOT IN ({unused}) OR name IN ({used})"
    return int(db.execute(sql).fetchone()[0] or 0)


def _delete_oldest(db: sqlite3.Connection, table: str, where: str, *values: str) -> bool:
    at = "moved" if table == "jobs" else "at"
    sql = f"DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} WHERE {where} ORDER BY {at} LIMIT 1)"
    return db.execute(sql, values).rowcount > 0
