"""The journal's tables, and the migrations that bring an older one up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec


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
        try:
            fields = msgspec.json.decode(job)
        except msgspec.DecodeError:  # put aside when it is read
            continue
        for old, new in (("once", "idempotency_key"), ("said", "requested")):
            if old in fields:
                fields[new] = fields.pop(old)
        if fields.get("state") == "told":
            fields["state"] = "notified"
        db.execute("UPDATE jobs SET job = ? WHERE id = ?", (msgspec.json.encode(fields), id))


def m007_picture_files(db: sqlite3.Connection) -> None:
    """Pictures as files beside the journal, which `kept` writes; of rows that go it is noted which they named."""
    db.execute("CREATE TABLE pictures (name TEXT PRIMARY KEY, size INTEGER NOT NULL)")
    db.execute("CREATE TABLE dropped (picture TEXT PRIMARY KEY)")
    of_job = "(job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, picture TEXT NOT NULL)"
    of_room = "(id TEXT PRIMARY KEY, room TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, picture TEXT NOT NULL)"
    columns = {"photos": "job", "styles": "job", "results": "job", "blobs": "id, room, kind, at"}
    for table, names in columns.items():
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        db.execute(f"CREATE TABLE {table} {of_room if table == 'blobs' else of_job}")
        db.execute(f"INSERT INTO {table} SELECT {names}, kept(data) FROM old_{table}")
        sizes = f"SELECT kept(data), length(data) FROM old_{table}"
        db.execute(f"INSERT OR IGNORE INTO pictures {sizes}")
        db.execute(f"DROP TABLE old_{table}")
        db.execute(f"CREATE INDEX {table}_by_picture ON {table} (picture)")
        db.execute(
            f"CREATE TRIGGER {table}_dropped AFTER DELETE ON {table}"
            " BEGIN INSERT OR IGNORE INTO dropped VALUES (old.picture); END"
        )


def m008_last_use(db: sqlite3.Connection) -> None:
    """When the settings of a room were last asked for, by the day: they expire."""
    db.execute("ALTER TABLE settings ADD COLUMN used REAL NOT NULL DEFAULT 0")
    db.execute("UPDATE settings SET used = CAST(strftime('%s', 'now') AS REAL)")


def m009_sign_ins(db: sqlite3.Connection) -> None:
    """Sign-ins at the chat page, so that they can be listed and ended."""
    db.execute(
        "CREATE TABLE sign_ins (id TEXT PRIMARY KEY, browser TEXT NOT NULL, since REAL NOT NULL, until REAL NOT NULL)"
    )


def m010_promises(db: sqlite3.Connection) -> None:
    """What people were promised and is no job yet; see `promises`."""
    db.execute(
        "CREATE TABLE promises (key TEXT PRIMARY KEY, user TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,"
        ' token TEXT NOT NULL, "order" INTEGER NOT NULL, asked BLOB NOT NULL)'
    )


def m011_albums(db: sqlite3.Connection) -> None:
    """What somebody did with a picture of the page, kept as long as the picture: a star, an address to share it by."""
    db.execute(
        "CREATE TABLE marks (picture TEXT PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,"
        " starred INTEGER NOT NULL DEFAULT 0, share TEXT UNIQUE)"
    )


def m012_checked(db: sqlite3.Connection) -> None:
    """The picture that an order is to be held against, for as long as the photo."""
    db.execute(
        "CREATE TABLE checked (job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, picture TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX checked_by_picture ON checked (picture)")
    db.execute(
        "CREATE TRIGGER checked_dropped AFTER DELETE ON checked"
        " BEGIN INSERT OR IGNORE INTO dropped VALUES (old.picture); END"
    )


def m013_menus(db: sqlite3.Connection) -> None:
    """What a menu in a message is about, and what was chosen in it so far; see `menus`."""
    db.execute("CREATE TABLE menus (key TEXT PRIMARY KEY, user TEXT NOT NULL, at REAL NOT NULL, menu BLOB NOT NULL)")
    db.execute("CREATE INDEX menus_by_user ON menus (user, at)")


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [
    m001_journal,
    m002_rooms,
    m003_once,
    m004_styles,
    m005_job_messages,
    m006_plain_names,
    m007_picture_files,
    m008_last_use,
    m009_sign_ins,
    m010_promises,
    m011_albums,
    m012_checked,
    m013_menus,
]
