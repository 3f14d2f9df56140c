"""What every chat is to the rest of the bot: messages come in, replies and finished pictures go out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from bot.jobs import Job, Place

# What a platform posts to us over HTTP: its headers and body; returns the status of our answer.
Hook = Callable[[Mapping[str, str], bytes], Awaitable[int]]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the bot, whatever the platform."""

    user: str  # "web:4f2a..."
    place: Place  # where an answer goes
    text: str
    photo: bytes | None = None  # of the message itself, or of the one it replies to
    # The picture that the style `mine` names: the message's own where it replies to a photo, else its second.
    style: bytes | None = None
    admin: bool = False  # may decide about the room: an admin of the group, or alone with the bot
    topic: str = ""  # the part of the room that it was written in, where a room has parts
    # The platform's own name for the message, or for each photo of it. What is ordered under one name is one job,
    # however often the platform hands the message over.
    once: str = ""


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
    suggestions: tuple[str, ...] = ()  # styles that may have been meant, as a recipe line has them
    settings: str = ""  # what was said besides the style, for a choice from cards or suggestions

    def choice(self, style: str) -> str:
        """The message that somebody who chooses this card or suggestion would have written."""
        return f"/stylize {style} {self.settings}".strip()


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
    by job id where the platform allows it. Where it has a method ``turn(job, status)``, that is awaited before
    `show`, and given up as soon as there is something newer to show, or the answer: so it is the place to wait in.
    """

    name: str

    async def show(self, job: Job, status: Status) -> None: ...

    async def deliver(self, job: Job, result: Result) -> None: ...

    async def tell(self, job: Job, text: str) -> None:
        """No picture will come (failed or cancelled): say why in the job's message."""
