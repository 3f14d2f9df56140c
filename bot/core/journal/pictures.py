"""The pictures of the journal: files beside it, each named by what is in it, so that none is kept twice.

In SQLite every picture was written twice, the check at the start read all of them, and deleted ones had to be squeezed
out of the file. Here a start and a sweep take as long as there are jobs, however large their pictures.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

OF_JOBS = ("photos", "styles", "checked", "results")  # tables with a column `picture` whose rows go with their job
USERS = (*OF_JOBS, "blobs")
PART = ".part"
NAME = re.compile("[0-9a-f]{64}")
LOCKS = 64


class Pictures:
    """Used by the journal's thread, but for `hold`, which any thread may call. Without a folder they are in memory.

    A picture is on disk before the journal names it, and is deleted after the journal has forgotten it. So a crash can
    leave a file that nobody names, which `tidy` removes, and never a name without its file.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        self._held: Counter[str] = Counter()
        self._unnamed: set[str] = set()
        self._counting = threading.Lock()  # of these two
        self._locks = [threading.Lock() for _ in range(LOCKS)]  # by name: a file is one thread's at a time
        if folder is not None:
            folder.mkdir(mode=0o700, exist_ok=True)

    def put(self, data: bytes) -> str:
        """Keep a picture; its name."""
        name = hashlib.sha256(data).hexdigest()
        with self._lock(name):
            self._put(name, data)
        return name

    def hold(self, pictures: Iterable[bytes]) -> list[str]:
        """The same of pictures that a row is to name soon: nobody deletes them until they are released."""
        names: list[str] = []
        try:
            for data in pictures:
                name = hashlib.sha256(data).hexdigest()
                with self._lock(name):
                    self._put(name, data)
                    with self._counting:
                        self._held[name] += 1
                names.append(name)
        except OSError:
            self.release(names, named=False)
            raise
        return names

    def release(self, names: Iterable[str], named: bool) -> None:
        """Args: named: whether a row names them; else they are perhaps nobody's."""
        with self._counting:
            for name in names:
                self._held[name] -= 1
                if not self._held[name]:
                    del self._held[name]
                if not named:
                    self._unnamed.add(name)

    def unnamed(self) -> set[str]:
        """What was kept for rows that there are not, as it is now known."""
        with self._counting:
            unnamed, self._unnamed = self._unnamed, set()
        return unnamed

    def _lock(self, name: str) -> threading.Lock:
        return self._locks[int(name[:4], 16) % LOCKS]

    def _put(self, name: str, data: bytes) -> None:
        if self._folder is None:
            self._memory[name] = data
            return
        path = self._folder / name
        with suppress(FileNotFoundError):
            if path.stat().st_size == len(data):
                return
        part = path.with_suffix(PART)
        try:
            with open(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                part.rename(path)  # first, for then the disk is waited for once, where its name is noted with it
                os.fsync(file.fileno())
            _sync(self._folder)
        except OSError:
            for written in (part, path):
                written.unlink(missing_ok=True)
            raise

    def get(self, name: str) -> bytes | None:
        """A picture; None where it is missing, or not what it was."""
        if self._folder is None:
            return self._memory.get(name)
        try:
            data = (self._folder / name).read_bytes()
        except FileNotFoundError:
            log.error("a picture is missing: %s", self._folder / name)
            return None
        if hashlib.sha256(data).hexdigest() != name:
            log.error("a picture is damaged: %s", self._folder / name)
            return None
        return data

    def part(self, name: str, start: int, size: int) -> bytes:
        """So many bytes of a picture from there on; fewer at the end, and none where it is missing."""
        if self._folder is None:
            return self._memory.get(name, b"")[start : start + size]
        try:
            with open(self._folder / name, "rb") as file:
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:
            log.error("a picture is missing: %s", self._folder / name)
            return b""

    def drop(self, names: Iterable[str]) -> None:
        """Delete pictures that the journal does not name any more."""
        for name in names:
            with self._lock(name):
                if self._held[name]:
                    continue  # by an order that is about to name it
                self._memory.pop(name, None)
                if self._folder is not None:
                    (self._folder / name).unlink(missing_ok=True)

    def set_aside(self) -> None:
        """Keep the pictures of another journal, which was moved away without them, out of the way of a new one."""
        if self._folder is None or not any(self._folder.iterdir()):
            return
        aside = self._folder.with_name(f"{self._folder.name}-{time.time_ns()}")
        self._folder.rename(aside)
        self._folder.mkdir(mode=0o700)
        log.warning("There were pictures of another journal: they are in %s now. Move it to their journal.", aside)

    def tidy(self, named: set[str]) -> None:
        """Delete what a crash has left behind."""
        if self._folder is not None:
            ours = {path.name for path in self._folder.iterdir() if NAME.fullmatch(path.stem)}
            self.drop(ours - named)


def _sync(folder: Path) -> None:
    """Have the folder on disk, or a new name in it could be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep(db: sqlite3.Connection, pictures: Pictures, data: bytes) -> str:
    """Keep a picture that a row of the same transaction is about to name; its name."""
    name = pictures.put(data)
    db.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?)", (name, len(data)))
    return name


def collect(db: sqlite3.Connection, pictures: Pictures) -> None:
    """Delete the pictures whose rows have gone, unless other rows name them."""
    pictures.drop(name for name in pictures.unnamed() if not _used(db, name))
    dropped = [row[0] for row in db.execute("SELECT picture FROM dropped")]
    if not dropped:
        return
    gone = [name for name in dropped if not _used(db, name)]
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("DELETE FROM pictures WHERE name = ?", [(name,) for name in gone])
        db.execute("DELETE FROM dropped")
    pictures.drop(gone)


def _used(db: sqlite3.Connection, name: str) -> bool:
    return any(db.execute(f"SELECT 1 FROM {table} WHERE picture = ? LIMIT 1", (name,)).fetchone() for table in USERS)
