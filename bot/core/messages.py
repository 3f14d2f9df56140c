"""What passes between a platform and the rest of the bot: messages come in, replies and finished pictures go out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

import msgspec

from bot.core.jobs import Job, Place
from engine.wire import PNG, Cell

# What a platform posts to us over HTTP: its headers and body; returns the status of our answer.
Hook = Callable[[Mapping[str, str], bytes], Awaitable[int]]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes to the bot, where, and with which pictures; what is asked for is passed beside it."""

    user: str  # "web:4f2a..."
    place: Place  # where an answer goes
    photo: bytes | None = None  # of the message itself, or of the one it replies to
    # The picture that the style `mine` names: the message's own where it replies to a photo, else its second.
    style: bytes | None = None
    checked: bytes | None = None  # the picture that is to be held against what is painted of them
    admin: bool = False  # may decide about the room: an admin of the group, or alone with the bot
    own_room: bool = False  # nobody else is in the room, so what is kept of it belongs to this person
    topic: str = ""  # the part of the room that it was written in, where a room has parts
    replied: str = ""  # the job whose message this one replies to
    line: str = ""  # the recipe line that this message of ours shows, also when its job is no longer kept
    # The platform's own name for the message, or for each photo of it. What is ordered under one name is one job,
    # however often the platform hands the message over.
    idempotency_key: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A style as a picture to choose."""

    name: str
    title: str
    credit: str
    tags: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """A message that may follow an answer, as a thing to press."""

    text: str  # what it says
    label: str
    # Whether it is about the picture that the answered message was about, or for the next one, or about none.
    picture: Literal["same", "next", "none"] = "none"


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """An answer in words."""

    text: str
    lines: tuple[Line, ...] = ()  # what may follow
    forgot: bool = False  # all that was kept of the person is deleted


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """What was asked for cannot be done: what is wrong and what to do."""

    text: str
    not_now: bool = False  # the bot is starting or stopping, and the same is welcome in a moment


class Choice(msgspec.Struct, frozen=True, kw_only=True, tag="choice"):
    """A question: which style?"""

    text: str
    cards: tuple[Card, ...] = ()  # styles with their pictures
    suggestions: tuple[str, ...] = ()  # or styles that may have been meant, as a recipe line has them
    settings: str = ""  # the settings that were given without a style
    refused: bool = False  # the text says what was wrong

    @property
    def styles(self) -> tuple[str, ...]:
        """What there is to choose from, as a recipe line has it."""
        return tuple(card.name for card in self.cards) or self.suggestions

    def line(self, style: str) -> str:
        """The message that somebody who chooses this style would have written."""
        return f"/stylize {style} {self.settings}".strip()


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag="accepted"):
    """The order is a job, whose updates and result follow."""

    text: str
    job: Job


Reply = Accepted | Refused | Choice | Text  # what the bot says at once


def is_refusal(reply: Reply) -> bool:
    """Whether a reply says what was wrong."""
    return isinstance(reply, Refused) or (isinstance(reply, Choice) and reply.refused)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands, for the one message that shows it."""

    text: str  # "place 2 of 5, about 20 s", "step 40 of 125"
    done: float = 0.0  # 0..1
    preview: bytes | None = None  # JPEG; the newest there is
    cells: tuple[Cell, ...] = ()  # of a sheet, those that the preview shows
    left: float | None = None  # estimated seconds until the picture is there

    def shows(self, other: Status | None) -> bool:
        """Whether it looks like the other."""
        return other is not None and (self.text, self.done, self.preview) == (other.text, other.done, other.preview)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture with everything that is shown with it."""

    picture: bytes  # PNG; a moving picture where the platform plays some
    width: int
    height: int
    credit: str  # title, artist and year of the style or styles
    line: str  # the recipe line
    seconds: float
    notes: tuple[str, ...] = ()
    media_type: str = PNG.media_type
    cells: tuple[Cell, ...] = ()  # of a sheet

    @property
    def moves(self) -> bool:
        """Whether the picture is an animation."""
        return self.media_type != PNG.media_type


class Chat(Protocol):
    """A platform, as the studio sees it.

    `show` may be slow: the studio never waits for it with the engine, and skips states that are overtaken. `deliver`
    and `notify` are repeated until they return or raise Undeliverable, also after a restart, so they must be
    idempotent by job id where the platform allows it.
    """

    name: str
    plays: tuple[str, ...] = ()  # media types of moving pictures that it can show; without any, all it gets are stills

    def plays_in(self, place: Place) -> tuple[str, ...]:
        """The same of one place, where it is not the same everywhere."""
        return self.plays

    def most_bytes(self, job: Job) -> int:
        """Of a moving picture that is the job's answer; 0 for no limit."""
        return 0

    async def wait_to_show(self, job: Job, status: Status) -> None:
        """Return when the status may be shown. Given up as soon as there is something newer to show, or the answer."""
        return

    async def show(self, job: Job, status: Status) -> None: ...

    async def deliver(self, job: Job, result: Result) -> None: ...

    async def notify(self, job: Job, text: str) -> None:
        """No picture will come (failed or cancelled): say why in the job's message."""

    def repeated(self, place: Place, last: Place) -> Place:
        """Where an order is answered that repeats the photo of an earlier one: what belongs to the photo goes along.

        Raises:
            Refusal: that photo must not be shown here.
        """
        return place


class Platform(Chat, Protocol):
    """A chat that runs elsewhere and has to be connected to."""

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """By path, where the platform posts to us. It proves itself."""
        return {}

    async def tell(self, user: str, text: str) -> None:
        """Write to somebody in private, as soon as the platform is connected.

        Raises:
            Undeliverable: it lets the bot not do so; says what to do.
        """

    async def run(self) -> None:
        """Stay connected until cancelled. Returns where it cannot go on, having logged why: the others continue."""
