"""What the API takes and gives, as the server, its description and our own client have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bot.core.jobs import State

PREFIX = "/api/v1"
LINE_LENGTH = 2000  # characters
KEY_LENGTH = 200

Format = Literal["png", "jpeg", "webp", "gif", "apng", "mp4"]
Stage = Literal["waiting", "painting", "finished", "failed", "cancelled"]
STAGES: Mapping[State, Stage] = {
    State.QUEUED: "waiting",
    State.PAINTING: "painting",
    State.PAINTED: "finished",
    State.DELIVERED: "finished",
    State.FAILED: "failed",
    State.NOTIFIED: "failed",
    State.LOST: "failed",
    State.CANCELLED: "cancelled",
}
ENDED: tuple[Stage, ...] = ("finished", "failed", "cancelled")


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture to be painted."""

    recipe: Annotated[
        str,
        Meta(
            description="The recipe line, such as “starrynight size=512”, or a command of the laboratory.",
            examples=["starrynight strength=80 size=512"],
            min_length=1,
            max_length=LINE_LENGTH,
        ),
    ]
    photo: Annotated[bytes | None, Meta(description="The image file; some recipes take none.")] = None
    style: Annotated[bytes | None, Meta(description="The image file that the style “mine” names.")] = None
    format: Annotated[
        Format | None,
        Meta(description="Which file the picture is; without it PNG, or for what moves the format that it came in."),
    ] = None


class Verification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was painted here or elsewhere, to be held against what its recipe makes of its photo."""

    picture: Annotated[bytes, Meta(description="The image file, as it was fetched or shown.")]
    photo: Annotated[bytes | None, Meta(description="That it was painted from; some recipes take none.")] = None
    style: Annotated[bytes | None, Meta(description="The image file that the style “mine” names.")] = None
    recipe: Annotated[
        Annotated[str, Meta(max_length=LINE_LENGTH)] | None,
        Meta(description="Its recipe line; without it, the one that stands in the picture."),
    ] = None


class Links(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"self_": "self"}):
    """Where to go on from a picture; addresses on the same server."""

    self_: Annotated[str, Meta(description="GET: how it stands. DELETE: cancel it, or delete it.")]
    events: Annotated[str, Meta(description="GET: how it stands, whenever that changes, as server-sent events.")]
    preview: Annotated[str | None, Meta(description="GET: how it looks so far, JPEG.")] = None
    result: Annotated[str | None, Meta(description="GET: the finished picture.")] = None


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An order and what has become of it."""

    id: Annotated[str, Meta(description="Who knows it may see and delete the picture: keep it to yourself.")]
    state: Stage
    text: Annotated[str, Meta(description="How it stands, for people; of a failed one, why.")]
    done: Annotated[float, Meta(description="Share of the work, 0 to 1.")]
    place: Annotated[int | None, Meta(description="Which in the line it is, while it waits; 1 is the next.")]
    line: Annotated[str, Meta(description="The recipe line, defaults filled in; it makes the same picture again.")]
    credit: Annotated[str, Meta(description="Title, artist and year of the style or styles.")]
    file: Annotated[str, Meta(description="A name to save it under.")]
    media_type: Annotated[str | None, Meta(description="Of the picture, once it is finished.")]
    width: Annotated[int | None, Meta(description="Pixels, once it is finished.")]
    height: Annotated[int | None, Meta(description="Pixels, once it is finished.")]
    seconds: Annotated[float | None, Meta(description="That painting took, once it is finished.")]
    notes: Annotated[tuple[str, ...], Meta(description="What there is to know of the picture, in sentences.")]
    same: Annotated[
        bool | None,
        Meta(
            description="Of a verification, once it is finished: whether the picture that was sent is this one, to the"
            " pixel or to the eye. The first of the notes says how near they are, and where they differ, why."
        ),
    ]
    links: Links


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """A painting of the gallery."""

    name: Annotated[str, Meta(description="As a recipe line has it.")]
    title: str
    artist: str
    year: str
    licence: str
    credit: str
    tags: tuple[str, ...]
    strength: Annotated[int, Meta(description="Of an order that names none.")]
    brush: Annotated[float, Meta(description="Of an order that names none.")]
    fast: Annotated[bool, Meta(description="Whether mode=fast can paint it.")]
    by: Annotated[str, Meta(description="Artist and year.")]
    words: Annotated[str, Meta(description="All that a search may look through: lower case, without accents.")]
    preview: Annotated[str | None, Meta(description="GET: a photo in this style, WebP.")]
    swatch: Annotated[str | None, Meta(description="GET: its brushwork, WebP.")]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer (RFC 9457)."""

    status: int
    title: Annotated[str, Meta(description="The status in words.")]
    detail: Annotated[str, Meta(description="What is wrong and what to do, as a sentence for people.")]
    type: str = "about:blank"
