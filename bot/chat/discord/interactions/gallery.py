"""The gallery as a menu of contact sheets, for one person: to look at, or to choose a style for a photo from."""

from __future__ import annotations

import io
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import discord
import msgspec
from discord import ui
from discord.utils import escape_markdown

from bot.chat.discord.interactions.reply import InteractionReply, cut
from bot.chat.discord.places import user_of
from bot.chat.discord.transport import ALT
from bot.core.errors import LimitReached, NotOwner
from bot.core.jobs import Job
from bot.core.messages import Choice, Incoming, Line, Reply, Text
from bot.dialog.gallery import GalleryPage, GalleryView, page_of
from bot.dialog.parse import Command, Name
from bot.dialog.services import Services
from bot.engine_process import thumbnails
from engine.gallery import Style
from engine.recipe import MODES

OPTIONS, LABEL = 25, 100  # of a select menu; characters of one
BUTTONS, LABEL_OF_BUTTON = 5, 80  # likewise
NOTHING = "-"  # for Discord takes no empty values
PICTURE_BYTES = 8 * 2**20
STRENGTHS = (20, 40, 60, 80, 100)
SEARCH_SECONDS = 14 * 60.0
BUSY = "One moment…"
EMPTY = GalleryPage((), 0, 1, 0, {})

Paint = Callable[[discord.Interaction[Any], str], Awaitable[Reply]]
Order = Callable[[discord.Interaction[Any], Line], Awaitable[bool]]


class GalleryMenu:
    """A view of the gallery as components, whose custom ids begin with ``menu:`` and its key.

    Args:
        incoming: whom it is for, and where; others are refused.
        paint: acknowledges the press and orders by the recipe's words; returns what became of it. None only shows.
        style: what is chosen already, as in a recipe.
        settings: what was given besides the style; what is chosen here takes its place.
    """

    def __init__(
        self,
        services: Services,
        incoming: Incoming,
        paint: Paint | None,
        *,
        style: str = "",
        settings: str = "",
    ) -> None:
        self.key = secrets.token_hex(4)
        self._gallery, self._sheets, self._commands = services.gallery, services.sheets, services.commands
        self._store = services.store
        self._incoming = msgspec.structs.replace(incoming, photo=None, style=None)  # not kept for as long as the menu
        self._paint = paint
        self._browsing = self._everything = GalleryView(styles=tuple(style.name for style in self._gallery))
        self._style = style  # chosen so far, as in a recipe
        self._settings = {name.lower(): value for name, _, value in (w.partition("=") for w in settings.split())}
        self._chosen: dict[str, str] = {}  # settings that were chosen here
        self._painted: Job | None = None  # the sheet of the person's own photo, once it is painted
        self._outcome = ""  # what became of the order
        self._last: discord.Interaction[Any] | None = None  # the newest interaction that shows this menu

    async def show_look(self, look: Job) -> None:
        """From now on the pictures are those of this sheet, of the person's own photo."""
        if not look.cells:
            return
        self._painted = look
        if self._last is not None and not self._outcome:
            with suppress(discord.HTTPException):  # the menu was closed
                await self.show_in(self._last)

    async def look_for(self, word: str) -> None:
        self.show(await self._look(word))

    async def _look(self, word: str) -> Reply:
        """What /styles answers; for a single style that is all that is known of it."""
        return await self._commands.handle(self._incoming, Command(name=Name.STYLES, words=word))

    def show(self, found: Reply) -> None:
        """Show the styles of an answer of /styles; a single one is chosen, or seen closer."""
        view = GalleryView.of(found) if isinstance(found, Choice) else GalleryView(styles=(), title=found.text)
        if len(view.styles) == 1 and self._paint:
            self._style = view.styles[0]
        elif len(view.styles) == 1:
            view = view.zoomed(view.styles[0])
        self._browsing = view

    # --- what is done with it ----------------------------------------------------------------------------------------

    async def press(self, interaction: discord.Interaction[Any], part: str) -> None:
        if user_of(interaction) != self._incoming.user:
            raise NotOwner("This menu is for the person who opened it. /styles opens your own.")
        match part:
            case "search":
                await interaction.response.send_modal(Search(self))
            case "word":  # the modal has its own handler
                pass
            case "paint":
                await self._order(interaction)
            case _:
                data: Mapping[str, Any] = interaction.data or {}
                self._choose(part, next(iter(data.get("values", ())), NOTHING).removeprefix(NOTHING))
                await interaction.response.defer()
                await self.show_in(interaction)

    def _choose(self, part: str, value: str) -> None:
        match part:
            case "back" | "next":
                self._browsing = self._browsing.turned(1 if part == "next" else -1)
            case "all":
                self._browsing = self._everything
            case "tag":
                self._browsing = self._browsing.tagged(value)
            case "closer":
                self._browsing = self._browsing.zoomed(value)
            case "style":
                self._style = value
            case _:
                self._chosen[part] = value

    async def search(self, interaction: discord.Interaction[Any], word: str) -> None:
        await interaction.response.defer()
        await self.look_for(word.strip())
        await self.show_in(interaction)

    async def _order(self, interaction: discord.Interaction[Any]) -> None:
        reply = InteractionReply(interaction)
        if self._outcome:  # a double click; or it is known, and could not be shown
            await reply.acknowledge("quiet")
            if self._outcome == BUSY:
                return
        else:
            assert self._paint
            self._outcome = BUSY
            self._outcome = (await self._paint(interaction, self._recipe())).text
        if reply.late:
            await reply.say(self._outcome)
        elif not reply.public:
            await self.show_in(interaction)
        elif self._last is not None:  # this interaction's answer is the picture, so an earlier one shows the menu
            with suppress(discord.HTTPException):
                await self.show_in(self._last)

    def _recipe(self) -> str:
        """The words of the recipe that was chosen."""
        chosen = {name: value for name, value in self._chosen.items() if value}
        given = {name: value for name, value in self._settings.items() if name != "ratio" or "strength" not in chosen}
        return f"{self._style} {_words(given | chosen)}".strip()

    # --- what it shows -----------------------------------------------------------------------------------------------

    async def show_in(self, interaction: discord.Interaction[Any]) -> None:
        """Have the message of an acknowledged interaction show it."""
        view, files = await self.draw()
        await interaction.edit_original_response(view=view, attachments=files)
        self._last = interaction

    async def draw(self) -> tuple[ui.LayoutView, list[discord.File]]:
        """The components, and the files that belong to them."""
        view = ui.LayoutView(timeout=None)
        view.stop()  # presses come to `Client.on_interaction`
        if self._outcome:
            view.add_item(ui.TextDisplay(self._outcome))
            return view, []
        return view, await (self._draw_closer(view) if self._browsing.closer else self._draw_page(view))

    async def _draw_closer(self, view: ui.LayoutView) -> list[discord.File]:
        style = self._gallery[self._browsing.closer]
        details = (await self._look(style.name)).text
        files = _add_picture(view, await thumbnails.preview(style, PICTURE_BYTES), f"{style.name}.jpg", style.credit)
        view.add_item(ui.TextDisplay(escape_markdown(details)))
        view.add_item(ui.ActionRow(self._button("All styles", "all")))
        return files

    async def _draw_page(self, view: ui.LayoutView) -> list[discord.File]:
        found = self._browsing.styles
        page = page_of(self._browsing, self._gallery, most_tags=OPTIONS - 1) if found else EMPTY
        sheet = (await self._own(page.styles) or await self._sheets.of(page.styles)) if found else None
        view.add_item(ui.TextDisplay(self._caption(page)))
        alt = ", ".join(f"{style.name}: {style.credit}" for style in page.styles)
        files = _add_picture(view, sheet, f"styles-{page.number + 1}.jpg", alt)
        if found and not files:
            names = "\n".join(f"`{style.name}` {escape_markdown(style.credit)}" for style in page.styles)
            view.add_item(ui.TextDisplay(names))
        for name, placeholder, options in self._selects(page):
            select: ui.Select[Any] = ui.Select(custom_id=self._id(name), placeholder=placeholder, options=options)
            view.add_item(ui.ActionRow(select))
        row: ui.ActionRow[Any] = ui.ActionRow(
            self._button("Search", "search"),
            self._button("◀", "back", disabled=page.number == 0),
            self._button("▶", "next", disabled=page.number + 1 == page.of),
        )
        if self._paint:
            row.add_item(self._button("Paint", "paint", disabled=not self._style, style=discord.ButtonStyle.primary))
        view.add_item(row)
        return files

    async def _own(self, styles: Sequence[Style]) -> bytes | None:
        """These styles on the person's own photo, as far as that is painted and kept."""
        picture = await self._store.result(self._painted.id) if self._painted else None
        if self._painted is None or picture is None:
            return None
        cells = {cell.label: cell for cell in self._painted.cells}
        wanted = [cells[style.name] for style in styles if style.name in cells]
        return await thumbnails.parts(picture, wanted) if len(wanted) == len(styles) else None

    def _caption(self, page: GalleryPage) -> str:
        sentences = [
            "Which style?" if self._paint else "",
            escape_markdown(self._browsing.title or f"{page.found} styles."),
            f"{page.where.capitalize()}." if page.where else "",
            f"Chosen: **{escape_markdown(self._style)}**." if self._style else "",
            f"With {escape_markdown(_words(self._settings))}." if self._settings else "",
        ]
        return " ".join(filter(None, sentences))

    def _selects(self, page: GalleryPage) -> Iterator[tuple[str, str, list[discord.SelectOption]]]:
        """Names, placeholders and options."""
        styles = [
            discord.SelectOption(label=s.name, description=s.credit[:LABEL], default=s.name == self._style)
            for s in page.styles
        ]
        if styles:
            yield ("style", "Choose a style", styles) if self._paint else ("closer", "See one closer", styles)
        if page.tags:
            tags = {tag: f"{tag} ({count})" for tag, count in page.tags.items()}
            yield "tag", "All kinds", _options("All kinds", tags, self._browsing.tag)
        if self._paint:
            usual = {"strength": "the style's own", "mode": "the usual one"} | self._settings
            for name, values in (("strength", map(str, STRENGTHS)), ("mode", MODES)):
                labels = {value: f"{name.capitalize()} {value}" for value in values}
                nothing = f"{name.capitalize()}: {usual[name]}"
                yield name, name.capitalize(), _options(nothing, labels, self._chosen.get(name, ""))

    def _button(self, label: str, name: str, **more: Any) -> ui.Button[Any]:
        return ui.Button(label=label, custom_id=self._id(name), **more)

    def _id(self, name: str) -> str:
        return f"menu:{self.key}:{name}"


class Suggestions:
    """What may follow an answer, or have been meant, as buttons for one person.

    Args:
        order: acknowledges the press and does what the line says; returns whether it was an order that was taken.
    """

    def __init__(self, user: str, lines: Sequence[Line], order: Order) -> None:
        self.key = secrets.token_hex(4)
        self._user = user
        self._lines = lines[:BUTTONS]
        self._order = order
        self._ordered: set[str] = set()

    @classmethod
    def of(cls, user: str, reply: Reply, order: Order) -> Suggestions | None:
        """Those of an answer, if it has some."""
        if isinstance(reply, Choice):
            lines = tuple(Line(reply.line(style), style, "same") for style in reply.suggestions)
        else:
            lines = reply.lines if isinstance(reply, Text) else ()
        return cls(user, lines, order) if lines else None

    @property
    def view(self) -> ui.View:
        view = ui.View(timeout=None)
        for number, line in enumerate(self._lines):
            view.add_item(ui.Button(label=cut(line.label, LABEL_OF_BUTTON), custom_id=f"menu:{self.key}:{number}"))
        view.stop()  # presses come to `Client.on_interaction`
        return view

    async def press(self, interaction: discord.Interaction[Any], part: str) -> None:
        if user_of(interaction) != self._user:
            raise NotOwner("This is for the person who asked. /stylize is for everybody.")
        line = self._lines[int(part)]
        if line.picture == "none":  # so it may be pressed again and again
            await self._order(interaction, line)
            return
        if part in self._ordered:
            raise LimitReached("That is ordered already.")
        self._ordered.add(part)
        taken = False
        try:
            taken = await self._order(interaction, line)
        finally:
            if not taken:
                self._ordered.discard(part)


class Search(ui.Modal):
    """Asks for a word."""

    word: ui.TextInput[Search] = ui.TextInput(label="Name, artist or kind", max_length=60, required=False)

    def __init__(self, menu: GalleryMenu) -> None:
        super().__init__(title="Look for a style", custom_id=f"menu:{menu.key}:word", timeout=SEARCH_SECONDS)
        self._menu = menu

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._menu.search(interaction, self.word.value)

    async def on_error(self, interaction: discord.Interaction, error: Exception) -> None:  # type: ignore[override]
        await InteractionReply(interaction).fail(error)


def _options(nothing: str, labels: Mapping[str, str], chosen: str) -> list[discord.SelectOption]:
    """Options by value, after one for nothing at all."""
    offered = {NOTHING: nothing} | dict(labels)
    return [
        discord.SelectOption(label=label[:LABEL], value=value, default=value == (chosen or NOTHING))
        for value, label in offered.items()
    ]


def _add_picture(view: ui.LayoutView, data: bytes | None, name: str, alt: str) -> list[discord.File]:
    """Add a picture, as far as there is one; returns its file."""
    if data is None:
        return []
    alt = cut(alt, ALT)
    view.add_item(ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{name}", description=alt)))
    return [discord.File(io.BytesIO(data), name, description=alt)]


def _words(settings: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())
