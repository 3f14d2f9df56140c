"""Who is signed in at the chat page, for the list from which sign-ins are ended."""

from __future__ import annotations

import sqlite3

import msgspec


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One browser that knew the access token."""

    id: str
    browser: str  # as it calls itself
    since: float  # epoch seconds
    until: float  # the same


def listed(db: sqlite3.Connection, now: float) -> list[SignIn]:
    """Those that have not ended, oldest first; the others are forgotten."""
    db.execute("DELETE FROM sign_ins WHERE until <= ?", (now,))
    rows = db.execute("SELECT id, browser, since, until FROM sign_ins ORDER BY since")
    return [SignIn(id=id, browser=browser, since=since, until=until) for id, browser, since, until in rows]


def add(db: sqlite3.Connection, one: SignIn, most: int) -> None:
    """Keep it, and no more than so many: the oldest make way."""
    db.execute("INSERT INTO sign_ins VALUES (?, ?, ?, ?)", (one.id, one.browser, one.since, one.until))
    newest = "SELECT id FROM sign_ins ORDER BY since DESC, rowid DESC LIMIT ?"
    db.execute(f"DELETE FROM sign_ins WHERE id NOT IN ({newest})", (most,))


def end(db: sqlite3.Connection, ids: list[str]) -> None:
    db.executemany("DELETE FROM sign_ins WHERE id = ?", [(id,) for id in ids])
