"""Looking into a journal from another process, also while a bot works with it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from bot.core.errors import ConfigError
from bot.core.journal import schema
from bot.core.journal.rows import sign_ins
from bot.core.journal.rows.sign_ins import SignIn

PATIENCE = 5.0  # seconds, for the bot to finish what it writes


class Row(msgspec.Struct, frozen=True):
    """A job as it lies in the file, readable or not."""

    id: str
    state: str
    job: bytes | str


def rows(path: Path) -> list[Row]:
    """The jobs of a journal, oldest first.

    Raises:
        ConfigError: there is no such journal, or it cannot be read.
    """
    with _opened(path) as db:
        db.execute("PRAGMA query_only = ON")
        found = db.execute("SELECT id, state, job FROM jobs ORDER BY created, rowid").fetchall()
        return [Row(id, state, job) for id, state, job in found]


def signed_in(path: Path) -> list[SignIn]:
    """Who is signed in at the chat page, oldest first. Raises ConfigError as `rows` does."""
    with _current(path) as db:
        return sign_ins.listed(db, time.time())


def sign_out(path: Path, ids: list[str]) -> None:
    """End these sign-ins; a running bot notices soon. Raises ConfigError as `rows` does."""
    with _current(path) as db:
        sign_ins.end(db, ids)


@contextmanager
def _current(path: Path) -> Iterator[sqlite3.Connection]:
    """In one transaction, the journal of this version."""
    with _opened(path) as db, db:
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != len(schema.MIGRATIONS):
            newer = "a newer Impasto. Update this one" if version > len(schema.MIGRATIONS) else "an older Impasto"
            advice = "" if version > len(schema.MIGRATIONS) else ". Start the bot once, which brings it up to date"
            raise ConfigError(f"store.path: the journal was written by {newer}{advice}.")
        yield db


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise ConfigError(f"store.path: there is no journal {path}. The bot makes it when it starts.")
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)) as db:
            yield db
    except sqlite3.Error as error:
        raise ConfigError(f"store.path: {path} cannot be read: {error}.") from error
