"""Menus in messages of ours, as far as the platform does not keep what they are about; in its own form."""

from __future__ import annotations

import sqlite3
import time

MOST = 50  # of one person; those that were used last


def put(db: sqlite3.Connection, key: str, user: str, menu: bytes) -> None:
    db.execute("INSERT OR REPLACE INTO menus VALUES (?, ?, ?, ?)", (key, user, time.time(), menu))
    newest = "SELECT key FROM menus WHERE user = ? ORDER BY at DESC, rowid DESC LIMIT ?"
    db.execute(f"DELETE FROM menus WHERE user = ? AND key NOT IN ({newest})", (user, user, MOST))


def get(db: sqlite3.Connection, key: str) -> bytes | None:
    found = db.execute("SELECT menu FROM menus WHERE key = ?", (key,)).fetchone()
    return bytes(found[0]) if found else None
