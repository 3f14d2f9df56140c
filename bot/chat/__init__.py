"""What every chat is to the rest of the bot: messages come in, replies and finished pictures go out."""

from __future__ import annotations

from typing import Protocol

import msgspec

from bot.jobs import Job, Place


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the bot, whatever the platform."""

    user: str  # "web:4f2a..."
    place: Place  # where an answer goes
    text: str
    photo: bytes | None = None  # of the message itself, or of the one it replies to


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A style as a picture to choose."""

    name: str
    title: str
    credit: str
    tags: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot says at once."""

    text: str
    cards: tuple[Card, ...] = ()
    job: Job | None = None  # the job that was accepted: its updates and result follow
    refused: bool = False


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands, for the one message that shows it."""

    text: str  # "place 2 of 5, about 20 s", "step 40 of 125"
    done: float = 0.0  # 0..1
    preview: bytes | None = None  # JPEG; the newest there is


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture with all that is said about it."""

    picture: bytes  # PNG
    width: int
    height: int
    credit: str  # title, artist and year of the style or styles
    line: str  # the recipe line
    seconds: float
    notes: tuple[str, ...] = ()


class Chat(Protocol):
    """A platform, as the studio sees it.

    `show` may be slow: the studio never waits for it with the engine, and skips states that are overtaken. `deliver`
    and `tell` are repeated until they return or raise Undeliverable, also after a restart, so they must be idempotent
    by job id where the platform allows it.
    """

    name: str

    async def show(self, job: Job, status: Status) -> None: ...

    async def deliver(self, job: Job, result: Result) -> None: ...

    async def tell(self, job: Job, text: str) -> None:
        """No picture will come (failed or cancelled): say why in the job's message."""
