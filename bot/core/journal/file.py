"""The journal's file: locked, checked and brought up to date when it is opened, with its pictures beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from bot.core.errors import ConfigError
from bot.core.journal import schema
from bot.core.journal.pictures import USERS, Pictures


class File:
    """An open journal; None as its path keeps it in memory. All but `lost` belongs to the thread that opened it.

    Raises:
        ConfigError: the file cannot be used.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = _locked(path) if path else None
        try:
            self.db, self.pictures = _opened(path)
            self._inode = path.stat().st_ino if path else 0
        except BaseException:
            self._unlock()
            raise

    def close(self) -> None:
        self.db.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)

    @property
    def lost(self) -> bool:
        """Whether somebody has deleted or replaced the file: what is written into it now goes with this process."""
        try:
            return self._path is not None and self._path.stat().st_ino != self._inode
        except OSError:
            return True


def _locked(path: Path) -> int:
    """A lock beside the file, which others may read meanwhile: for back-ups, and for `impasto jobs`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Photos are private: for the owner's eyes only, also in the files that SQLite puts beside it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        lock = os.open(path.with_name(f"{path.name}-lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"store.path: {path} cannot be written: {reason}. Choose another file, or change its permissions."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise _in_use(path) from error
    return lock


def _in_use(path: Path | None) -> ConfigError:
    return ConfigError(f"store.path: another Impasto is running with {path}. Stop it, or give this one another file.")


def _opened(path: Path | None) -> tuple[sqlite3.Connection, Pictures]:
    db = sqlite3.connect(path or ":memory:", timeout=2, isolation_level=None)
    try:
        pictures = Pictures(path and path.with_name(f"{path.name}-pictures"))
        _prepare(db, pictures)
        return db, pictures
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):  # by an earlier version, which locks the file itself
            raise _in_use(path) from error
        raise ConfigError(f"store.path: {path} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        db.close()
        raise ConfigError(
            f"store.path: {path} is damaged or not an Impasto journal ({error}). Move it away, and the folder with"
            " its pictures too, and a new one is made."
        ) from error
    except OSError as error:
        db.close()
        raise ConfigError(f"store.path: the pictures beside {path} cannot be kept: {error.strerror}.") from error
    except BaseException:
        db.close()
        raise


def _prepare(db: sqlite3.Connection, pictures: Pictures) -> None:
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(schema.MIGRATIONS):
        raise ConfigError("store.path: the journal was written by a newer Impasto. Update this one, or move it away.")
    if not version:
        pictures.set_aside()
    db.create_function("kept", 1, pictures.put)
    for number, migrate in enumerate(schema.MIGRATIONS[version:], version + 1):
        with db:
            db.execute("BEGIN IMMEDIATE")
            migrate(db)
            db.execute(f"PRAGMA user_version = {number}")
    if version < len(schema.MIGRATIONS):
        db.execute("VACUUM")  # pictures that are files now have left most of it empty
    named = {row[0] for table in USERS for row in db.execute(f"SELECT picture FROM {table}")}
    pictures.tidy(named)
