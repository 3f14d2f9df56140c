"""The terminal as a chat, and as a screen: a progress bar, tables, and pictures for whoever waits for them.

The only file that imports rich.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bot.core.errors import InternalError
from bot.core.jobs import Address, Job, Place
from bot.core.messages import Chat, Result, Status
from engine import wire
from engine.gallery import Gallery

NAME = "terminal"
USER = "terminal:me"

Show = Callable[[Status], None]


class TerminalAddress(Address, frozen=True):
    """One of the orders of a command."""

    order: int
    plays: tuple[str, ...] = ()  # media types of moving pictures that its file can hold


class TerminalChat(Chat):
    """Hands every job's news to who ordered it."""

    name = NAME

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._orders: dict[int, tuple[Show, asyncio.Future[Result]]] = {}

    @contextmanager
    def expecting(self, plays: tuple[str, ...], show: Show) -> Iterator[tuple[Place, asyncio.Future[Result]]]:
        """Where an order is answered, and its picture once it is there, or an InternalError that says why it is not.

        Args:
            plays: media types of moving pictures that are welcome.
            show: is told how the order stands.
        """
        number = next(self._numbers)
        finished: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._orders[number] = show, finished
        try:
            yield TerminalAddress(order=number, plays=plays).place(NAME, NAME), finished
        finally:
            del self._orders[number]

    def plays_in(self, place: Place) -> tuple[str, ...]:
        return TerminalAddress.of(place).plays

    async def show(self, job: Job, status: Status) -> None:
        if found := self._of(job):
            found[0](status)

    async def deliver(self, job: Job, result: Result) -> None:
        if (found := self._of(job)) and not found[1].done():
            found[1].set_result(result)

    async def notify(self, job: Job, text: str) -> None:
        if (found := self._of(job)) and not found[1].done():
            found[1].set_exception(InternalError(text))

    def _of(self, job: Job) -> tuple[Show, asyncio.Future[Result]] | None:
        return self._orders.get(TerminalAddress.of(job.place).order)


@contextmanager
def painting_bar(console: Console | None = None) -> Iterator[Callable[[str, float], None]]:
    """A bar on standard error for pictures; it is called with words and the share that is done, 0 for not known."""
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting the engine", total=None)  # a pulse, until there is progress

        def show(text: str, done: float) -> None:
            progress.update(task, description=escape(text), completed=done, total=1.0 if done else None)

        yield show


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
