"""What a job's message shows, as Discord takes it: text, a picture, buttons."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import discord
import msgspec
from discord import ui
from discord.utils import escape_markdown

from bot.chat.discord.address import DiscordAddress
from bot.chat.discord.interaction_reply import TEXT
from bot.chat.messenger import Content, Ending, Picture, Progress
from bot.core.jobs import Job
from bot.core.messages import Result, Status
from bot.dialog.buttons import Action, buttons

ALT = 1024  # characters
BAR = 12  # characters


class Draft(msgspec.Struct, frozen=True):
    """A message to be; its files are made anew for every attempt, for each uses them up."""

    text: str
    picture: bytes | None = None
    name: str = ""
    alt: str = ""
    spoiler: bool = False
    view: ui.View | None = None

    def posted(self) -> dict[str, Any]:
        """The arguments of a new message."""
        return {"content": self.text, "files": self._files()} | ({"view": self.view} if self.view else {})

    def edited(self) -> dict[str, Any]:
        """The arguments of an edit, which replaces all that the message showed."""
        return {"content": self.text, "attachments": self._files(), "view": self.view}

    def _files(self) -> list[discord.File]:
        if self.picture is None:
            return []
        data = io.BytesIO(self.picture)
        return [discord.File(data, self.name, description=self.alt[:ALT], spoiler=self.spoiler)]


def draft_of(job: Job, content: Content) -> Draft:
    title = f"**{' + '.join(share.name for share in job.recipe.styles)}**\n"
    spoiler = DiscordAddress.of(job.place).spoiler
    match content:
        case Progress(status=status):
            text = f"{title}{_bar(status)}{escape_markdown(status.text)}"
            return Draft(text[:TEXT], status.preview, "preview.jpg", "How far the picture is.", spoiler)
        case Picture(result=result):
            alt = f"A photo repainted in the style of {result.credit}."
            text = _caption(result, content.notes)
            return Draft(text, content.data, content.file_name, alt, spoiler, _buttons(job))
        case Ending(text=text):
            return Draft(f"{title}{escape_markdown(text)}"[:TEXT])


def _bar(status: Status) -> str:
    full = round(status.done * BAR)
    return f"{'▰' * full}{'▱' * (BAR - full)} " if status.done else ""


def _caption(result: Result, notes: Sequence[str]) -> str:
    size = f"{result.width} × {result.height}"
    first = f"**{escape_markdown(result.credit)}** · {size} · {result.seconds:.1f} s"
    # The line is what people copy, so it is the last thing to be cut.
    line = f"`{result.line}`"
    text = "\n".join([line, *(f"-# {escape_markdown(note)}" for note in notes)])
    return f"{first[: max(0, TEXT - len(line) - 1)]}\n{text}"[:TEXT]


def _buttons(job: Job) -> ui.View:
    """Their custom ids say all, so they work after a restart too."""
    view = ui.View(timeout=None)
    for button in buttons(job):
        danger = button.action is Action.DELETE
        style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
        view.add_item(ui.Button(label=button.label, custom_id=f"do:{button.data}", style=style))
    view.stop()  # presses come to `Client.on_interaction`
    return view
