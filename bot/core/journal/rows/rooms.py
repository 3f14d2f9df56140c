"""What belongs to rooms: their settings, and the messages of the web chat's."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Sequence

DAY = 24 * 3600.0


def setting(db: sqlite3.Connection, room: str, key: str) -> str | None:
    """A setting of a room, which thereby is in use."""
    sql, where = "SELECT value, used FROM settings WHERE room = ? AND key = ?", (room, key)
    value, used = db.execute(sql, where).fetchone() or (None, math.inf)
    if time.time() - used > DAY:  # not with every order: it is a write
        db.execute("UPDATE settings SET used = ? WHERE room = ?", (time.time(), room))
    return value


def set_setting(db: sqlite3.Connection, room: str, key: str, value: str | None) -> None:
    if value is None:
        db.execute("DELETE FROM settings WHERE room = ? AND key = ?", (room, key))
    else:
        db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?)", (room, key, value, time.time()))


def append(db: sqlite3.Connection, room: str, entry: bytes) -> int:
    """The number of the new message."""
    sql = "INSERT INTO entries (room, at, entry) VALUES (?, ?, ?)"
    return db.execute(sql, (room, time.time(), entry)).lastrowid or 0


def replace(db: sqlite3.Connection, room: str, numbers: Sequence[int], blobs: Sequence[str], entry: bytes) -> int:
    """Delete messages and pictures; the number of the message that says so."""
    db.executemany("DELETE FROM entries WHERE room = ? AND seq = ?", [(room, number) for number in numbers])
    db.executemany("DELETE FROM blobs WHERE room = ? AND id = ?", [(room, blob) for blob in blobs])
    return append(db, room, entry)


def entries(db: sqlite3.Connection, room: str, after: int) -> list[tuple[int, bytes]]:
    sql = "SELECT seq, entry FROM entries WHERE room = ? AND seq > ? ORDER BY seq"
    return [(int(seq), bytes(entry)) for seq, entry in db.execute(sql, (room, after))]
