"""What people were promised and is no job yet: their platform was told that it is being done.

With it goes the secret by which the platform takes the answer, for as long as it does.
"""

from __future__ import annotations

import sqlite3

import msgspec


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody asked for. Times are in seconds since the epoch."""

    key: str  # the platform's own name for it; where it is an order, the job's idempotency key
    user: str
    at: float
    until: float = 0.0  # when the token expires
    token: str = ""  # a secret; empty where there is none, or none any more
    order: bool = False  # it is to become a job; else it is of no use when the token has expired
    asked: bytes  # what, in the platform's own form

    def __repr__(self) -> str:
        return f"Promise({self.key!r})"  # it must not stand in a log


COLUMNS = ", ".join(f'"{name}"' for name in Promise.__struct_fields__)


def add(db: sqlite3.Connection, promise: Promise) -> None:
    places = ", ".join("?" * len(Promise.__struct_fields__))
    db.execute(f"INSERT OR REPLACE INTO promises ({COLUMNS}) VALUES ({places})", msgspec.structs.astuple(promise))


def of(db: sqlite3.Connection, chat: str) -> list[Promise]:
    """All that people on a platform still wait for, oldest first."""
    sql = f"SELECT {COLUMNS} FROM promises WHERE substr(key, 1, ?) = ? ORDER BY at"
    rows = db.execute(sql, (len(chat) + 1, f"{chat}:")).fetchall()
    return [
        msgspec.convert(dict(zip(Promise.__struct_fields__, row, strict=True)), Promise, strict=False) for row in rows
    ]


def end(db: sqlite3.Connection, key: str) -> None:
    """It was kept, or refused."""
    db.execute("DELETE FROM promises WHERE key = ?", (key,))


def expire(db: sqlite3.Connection, now: float, before: float) -> None:
    """Let go of tokens that have expired, with all that was of use only with them, and of what is as old as
    ``before``."""
    is_job = "key IN (SELECT idempotency_key FROM jobs WHERE idempotency_key IS NOT NULL)"
    db.execute(f'DELETE FROM promises WHERE until < ? AND (NOT "order" OR {is_job})', (now,))
    db.execute("UPDATE promises SET token = '' WHERE until < ? AND token != ''", (now,))
    db.execute("DELETE FROM promises WHERE at < ?", (before,))
