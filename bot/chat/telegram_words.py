"""What Telegram shows: captions with their entities, and keyboards."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.actions import Action, buttons
from bot.chat import Result
from bot.jobs import Job

CAPTION = 1024  # UTF-16 units, as Telegram counts
MESSAGE = 4096
ALERT = 200
PER_ROW = 3
ASK, ACT = "s", "a"  # what callback data begins with
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


def choices(ask: str, labels: Sequence[str]) -> InlineKeyboardMarkup:
    """A button for every label; ``ask`` is where what they mean is kept."""
    row = [InlineKeyboardButton(cut(text, 60), callback_data=f"{ASK}:{ask}:{at}") for at, text in enumerate(labels)]
    return _rows(row, 2)


def _rows(row: list[InlineKeyboardButton], count: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([row[at : at + count] for at in range(0, len(row), count)])
