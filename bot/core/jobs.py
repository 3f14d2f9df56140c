"""A job: an accepted order with an id and a state, and which state may follow which."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

import msgspec

from engine.recipe import Recipe
from engine.wire import MOVING_RESULTS, PNG, Cell


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # on disk, waiting its turn
    PAINTING = "painting"  # the engine has it
    PAINTED = "painted"  # the picture is on disk, the person has not got it yet
    FAILED = "failed"  # there will be no picture, the person has not been told yet
    DELIVERED = "delivered"  # the person has the picture
    NOTIFIED = "notified"  # the person knows that there will be none
    CANCELLED = "cancelled"  # the person took it back
    LOST = "lost"  # there is an answer, and nowhere left to deliver it


FOLLOWS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PAINTING, State.FAILED, State.CANCELLED}),
    # Back to QUEUED: the engine died, or the bot was restarted.
    State.PAINTING: frozenset({State.QUEUED, State.PAINTED, State.FAILED, State.CANCELLED}),
    State.PAINTED: frozenset({State.DELIVERED, State.LOST}),
    State.FAILED: frozenset({State.NOTIFIED, State.LOST}),
    State.DELIVERED: frozenset(),
    State.NOTIFIED: frozenset(),
    State.CANCELLED: frozenset(),
    State.LOST: frozenset(),
}
OPEN = frozenset({State.QUEUED, State.PAINTING})  # what counts against a person's cap
GIVEN_UP = frozenset({State.FAILED, State.NOTIFIED})  # what may be tried once more
UNFINISHED = OPEN | {State.PAINTED, State.FAILED}  # what a restart takes up again


class Place(msgspec.Struct, frozen=True):
    """Where an order came from and its answer goes."""

    chat: str  # name of the Chat: "web", "telegram", "discord", "terminal"
    room: str  # the channel, group or tab; settings are kept per room
    address: Mapping[str, Any] = {}  # an `Address` of that chat, as the journal keeps it


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where on a platform an answer goes, and how; every platform has a struct of its own."""

    @classmethod
    def of(cls, place: Place) -> Self:
        return msgspec.convert(place.address, cls, strict=False)

    def place(self, chat: str, room: str) -> Place:
        return Place(chat, room, msgspec.to_builtins(self))


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to be made. The photo and the result lie in the store, not here."""

    id: str
    user: str  # "web:4f2a...": the platform, then the platform's id
    place: Place
    recipe: Recipe  # complete; once PAINTED, as painted
    requested: Recipe | None = None  # the recipe as the person wrote it, for ordering again with other settings
    created: float  # seconds since the epoch
    state: State = State.QUEUED
    attempts: int = 0  # engine processes that died with its photo in hand
    interruptions: int = 0  # times that the bot went down, without being asked to, while the engine had it
    cost: float = 0.0  # estimated engine seconds
    memory: int = 0  # bytes that the engine is likely to need for it; 0 is little, or not known
    seconds: float | None = None  # engine seconds it took
    width: int = 0  # pixels of the picture, once PAINTED
    height: int = 0
    message: str = ""  # why there is no picture, once FAILED
    refused: bool = False  # because the photo cannot be painted, which is nobody's business but the person's
    media_type: str = PNG.media_type  # of the picture, once PAINTED
    notes: tuple[str, ...] = ()  # the engine's sentences about the picture, once PAINTED
    cells: tuple[Cell, ...] = ()  # of a sheet, once PAINTED
    idempotency_key: str = ""  # the platform's name for the order, if it has one: the same key is never two jobs

    @property
    def size_named(self) -> bool:
        """Whether the recipe's size was asked for; else it is a default, to which no smaller photo is enlarged."""
        return self.requested is None or self.requested.size is not None

    @property
    def moves(self) -> bool:
        """Whether the picture is an animation."""
        return self.media_type != PNG.media_type

    @property
    def file_name(self) -> str:
        """What the picture is saved as: ``starrynight-1a2b.png``."""
        names = "-".join(share.name for share in self.recipe.styles)
        kind = next((kind for kind in MOVING_RESULTS if kind.media_type == self.media_type), PNG)
        return f"{names or self.recipe.mode}-{self.id[:4]}{kind.endings[0]}"


def new_id() -> str:
    """Eight letters and digits: short enough to type, and for a button's 64 bytes."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))
