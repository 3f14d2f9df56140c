"""What a painter reports while it works: stages on the way, the picture at the end, or a refusal.

No torch here: the loop that listens to a painter does not depend on tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, Protocol

from engine.recipe import Recipe
from engine.wire import PNG, Cell, Finding, Paint, Ready


class Stage(NamedTuple):
    """One piece of the work is done. Between two stages a job can be cancelled, so they come often."""

    done: float  # share of the whole work, 0..1
    text: str  # what is happening, in a few words
    note: str = ""  # a sentence for the person, when something was changed to get this far
    preview: Callable[[], bytes] | None = None  # makes a small JPEG; called only when one is wanted
    at_once: bool = False  # the preview is worth showing now, however short the time since the last one
    cells: tuple[Cell, ...] = ()  # of the sheet that the preview shows


class Picture(NamedTuple):
    """The last thing a painter yields."""

    data: bytes
    recipe: Recipe  # as painted
    width: int
    height: int
    notes: tuple[str, ...] = ()  # sentences for the person
    findings: tuple[Finding, ...] = ()  # styles that were found, for programs
    media_type: str = PNG.media_type
    cells: tuple[Cell, ...] = ()  # of a sheet
    went_on: bool = False  # from a picture that was kept


class Refused(Exception):
    """The photo cannot be used; the message is a sentence for the person who sent it."""


class Painter(Protocol):
    """Anything that turns an order into a picture."""

    ready: Ready

    def paint(self, order: Paint) -> Generator[Stage | Picture, None, None]:
        """Stages, then exactly one Picture.

        Raises:
            Refused: the photo is at fault.
            MemoryError: it did not fit, even at the reduced size that the painter may try.
        """
        ...
