"""The journal's file: opening it, its tables, and the migrations that bring an older one up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bot.core.errors import ConfigError


def m001_journal(db: sqlite3.Connection) -> None:
    """Jobs whole as JSON; the columns beside it are those that queries ask for."""
    db.execute(
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, user TEXT NOT NULL, room TEXT NOT NULL, state TEXT NOT NULL,"
        " created REAL NOT NULL, moved REAL NOT NULL, job BLOB NOT NULL)"
    )
    db.execute("CREATE INDEX jobs_by_user ON jobs (user, created)")
    db.execute("CREATE INDEX jobs_by_state ON jobs (state)")
    for table in ("photos", "results"):
        db.execute(
            f"CREATE TABLE {table} (job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, data BLOB NOT NULL)"
        )
    db.execute("CREATE TABLE durations (kind TEXT NOT NULL, work REAL NOT NULL, seconds REAL NOT NULL)")


def m002_rooms(db: sqlite3.Connection) -> None:
    """Settings of every chat's rooms; the web chat's messages and pictures."""
    db.execute(
        "CREATE TABLE settings (room TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (room, key))"
    )
    # AUTOINCREMENT: a number must not come back after its entry was pruned, or a tab would miss the new entry.
    db.execute(
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, at REAL NOT NULL,"
        " entry BLOB NOT NULL)"
    )
    db.execute("CREATE INDEX entries_by_room ON entries (room, seq)")
    db.execute(
        "CREATE TABLE blobs (id TEXT PRIMARY KEY, room TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,"
        " data BLOB NOT NULL)"
    )


def m003_once(db: sqlite3.Connection) -> None:
    """The platform's own name for an order: the same name is never two jobs."""
    db.execute("ALTER TABLE jobs ADD COLUMN once TEXT")
    db.execute("CREATE UNIQUE INDEX jobs_once ON jobs (once) WHERE once IS NOT NULL")


def m004_styles(db: sqlite3.Connection) -> None:
    """The picture that came with an order as its style, for as long as the photo."""
    db.execute("CREATE TABLE styles (job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, data BLOB NOT NULL)")


def m005_job_messages(db: sqlite3.Connection) -> None:
    """The message that shows a job, kept as long as the job; before, as an entry of a room invented for it."""
    db.execute(
        "CREATE TABLE job_messages (job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, data BLOB NOT NULL)"
    )
    for prefix, converted in (("telegram message of ", _telegram_message), ("discord:job:", _discord_message)):
        newest = "SELECT room, entry, max(seq) FROM entries WHERE room LIKE ? || '%' GROUP BY room"
        for room, entry, _ in db.execute(newest, (prefix,)).fetchall():
            record = converted(msgspec.json.decode(entry))
            sql = "INSERT INTO job_messages SELECT id, ? FROM jobs WHERE id = ?"
            if record:
                db.execute(sql, (msgspec.json.encode(record), room.removeprefix(prefix)))
        db.execute("DELETE FROM entries WHERE room LIKE ? || '%'", (prefix,))


def _telegram_message(old: dict[str, Any]) -> dict[str, Any] | None:
    kind = {"kind": "album"} if old.get("album") else {}
    return {"message": old["message"]} | kind if old["message"] else None


def _discord_message(old: dict[str, Any]) -> dict[str, Any]:
    kind = {"kind": "follow_up"} if old.get("voice") else {}
    return {"message": old["message"]} | kind | ({"answered": True} if old.get("answered") else {})


def m006_plain_names(db: sqlite3.Connection) -> None:
    """Fields and states of jobs under the names that they have now."""
    db.execute("ALTER TABLE jobs RENAME COLUMN once TO idempotency_key")
    db.execute("UPDATE jobs SET state = 'notified' WHERE state = 'told'")
    for id, job in db.execute("SELECT id, job FROM jobs").fetchall():
        fields = msgspec.json.decode(job)
        for old, new in (("once", "idempotency_key"), ("said", "requested")):
            if old in fields:
                fields[new] = fields.pop(old)
        if fields.get("state") == "told":
            fields["state"] = "notified"
        db.execute("UPDATE jobs SET job = ? WHERE id = ?", (msgspec.json.encode(fields), id))


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [
    m001_journal,
    m002_rooms,
    m003_once,
    m004_styles,
    m005_job_messages,
    m006_plain_names,
]


def connect(path: Path | None) -> sqlite3.Connection:
    """The journal in this file, up to date and locked; None keeps it in memory.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Photos are private: for the owner's eyes only, also in the files that SQLite puts beside it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"store.path: {path} cannot be written: {reason}. Choose another file, or change its permissions."
        ) from error
    db = sqlite3.connect(path or ":memory:", timeout=0, isolation_level=None)
    try:
        _prepare(db)
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):
            raise ConfigError(
                f"store.path: another Impasto is running with {path}. Stop it, or give this one another file."
            ) from error
        raise ConfigError(f"store.path: {path} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        db.close()
        raise ConfigError(
            f"store.path: {path} is damaged or not an Impasto journal ({error}). Move it away, and a new one is made."
        ) from error
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise ConfigError("store.path: the journal was written by a newer Impasto. Update this one, or move it away.")
    for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
        with db:
            db.execute("BEGIN IMMEDIATE")
            migrate(db)
            db.execute(f"PRAGMA user_version = {number}")
    with db:
        db.execute("BEGIN EXCLUSIVE")  # takes the lock now, not with the first order
