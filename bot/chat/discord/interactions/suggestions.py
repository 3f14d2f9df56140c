"""What may follow an answer, or have been meant, as buttons for one person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
import msgspec
from discord import ui

from bot.chat.discord.attachments import NONE, Pictures
from bot.chat.discord.interactions.reply import cut
from bot.chat.discord.places import user_of
from bot.core.errors import LimitReached, NotOwner
from bot.core.messages import Choice, Line, Reply, Text

BUTTONS, LABEL = 5, 80  # of a row; characters of one


class SuggestionsState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="suggestions"):
    """What the buttons are about, and which were pressed; the journal keeps it."""

    user: str
    lines: tuple[Line, ...]
    pictures: Pictures = NONE
    ordered: frozenset[int] = frozenset()  # by the lines' places


# Acknowledges the press and does what the line says, of these pictures; whether it was an order that was taken.
Follow = Callable[[discord.Interaction[Any], Line, Pictures], Awaitable[bool]]
Keep = Callable[[str, SuggestionsState], Awaitable[None]]


def lines_of(reply: Reply) -> tuple[Line, ...]:
    """As many as there is room for of what an answer suggests."""
    if isinstance(reply, Choice):
        return tuple(Line(reply.line(style), style, "same") for style in reply.suggestions[:BUTTONS])
    return reply.lines[:BUTTONS] if isinstance(reply, Text) else ()


class Suggestions:
    """Buttons whose custom ids begin with ``menu:`` and their key.

    Args:
        keep: has the journal keep a new state.
    """

    def __init__(self, key: str, state: SuggestionsState, follow: Follow, keep: Keep) -> None:
        self.key = key
        self._state = state
        self._follow = follow
        self._keep = keep

    @property
    def view(self) -> ui.View:
        view = ui.View(timeout=None)
        for number, line in enumerate(self._state.lines):
            view.add_item(ui.Button(label=cut(line.label, LABEL), custom_id=f"menu:{self.key}:{number}"))
        view.stop()  # presses come to `Client.on_interaction`
        return view

    async def press(self, interaction: discord.Interaction[Any], part: str) -> None:
        state, number = self._state, int(part)
        if user_of(interaction) != state.user:
            raise NotOwner("This is for the person who asked. /stylize is for everybody.")
        line = state.lines[number]
        if line.picture == "none":  # so it may be pressed again and again
            await self._follow(interaction, line, state.pictures)
            return
        if number in state.ordered:
            raise LimitReached("That is ordered already.")
        self._mark(number, ordered=True)  # at once, for a second press comes while the first is answered
        taken = False
        try:
            taken = await self._follow(interaction, line, state.pictures)
        finally:
            if taken:
                await self._keep(self.key, self._state)
            else:
                self._mark(number, ordered=False)

    def _mark(self, number: int, *, ordered: bool) -> None:
        marked = self._state.ordered | {number} if ordered else self._state.ordered - {number}
        self._state = msgspec.structs.replace(self._state, ordered=marked)
