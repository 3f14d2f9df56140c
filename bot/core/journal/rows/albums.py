"""A person's pictures on the page: those of all rooms that are theirs, with stars, and addresses to share them by.

A room's owner is a setting of the room, so it goes when the room's last trace goes.
"""

from __future__ import annotations

import sqlite3

import msgspec

OWNER = "album"  # the setting that says whose a room's pictures are
ROOMS = f"SELECT room FROM settings WHERE key = '{OWNER}' AND value = ?"


class Mark(msgspec.Struct, frozen=True):
    """What somebody did with a picture."""

    starred: bool = False
    share: str | None = None  # the secret in the address by which everybody may see it


def entries(db: sqlite3.Connection, owner: str) -> list[tuple[str, float, bytes]]:
    """Everything in a person's rooms, oldest first: the room, when (epoch seconds), the message."""
    sql = f"SELECT room, at, entry FROM entries WHERE room IN ({ROOMS}) ORDER BY seq"
    return [(str(room), float(at), bytes(entry)) for room, at, entry in db.execute(sql, (owner,))]


def marks(db: sqlite3.Connection, owner: str) -> dict[str, Mark]:
    """By picture."""
    sql = f"SELECT id, starred, share FROM marks JOIN blobs ON id = marks.picture WHERE room IN ({ROOMS})"
    return {str(id): Mark(bool(starred), share) for id, starred, share in db.execute(sql, (owner,))}


def mark(db: sqlite3.Connection, picture: str, mark: Mark) -> None:
    """Nothing happens where the picture is gone."""
    sql = "INSERT OR REPLACE INTO marks SELECT id, ?, ? FROM blobs WHERE id = ?"
    db.execute(sql, (mark.starred, mark.share, picture))


def shared(db: sqlite3.Connection, share: str) -> tuple[str, str] | None:
    """The room and the picture that may be seen by this secret."""
    row = db.execute(
        "SELECT room, id FROM marks JOIN blobs ON id = marks.picture WHERE share = ?", (share,)
    ).fetchone()
    return (str(row[0]), str(row[1])) if row else None
