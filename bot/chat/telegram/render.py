"""What Telegram shows: captions with their entities, and keyboards."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.core.jobs import Job
from bot.core.messages import Result
from bot.dialog.buttons import Action, buttons

CAPTION = 1024  # UTF-16 units, as Telegram counts
MESSAGE = 4096
ALERT = 200
PER_ROW = 3
ACT = "a"  # what callback data begins with: a button under a picture
CHOOSE, PAGE, KINDS, NEXT = "s", "g", "k", "n"  # or one under a choice
DATA = 64  # bytes
SIGNS = {
    Action.AGAIN: "↻",
    Action.STRONGER: "＋",
    Action.SOFTER: "－",
    Action.COLORS: "🎨",
    Action.FINER: "✨",
    Action.ORIGINAL: "📄",
    Action.DELETE: "🗑",
}


def length(text: str) -> int:
    """As Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, most: int) -> str:
    """The text, ended with … where it is longer than ``most``."""
    if length(text) <= most:
        return text
    while length(text) > most - 1:
        text = text[: max(0, len(text) - max(1, (length(text) - most + 1) // 2))]
    return text.rstrip() + "…"


def caption(result: Result) -> tuple[str, list[MessageEntity]]:
    """Title and artist, the recipe line in monospace, the time, and what else is said, as far as there is room.

    The line is what makes the picture again, so it is never cut.
    """
    line, time = result.line, f"{result.seconds:.0f} s" if result.seconds >= 1 else "less than 1 s"
    credit = cut(result.credit, max(1, CAPTION - length(f"\n{line}\n{time}")))
    if length(f"{line}\n{time}") > CAPTION - 2:
        credit, time, line = "", "", cut(line, CAPTION)
    text = "\n".join(part for part in (credit, line, time) if part)
    for note in result.notes:
        if length(f"{text}\n{note}") <= CAPTION:
            text = f"{text}\n{note}"
    start = length(f"{credit}\n") if credit else 0
    return text, [MessageEntity(MessageEntity.CODE, start, length(line))]


def actions(job: Job) -> InlineKeyboardMarkup:
    """The buttons under a picture."""
    row = [InlineKeyboardButton(button.label, callback_data=f"{ACT}:{button.data}") for button in buttons(job)]
    return _rows(row, PER_ROW)


def album_actions(jobs: Sequence[Job]) -> InlineKeyboardMarkup:
    """A row for every picture of an album, which itself can have no buttons."""
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(
                    f"{number} {SIGNS[button.action]}" if not place else SIGNS[button.action],
                    callback_data=f"{ACT}:{button.data}",
                )
                for place, button in enumerate(buttons(job))
            ]
            for number, job in enumerate(jobs, 1)
        ]
    )


class Choice(msgspec.Struct, frozen=True):
    """What a button under a choice says when it is pressed."""

    ask: str  # where what was offered is kept
    index: int = 0
    page: int = 0
    kind: str = ""

    def data(self, what: str, **changes: str | int) -> str:
        said = msgspec.structs.replace(self, **changes)
        return f"{what}:{said.ask}:{said.index}:{said.page}:{said.kind}"

    @classmethod
    def read(cls, data: str) -> Choice | None:
        """None where it is no such button."""
        found = re.fullmatch(r"([\w-]+):(\d{1,4})(?::(\d{1,4}):(.*))?", data)
        return cls(found[1], int(found[2]), int(found[3] or 0), found[4] or "") if found else None


def choices(ask: str, labels: Sequence[str]) -> InlineKeyboardMarkup:
    """A button for every label; ``ask`` is where what they mean is kept."""
    choice = Choice(ask)
    row = [_button(cut(text, 60), choice.data(CHOOSE, index=at)) for at, text in enumerate(labels)]
    return _rows(row, 2)


def page_of(choice: Choice, styles: Sequence[tuple[str, int]], pages: int, *, any_kinds: bool) -> InlineKeyboardMarkup:
    """The names of a sheet as they stand in it, and below them the way to the other sheets."""
    rows = _rows([_button(name, choice.data(CHOOSE, index=index)) for name, index in styles], PER_ROW).inline_keyboard
    ways = []
    if pages > 1:
        ways.append(_button("◀", choice.data(PAGE, page=(choice.page - 1) % pages)))
    if choice.kind:
        ways.append(_button("All styles", choice.data(PAGE, page=0, kind="")))
    elif any_kinds:
        ways.append(_button("Kinds", choice.data(KINDS)))
    if pages > 1:
        ways.append(_button("▶", choice.data(PAGE, page=(choice.page + 1) % pages)))
    return InlineKeyboardMarkup([*rows, ways] if ways else rows)


def kinds(choice: Choice, counts: Mapping[str, int]) -> InlineKeyboardMarkup:
    """A button for every kind of styles, as far as Telegram can carry its name."""
    names = {name: choice.data(PAGE, page=0, kind=name) for name in counts}
    fit = [(name, data) for name, data in names.items() if len(data.encode()) <= DATA]
    rows = _rows([_button(f"{name} {counts[name]}", data) for name, data in fit], PER_ROW).inline_keyboard
    return InlineKeyboardMarkup([*rows, [_button("All styles", choice.data(PAGE, page=0, kind=""))]])


def closer(choice: Choice, *, back: bool, next_photo: bool) -> InlineKeyboardMarkup | None:
    """What can be done with a style that is seen closer."""
    row = [_button("◀ Back", choice.data(PAGE))] if back else []
    if next_photo:
        row.append(_button("For my next photo", choice.data(NEXT)))
    return InlineKeyboardMarkup([row]) if row else None


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)


def _rows(row: list[InlineKeyboardButton], count: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([row[at : at + count] for at in range(0, len(row), count)])
