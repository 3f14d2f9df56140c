"""What a room's conversation is made of, as the journal keeps it and the page gets it.

The tags and fields are those of version 0.1.0, which older journals and pages that are still open know.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bot.core.jobs import Address, Job
from bot.core.messages import Card, Line
from bot.dialog.buttons import Action, Button
from bot.dialog.sheets import picks
from engine.wire import PNG


class WebAddress(Address, frozen=True):
    """The pictures of the room that an order is about."""

    photo: str | None = None  # blob
    style: str | None = None  # blob of the picture that is the style

    def with_missing(self, other: WebAddress) -> WebAddress:
        """The same with the other's pictures where it has none."""
        return WebAddress(photo=self.photo or other.photo, style=self.style or other.style)


class Photo(msgspec.Struct, frozen=True, tag="photo"):
    """The person sent a photo. ``id`` is the page's own name for the message, so that it is taken once only."""

    id: str
    photo: str  # blob
    name: str


class Message(msgspec.Struct, frozen=True, tag="said"):
    """The person wrote a line, in reply to a photo or not."""

    id: str
    text: str
    photo: str | None  # blob
    style: str | None = None  # blob of the picture sent along as the style


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What the bot answered at once, to a message or a button."""

    to: str  # id of the message or of the press
    text: str
    photo: str | None = None  # blob, as in the message
    style: str | None = None  # the same
    quiet: bool = False  # nothing that the page needs to show
    refused: bool = False
    cards: tuple[Card, ...] = ()
    lines: tuple[str, ...] = ()  # styles that may have been meant, as messages: each is a button
    more: tuple[Line, ...] = ()  # other messages that may follow, likewise
    job: str | None = None  # the job that was accepted
    title: str = ""  # of the job's style or styles
    sheet_of: str | None = None  # blob of the photo that the job shows in every style, or that the page asked it to
    asked: str = ""  # the line by which the page ordered a sheet for itself

    @property
    def is_hidden(self) -> bool:
        """Whether it is about a sheet that the page ordered for itself."""
        return self.quiet and self.sheet_of is not None


class PageButton(msgspec.Struct, frozen=True):
    """A button below a picture."""

    action: str  # "again", "stronger": how the page draws it
    label: str
    data: str  # what the page sends when it is pressed


class PageCell(msgspec.Struct, frozen=True):
    """A picture of a sheet, which can be chosen."""

    number: int
    label: str
    data: str  # what the page sends when it is pressed
    box: tuple[float, float, float, float]  # as `engine.wire.Cell` has it
    high: float


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """A job's picture."""

    job: str
    picture: str  # blob
    photo: str | None  # blob
    file: str  # name to save it under
    width: int
    height: int
    credit: str
    line: str
    seconds: float
    notes: tuple[str, ...] = ()
    style: str | None = None  # blob
    media_type: str = PNG.media_type
    buttons: tuple[PageButton, ...] | None = None  # None in what version 0.1.0 wrote
    cells: tuple[PageCell, ...] = ()


class Ended(msgspec.Struct, frozen=True, tag="told"):
    """A job will have no picture."""

    job: str
    text: str
    cancelled: bool = False


class Deleted(msgspec.Struct, frozen=True, tag="deleted"):
    """A job was deleted, and what the room had of it."""

    to: str  # id of the press
    job: str
    answered: tuple[str, ...] = ()  # ids whose answers went with it; they are not answered again


class Forgotten(msgspec.Struct, frozen=True, tag="forgotten"):
    """The person had all of the room deleted; a page is to show nothing that came before."""

    to: str  # id of the message
    text: str


Entry = Photo | Message | Answer | Finished | Ended | Deleted | Forgotten
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
encode = msgspec.json.encode
decode = _decoder.decode


def page_buttons(buttons: Iterable[Button]) -> tuple[PageButton, ...]:
    """A picture's buttons, but for the file, to which the page has a link."""
    return tuple(
        PageButton(button.action.name.lower(), button.label, button.data)
        for button in buttons
        if button.action is not Action.ORIGINAL
    )


def page_cells(job: Job) -> tuple[PageCell, ...]:
    """The pictures of a job's sheet."""
    pairs = zip(picks(job), job.cells, strict=True)
    return tuple(PageCell(pick.number, pick.label, pick.data, cell.box, cell.high) for pick, cell in pairs)


def sheet_of(job: Job) -> str | None:
    """The blob of the photo that a job shows in every style as each is by itself."""
    asked = job.requested
    plain = asked is not None and asked.strength is None and asked.brush is None and asked.colors is None
    every = job.recipe.mode == "sheet" and not job.recipe.styles
    return WebAddress.of(job.place).photo if every and plain else None


def pictures_of(job: Job) -> WebAddress:
    """The blobs of a job's photo, where the picture is that photo repainted, and of its style if it is a picture."""
    address, rules = WebAddress.of(job.place), job.recipe.rules
    photo = address.photo if rules.photo and not rules.sheet else None
    if not job.recipe.mine:
        return WebAddress(photo=photo)
    return WebAddress(photo=photo, style=address.style or (None if rules.photo else address.photo))
