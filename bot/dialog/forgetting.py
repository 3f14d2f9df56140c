"""/forgetme: what is kept of a person, and its deletion."""

from __future__ import annotations

from bot.core.journal.rows.forget import Held
from bot.core.messages import Incoming
from bot.core.studio import Studio

NOTHING = "I keep nothing about you."


async def forget(studio: Studio, incoming: Incoming, words: str) -> tuple[str, bool]:
    """Says what is kept; with the word yes, deletes it, and says what it was.

    Returns:
        The sentence; and whether something was deleted.
    """
    if words.strip().lower() != "yes":
        held = await studio.held(incoming)
        if not _is_something(held):
            return NOTHING, False
        return (
            f"I keep {_named(held)} of yours. /forgetme yes deletes it for good, and cancels what waits.",
            False,
        )
    before, left = await studio.forget(incoming)
    text = f"Deleted for good: {_named(before)}." if _is_something(before) else NOTHING
    if left.unfinished:
        text += f" {_count(left.unfinished, 'more picture')} still on the way: write it again afterwards."
    elif not before.messages:
        text += " The messages in this chat are not mine to delete."
    return text, True


def _is_something(held: Held) -> bool:
    """Whether anything is kept, but for the line that asks."""
    return bool(held.orders or held.size or held.messages > 1)


def _named(held: Held) -> str:
    parts = [f"{_count(held.orders, 'order')} with photos and pictures"]
    if held.messages:
        parts.append(_count(held.messages, "message"))
    return f"{' and '.join(parts)}, {held.size / 2**20:.3g} MB in all"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
