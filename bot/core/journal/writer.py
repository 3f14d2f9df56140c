"""The journal's transactions: what waits together is committed together, and acknowledged after that.

A commit waits for the disk for some milliseconds, however much is in it. So whatever has arrived while one was on its
way is the next one; in it each piece of work has a savepoint, so that one that is refused undoes only itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeVar, cast

from bot.core.journal.file import File
from bot.core.journal.pictures import collect

PICTURES_AT_ONCE = 8  # that are written beside each other, and so wait for the disk together
MOST = 64  # pieces of work in one commit, so that nobody waits for a long one

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]


class _Piece(NamedTuple):
    work: Work
    lasting: bool
    done: asyncio.Future[Any]


class _Outcome(NamedTuple):
    value: Any = None
    error: Exception | None = None


class Writer:
    """One connection, used by one thread. Work may be done again when a commit that it shared has failed."""

    def __init__(self, file: File, thread: Executor, disk: Executor) -> None:
        """Args: disk: has `PICTURES_AT_ONCE` threads, to write pictures."""
        self._db, self._pictures, self._thread, self._disk = file.db, file.pictures, thread, disk
        self._waiting: deque[_Piece] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    async def do(self, work: Callable[[sqlite3.Connection], T], *, lasting: bool = True) -> T:
        """What a piece of work returns, once it is committed.

        Args:
            lasting: on disk when this returns. Else it is safe from the end of this process only, until the next one
                that is lasting: should the machine lose its power before that, it has not happened.

        Raises:
            sqlite3.Error, OSError: the journal cannot be read or written; and whatever the work raises.
        """
        piece = _Piece(work, lasting, asyncio.get_running_loop().create_future())
        self._waiting.append(piece)
        if self._idle.is_set():
            self._next()
        return cast(T, await piece.done)

    async def do_with(self, pictures: Sequence[bytes], work: Callable[[sqlite3.Connection], T]) -> T:
        """The same of work that names new pictures: they are written before it, beside those of others."""
        holding = asyncio.get_running_loop().run_in_executor(self._disk, self._pictures.hold, pictures)
        named = False

        def let_go(held: asyncio.Future[list[str]]) -> None:
            if not held.cancelled() and held.exception() is None:
                self._pictures.release(held.result(), named)

        try:
            await asyncio.shield(holding)
            done = await self.do(work)
            named = True
            return done
        finally:
            holding.add_done_callback(let_go)

    async def finish(self) -> None:
        """Until nothing waits."""
        await self._idle.wait()

    def _next(self) -> None:
        batch: list[_Piece] = []
        while self._waiting and len(batch) < MOST:
            piece = self._waiting.popleft()
            if not piece.done.done():  # or nobody wants it any more
                batch.append(piece)
        if not batch:
            self._idle.set()
            return
        self._idle.clear()
        committing = asyncio.get_running_loop().run_in_executor(self._thread, self._commit, batch)
        committing.add_done_callback(lambda committed: self._settle(batch, committed.result()))

    def _settle(self, batch: list[_Piece], outcomes: list[_Outcome]) -> None:
        for piece, (value, error) in zip(batch, outcomes, strict=True):
            if piece.done.done():
                continue
            if error is not None:
                piece.done.set_exception(error)
            else:
                piece.done.set_result(value)
        self._next()

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _commit(self, batch: list[_Piece]) -> list[_Outcome]:
        try:
            return self._together(batch)
        except Exception as error:
            if len(batch) == 1:
                return [_Outcome(error=error)]
        # Whose fault it was shows when each is by itself.
        return [outcome for piece in batch for outcome in self._commit([piece])]

    def _together(self, batch: list[_Piece]) -> list[_Outcome]:
        lasting = any(piece.lasting for piece in batch)
        self._db.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
        with self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            outcomes = [self._outcome(piece.work) for piece in batch]
        with contextlib.suppress(sqlite3.Error, OSError):  # then the next one deletes them
            collect(self._db, self._pictures)
        return outcomes

    def _outcome(self, work: Work) -> _Outcome:
        """Raises what is wrong with the journal itself."""
        self._db.execute("SAVEPOINT piece")
        try:
            outcome = _Outcome(work(self._db))
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:
            self._db.execute("ROLLBACK TO piece")
            outcome = _Outcome(error=error)
        self._db.execute("RELEASE piece")
        return outcome
