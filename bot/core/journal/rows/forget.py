"""All that is kept of one person, and its deletion."""

from __future__ import annotations

import sqlite3

import msgspec

from bot.core.jobs import UNFINISHED
from bot.core.journal.pictures import OF_JOBS


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a person, or was."""

    orders: int = 0
    unfinished: int = 0  # of the orders: these cannot be deleted
    messages: int = 0  # of a room that is this person's alone
    size: int = 0  # bytes, of photos and pictures


def held(db: sqlite3.Connection, user: str, room: str) -> Held:
    """What there is; nothing of a room without a name."""
    states = [state for (state,) in db.execute("SELECT state FROM jobs WHERE user = ?", (user,))]
    named = " UNION ".join(
        f"SELECT picture FROM {table} JOIN jobs ON {table}.job = jobs.id WHERE user = ?" for table in OF_JOBS
    )
    named += " UNION SELECT picture FROM blobs WHERE room = ?"
    sql = f"SELECT coalesce(sum(size), 0) FROM pictures WHERE name IN ({named})"
    size = db.execute(sql, (*[user] * len(OF_JOBS), room)).fetchone()[0]
    messages = db.execute("SELECT count(*) FROM entries WHERE room = ?", (room,)).fetchone()[0]
    return Held(
        orders=len(states),
        unfinished=sum(state in UNFINISHED for state in states),
        messages=messages,
        size=size,
    )


def forget(db: sqlite3.Connection, user: str, room: str) -> None:
    """Delete it all, but for unfinished orders. What is deleted is overwritten in the file (secure_delete)."""
    states = ", ".join(f"'{state}'" for state in sorted(UNFINISHED))
    db.execute(f"DELETE FROM jobs WHERE user = ? AND state NOT IN ({states})", (user,))
    for table in ("promises", "menus"):
        db.execute(f"DELETE FROM {table} WHERE user = ?", (user,))
    for table in ("entries", "blobs", "settings"):
        db.execute(f"DELETE FROM {table} WHERE room = ?", (room,))
