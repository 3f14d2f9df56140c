"""What Telegram shows: captions with their entities, and keyboards."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from bot.core.messages import Line, Result
from bot.dialog.buttons import Action, Button, job_id
from bot.dialog.gallery import PER_SHEET, GalleryPage, GalleryView
from bot.dialog.sheets import Pick

CAPTION = 1024  # UTF-16 units, as Telegram counts
MESSAGE = 4096
ALERT = 200
PER_ROW = 3
# The buttons under a picture: what belongs together in a row, wide enough for a thumb, and what deletes in the last.
ROWS = (
    (Action.AGAIN, Action.VARIATIONS),
    (Action.STRONGER, Action.SOFTER, Action.COLORS),
    (Action.FINER, Action.STEPS, Action.LARGER),
    (Action.EXPLAIN, Action.FILM),
    (Action.ORIGINAL, Action.DELETE),
)
MOST_BUTTONS = 100  # of one keyboard
FEW_PICKS = 6  # pictures of a sheet that are named on their buttons
PICK_ROWS = range(8, 4, -1)  # numbers in a row, of which the one is taken that leaves the fewest gaps
JOB = "a"  # what callback data begins with: a button under a picture
CHOOSE, PAGE, TAGS, NEXT = "s", "g", "k", "n"  # or one under a choice
DATA = 64  # bytes
NOT_IN_ALBUMS = (Action.VARIATIONS, Action.EXPLAIN, Action.FILM)  # a row takes eight buttons
SIGNS = {
    Action.AGAIN: "↻",
    Action.VARIATIONS: "🎲",
    Action.STRONGER: "＋",
    Action.SOFTER: "－",
    Action.COLORS: "🎨",
    Action.FINER: "✨",
    Action.STEPS: "💯",
    Action.LARGER: "⤢",
    Action.EXPLAIN: "🔬",
    Action.FILM: "🎬",
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


def caption(result: Result, notes: Sequence[str]) -> tuple[str, list[MessageEntity]]:
    """Title and artist, the recipe line in monospace, the time, and the notes as far as there is room.

    The line is what makes the picture again, so it is never cut.
    """
    line, time = result.line, f"{result.seconds:.0f} s" if result.seconds >= 1 else "less than 1 s"
    credit = cut(result.credit, max(1, CAPTION - length(f"\n{line}\n{time}")))
    if length(f"{line}\n{time}") > CAPTION - 2:
        credit, time, line = "", "", cut(line, CAPTION)
    text = "\n".join(part for part in (credit, line, time) if part)
    for note in notes:
        if length(f"{text}\n{note}") <= CAPTION:
            text = f"{text}\n{note}"
    start = length(f"{credit}\n") if credit else 0
    return text, [MessageEntity(MessageEntity.CODE, start, length(line))]


def job_buttons(buttons: Sequence[Button], picks: Sequence[Pick] = ()) -> InlineKeyboardMarkup:
    """The buttons under a picture; under a sheet first those that choose one of its pictures.

    Many are numbers as the sheet shows them, in rows that a thumb reaches at once; few have their names.
    """
    picks = picks[: MOST_BUTTONS - len(buttons)]
    few = len(picks) <= FEW_PICKS
    chosen = [_button(f"{p.number} {p.label}" if few else str(p.number), f"{JOB}:{p.data}") for p in picks]
    others = [
        [_button(button.label, f"{JOB}:{button.data}") for button in buttons if button.action in row] for row in ROWS
    ]
    wide = 2 if few else min(PICK_ROWS, key=lambda wide: -len(picks) % wide)
    rows = (*_rows(chosen, wide).inline_keyboard, *filter(None, others))
    return InlineKeyboardMarkup(rows)


def job_under(keyboard: InlineKeyboardMarkup | None) -> str:
    """The job to whose picture a keyboard belongs; nothing where it is none of those above."""
    data = str(keyboard.inline_keyboard[0][0].callback_data) if keyboard and keyboard.inline_keyboard else ""
    kind, _, button = data.partition(":")
    return job_id(button) if kind == JOB else ""


def album_buttons(pictures: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup:
    """A row with the buttons of every picture of an album, which itself can have none."""
    rows = []
    for number, every in enumerate(pictures, 1):
        buttons = [button for button in every if button.action not in NOT_IN_ALBUMS]
        row = [_button(SIGNS[button.action], f"{JOB}:{button.data}") for button in buttons]
        rows.append([_button(f"{number} {row[0].text}", str(row[0].callback_data)), *row[1:]])
    return InlineKeyboardMarkup(rows)


class ChoiceButton(msgspec.Struct, frozen=True):
    """What a button under a choice carries: which view of the styles it is under, and which of them it names."""

    offer: str  # where what was offered is kept
    index: int = 0
    page: int = 0
    tag: str = ""

    def data(self, kind: str, **changes: str | int) -> str:
        changed = msgspec.structs.replace(self, **changes)
        return f"{kind}:{changed.offer}:{changed.index}:{changed.page}:{changed.tag}"

    @classmethod
    def read(cls, data: str) -> ChoiceButton | None:
        """None where the data is not of such a button."""
        found = re.fullmatch(r"([\w-]+):(\d{1,4})(?::(\d{1,4}):(.*))?", data)
        return cls(found[1], int(found[2]), int(found[3] or 0), found[4] or "") if found else None


def suggestions(offer: str, labels: Sequence[str]) -> InlineKeyboardMarkup:
    """A button for every label; ``offer`` is where what they mean is kept."""
    button = ChoiceButton(offer)
    return _rows([_button(cut(text, 60), button.data(CHOOSE, index=at)) for at, text in enumerate(labels)], 2)


def line_buttons(offer: str, lines: Sequence[Line]) -> InlineKeyboardMarkup:
    """A button for every line that may follow an answer; ``offer`` is where they are kept."""
    button, kinds = ChoiceButton(offer), {"same": CHOOSE, "next": NEXT, "none": NEXT}
    row = [_button(line.label, button.data(kinds[line.picture], index=at)) for at, line in enumerate(lines)]
    return _rows(row, 2)


def gallery_page(button: ChoiceButton, view: GalleryView, page: GalleryPage) -> InlineKeyboardMarkup:
    """The names of a sheet as they stand in it, and below them the way to the other sheets."""
    button = msgspec.structs.replace(button, page=page.number)
    names = [_button(style.name, button.data(CHOOSE, index=view.styles.index(style.name))) for style in page.styles]
    ways = []
    if view.tag:
        ways.append(_button("All styles", button.data(PAGE, page=0, tag="")))
    elif page.found > PER_SHEET:
        ways.append(_button("Kinds", button.data(TAGS)))
    if page.of > 1:
        ways.insert(0, _button("◀", button.data(PAGE, page=(page.number - 1) % page.of)))
        ways.append(_button("▶", button.data(PAGE, page=(page.number + 1) % page.of)))
    rows = _rows(names, PER_ROW).inline_keyboard
    return InlineKeyboardMarkup([*rows, ways] if ways else rows)


def gallery_tags(button: ChoiceButton, page: GalleryPage) -> InlineKeyboardMarkup:
    """A button for every tag, as far as Telegram can carry its name."""
    named = [_button(f"{tag} {count}", button.data(PAGE, page=0, tag=tag)) for tag, count in page.tags.items()]
    fit = [tag for tag in named if len(str(tag.callback_data).encode()) <= DATA]
    every = _button("All styles", button.data(PAGE, page=0, tag=""))
    return InlineKeyboardMarkup([*_rows(fit, PER_ROW).inline_keyboard, [every]])


def one_style(button: ChoiceButton, *, back: bool, next_photo: bool) -> InlineKeyboardMarkup | None:
    """What can be done with a style that is seen closer."""
    row = [_button("◀ Back", button.data(PAGE))] if back else []
    if next_photo:
        row.append(_button("For my next photo", button.data(NEXT)))
    return InlineKeyboardMarkup([row]) if row else None


def _button(label: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data)


def _rows(row: list[InlineKeyboardButton], count: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([row[at : at + count] for at in range(0, len(row), count)])
