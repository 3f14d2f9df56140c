"""The terminal as a chat: one person, one photo, a progress bar, and the picture in a file.

The only file that imports rich.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bot.core.errors import InternalError, InvalidOrder
from bot.core.jobs import Job, Place
from bot.core.messages import Chat, Result, Status
from engine import wire
from engine.gallery import Gallery
from engine.wire import MOVING_RESULTS, PNG

USER = "terminal:me"
PLACE = Place(chat="terminal", room="terminal")


class TerminalChat(Chat):
    """Shows one job as a bar on standard error; `finished` waits for its end.

    With ``force`` a file that is there already is written over.
    """

    name = "terminal"

    def __init__(self, output: Path, *, force: bool = False, console: Console | None = None) -> None:
        self._output = output
        self.plays = _moving(output)
        self._force = force
        self.console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=self.console, transient=True
        )
        self._task = self._bar.add_task("starting the engine", total=None)  # a pulse, until there is progress
        self._finished: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    async def finished(self) -> Result:
        """The picture, once it is on disk.

        Raises:
            InternalError: there is none, and why.
            InvalidOrder: it cannot be written where it was to go.
        """
        return await self._finished

    async def show(self, job: Job, status: Status) -> None:
        total = 1.0 if status.done else None
        self._bar.update(self._task, description=escape(status.text), completed=status.done, total=total)

    async def deliver(self, job: Job, result: Result) -> None:
        if self._finished.done():
            return
        try:
            if self.plays and not result.moves and self._output.suffix.lower() != ".apng":
                raise InvalidOrder(f"This photo does not move. Give its picture a name that ends in {PNG.endings[0]}.")
            await asyncio.to_thread(write, self._output, result.picture, force=self._force)
        except InvalidOrder as error:
            self._finished.set_exception(error)
        else:
            self._finished.set_result(result)

    async def notify(self, job: Job, text: str) -> None:
        if not self._finished.done():
            self._finished.set_exception(InternalError(text))


def _moving(path: Path) -> tuple[str, ...]:
    """The media type of a file that is to hold a moving picture; a .png is a still."""
    ending = path.suffix.lower()
    return tuple(kind.media_type for kind in MOVING_RESULTS if ending in kind.endings and ending != ".png")


def check_output(path: Path, *, force: bool) -> None:
    """Refuse a place where the picture cannot go, before it is painted.

    Raises:
        InvalidOrder
    """
    if path.suffix.lower() != ".png" and not _moving(path):
        endings = ", ".join(kind.endings[0] for kind in MOVING_RESULTS)
        raise InvalidOrder(
            f"The picture is a PNG file. Give it a name that ends in .png, not {path.name};"
            f" that of a moving picture ends in one of {endings}."
        )
    if path.is_dir():
        raise InvalidOrder(f"{path} is a folder. Name a file in it, such as {path / 'picture.png'}.")
    if path.exists() and not force:
        raise InvalidOrder(f"{path} exists already. Choose another name, or add --force to overwrite it.")
    if not path.parent.is_dir():
        raise InvalidOrder(f"The folder {path.parent} does not exist. Make it first, or choose another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InvalidOrder(f"You may not write into the folder {path.parent}. Choose another.")


def write(path: Path, picture: bytes, *, force: bool) -> None:
    """Put the picture there whole or not at all.

    Raises:
        InvalidOrder: it cannot be written, or a file was created there in the meantime.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        try:
            part.write_bytes(picture)
            check_output(path, force=force)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidOrder(f"The picture cannot be written to {path}: {error.strerror}.") from error


def read_picture(path: Path, limit_mb: int, what: str = "photo") -> bytes:
    """A file's bytes; ``what`` it is called in errors.

    Raises:
        InvalidOrder: it cannot be read, or is larger than ``limit_mb``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_mb * 2**20 + 1)
    except OSError as error:
        raise InvalidOrder(f"The {what} {path} cannot be read: {error.strerror}.") from error
    if not data:
        raise InvalidOrder(f"The {what} {path} is empty.")
    if len(data) > limit_mb * 2**20:
        raise InvalidOrder(f"The {what} {path} is larger than {limit_mb} MB (limits.max_photo_mb). Make it smaller.")
    return data


def print_styles(gallery: Gallery, console: Console | None = None) -> None:
    """The styles as a table."""
    table = Table("style", "painting", "tags", box=None, header_style="bold", pad_edge=False)
    for style in gallery:
        table.add_row(escape(style.name), escape(style.credit), escape(", ".join(style.tags)))
    # Where nobody's window is known, no painting's name is broken over two lines.
    (console or Console(width=None if sys.stdout.isatty() else 120)).print(table)


def print_near(found: Sequence[wire.Finding], console: Console | None = None) -> None:
    """Styles that a picture is like, as a table."""
    table = Table("style", "distance", "alike in", box=None, header_style="bold", pad_edge=False)
    for near in found:
        table.add_row(escape(near.style), f"{near.distance:.2f}", escape(near.reason))
    (console or Console(width=None if sys.stdout.isatty() else 120)).print(table)


@contextmanager
def bar(title: str, console: Console | None = None) -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error for what is no job; it is called with the share that is done and a few words."""
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    # Elsewhere than in a terminal it would leave an empty line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(title), total=1.0)
        yield lambda done, text: progress.update(task, description=escape(f"{title}: {text}"), completed=done)
