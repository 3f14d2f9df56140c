"""What a job's message shows: text, picture, buttons and menus, as Discord has them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import discord
import msgspec
from discord import ui
from discord.utils import escape_markdown

from bot.chat.discord.interactions.reply import TEXT
from bot.chat.discord.places import DiscordAddress
from bot.chat.transport import Content, Ending, Picture, Progress
from bot.core.jobs import Job
from bot.core.messages import Result, Status
from bot.dialog.buttons import Action, Button
from bot.dialog.sheets import Pick

ALT = 1024  # characters
BAR = 12  # characters
OPTIONS, LABEL = 25, 100  # of a select menu; characters of one
PER_ROW = 5  # buttons at most


class Draft(msgspec.Struct, frozen=True):
    """A message to be; its files are created for every attempt, since each uses them up."""

    text: str
    picture: bytes | None = None
    name: str = ""
    alt: str = ""
    spoiler: bool = False
    view: ui.View | None = None
    private: bool = False  # for nobody but who ordered

    def naming(self, job: Job) -> Draft:
        """The same for where nothing else shows who ordered it."""
        asked = DiscordAddress.of(job.place).asked
        if not asked:
            return self
        return msgspec.structs.replace(
            self, text=f"-# <@{asked}> ordered this <t:{job.created:.0f}:t>.\n{self.text}"[:TEXT]
        )

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
    rules = job.recipe.rules
    title = f"**{' + '.join(share.name for share in job.recipe.styles) or rules.alone or rules.title}**\n"
    spoiler = DiscordAddress.of(job.place).spoiler
    match content:
        case Progress(status=status):
            text = f"{title}{_bar(status)}{escape_markdown(status.text)}"
            return Draft(text[:TEXT], status.preview, "preview.jpg", "How far the picture is.", spoiler)
        case Picture(result=result):
            what = "clip" if result.moves else "photo"
            alt = f"{result.credit}." if rules.title else f"A {what} repainted in the style of {result.credit}."
            text = _caption(result, content.notes)
            return Draft(text, content.data, content.file_name, alt, spoiler, _buttons(content.buttons, content.picks))
        case Ending(text=text, refused=refused):
            return Draft(f"{title}{escape_markdown(text)}"[:TEXT], private=refused)


def _selects(picks: Sequence[Pick]) -> Iterator[ui.Select[Any]]:
    """The pictures of a sheet to choose from, in as few menus as hold them, each of about the same length."""
    menus = -(-len(picks) // OPTIONS)
    for at in range(menus):
        part = picks[at * len(picks) // menus : (at + 1) * len(picks) // menus]
        options = [discord.SelectOption(label=f"{p.number} {p.label}"[:LABEL], value=p.data) for p in part]
        which = f"{part[0].number} to {part[-1].number}" if menus > 1 else "one of these"
        placeholder = f"Paint {which} in full" if menus == 1 else f"Paint one in full: {which}"
        yield ui.Select(custom_id=f"pick:{part[0].data}", placeholder=placeholder, options=options)


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


def _buttons(buttons: Sequence[Button], picks: Sequence[Pick]) -> ui.View:
    """Their custom ids say all, so they work after a restart too."""
    view = ui.View(timeout=None)
    even = -(-len(buttons) // -(-len(buttons) // PER_ROW)) if buttons else 1  # so that no row is much shorter
    for index, button in enumerate(buttons):
        danger = button.action is Action.DELETE
        style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.secondary
        row = index // even
        view.add_item(ui.Button(label=button.label, custom_id=f"do:{button.data}", style=style, row=row))
    for select in _selects(picks):
        view.add_item(select)
    view.stop()  # presses come to `Client.on_interaction`
    return view
