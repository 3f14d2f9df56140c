"""What the bot says in a group that it has been added to, once."""

from __future__ import annotations

from bot.core.journal.store import Store

KEY = "greeted"  # under which the store keeps that a room was


async def first_words(store: Store, room: str, how: str) -> str:
    """The greeting; nothing where there was one before.

    Args:
        how: how people there order a picture.
    """
    if await store.setting(room, KEY):
        return ""
    await store.set_setting(room, KEY, "yes")
    return f"Hello! I repaint photos in the style of paintings. {how} /styles shows the paintings, /help more."
