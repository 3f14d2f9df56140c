"""The gallery as a menu of contact sheets, for one person: to look at, or to choose a style for a photo from."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import discord
import msgspec
from discord import ui
from discord.utils import escape_markdown

from bot.chat.discord.attachments import NONE, Pictures
from bot.chat.discord.drafts import ALT, LABEL, OPTIONS
from bot.chat.discord.interactions.reply import InteractionReply, cut
from bot.chat.discord.places import user_of
from bot.core.errors import NotOwner
from bot.core.jobs import Job
from bot.core.messages import Choice, Incoming, Reply
from bot.dialog.gallery import GalleryPage, GalleryView, page_of
from bot.dialog.parse import Command, Name
from bot.dialog.services import Services
from bot.engine_process import thumbnails
from engine.gallery import Gallery, Style
from engine.recipe import MODES

NOTHING = "-"  # for Discord takes no empty values
PICTURE_BYTES = 8 * 2**20
STRENGTHS = (20, 40, 60, 80, 100)
EMPTY = GalleryPage((), 0, 1, 0, {})


class GalleryState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gallery"):
    """What a menu of the gallery is about and what was chosen in it so far; the journal keeps it."""

    incoming: Incoming  # whom it is for, and where; without the bytes of the pictures
    pictures: Pictures = NONE  # those to be painted; without a photo the menu only shows
    more: tuple[Pictures, ...] = ()  # that came with them
    view: GalleryView
    style: str = ""  # as in a recipe
    settings: dict[str, str] = {}  # that were given besides the style; what is chosen here takes their place
    chosen: dict[str, str] = {}
    painted: str = ""  # the job that is the sheet of the person's own photo, once it is painted
    outcome: str = ""  # what became of the order

    @property
    def user(self) -> str:
        return self.incoming.user

    @property
    def paints(self) -> bool:
        """Whether a picture is to be painted, and not only to be looked for."""
        return self.pictures.photo is not None

    @property
    def recipe(self) -> str:
        """The words of the recipe that was chosen."""
        chosen = {name: value for name, value in self.chosen.items() if value}
        given = {name: value for name, value in self.settings.items() if name != "ratio" or "strength" not in chosen}
        return f"{self.style} {_words(given | chosen)}".strip()


# Acknowledges the press and orders what was chosen; returns what became of it, or None where that was said already.
Paint = Callable[[discord.Interaction[Any], GalleryState], Awaitable[Reply | None]]
Keep = Callable[[str, GalleryState], Awaitable[None]]


class GalleryMenu:
    """A view of the gallery as components, whose custom ids begin with ``menu:`` and its key.

    Args:
        keep: has the journal keep a new state.
    """

    def __init__(self, services: Services, key: str, state: GalleryState, paint: Paint, keep: Keep) -> None:
        self.key = key
        self._gallery, self._sheets, self._commands = services.gallery, services.sheets, services.commands
        self._store = services.store
        self._state = state
        self._paint = paint
        self._keep = keep
        self._ordering = False
        self._last: discord.Interaction[Any] | None = None  # the newest interaction that shows this menu

    async def _change(self, **fields: Any) -> None:
        self._state = msgspec.structs.replace(self._state, **fields)
        await self._keep(self.key, self._state)

    async def show_look(self, look: Job) -> None:
        """From now on the pictures are those of this sheet, of the person's own photo."""
        if not look.cells:
            return
        await self._change(painted=look.id)
        if self._last is not None and not self._state.outcome:
            with suppress(discord.HTTPException):  # the menu was closed
                await self.show_in(self._last)

    async def look_for(self, word: str) -> None:
        await self.show(await self._look(word))

    async def _look(self, word: str) -> Reply:
        """What /styles answers; for a single style that is all that is known of it."""
        return await self._commands.handle(self._state.incoming, Command(name=Name.STYLES, words=word))

    async def show(self, found: Reply) -> None:
        """Show the styles of an answer of /styles; a single one is chosen, or seen closer."""
        view = GalleryView.of(found) if isinstance(found, Choice) else GalleryView(styles=(), title=found.text)
        if len(view.styles) != 1:
            await self._change(view=view)
        elif self._state.paints:
            await self._change(view=view, style=view.styles[0])
        else:
            await self._change(view=view.zoomed(view.styles[0]))

    # --- what is done with it ----------------------------------------------------------------------------------------

    async def press(self, interaction: discord.Interaction[Any], part: str) -> None:
        if user_of(interaction) != self._state.user:
            raise NotOwner("This menu is for the person who opened it. /styles opens your own.")
        match part:
            case "search":
                await interaction.response.send_modal(_search(self.key))
            case "paint":
                await self._order(interaction)
            case _:
                await interaction.response.defer()
                if part == "word":
                    await self.look_for(_written(interaction).strip())
                else:
                    await self._choose(part, chosen_in(interaction, NOTHING).removeprefix(NOTHING))
                await self.show_in(interaction)

    async def _choose(self, part: str, value: str) -> None:
        view = self._state.view
        match part:
            case "back" | "next":
                await self._change(view=view.turned(1 if part == "next" else -1))
            case "all":
                await self._change(view=everything(self._gallery))
            case "tag":
                await self._change(view=view.tagged(value))
            case "closer":
                await self._change(view=view.zoomed(value))
            case "style":
                await self._change(style=value)
            case _:
                await self._change(chosen=self._state.chosen | {part: value})

    async def _order(self, interaction: discord.Interaction[Any]) -> None:
        reply = InteractionReply(interaction)
        if self._ordering or self._state.outcome:  # a double click; or it is known, and could not be shown
            await reply.acknowledge("quiet")
        else:
            self._ordering = True
            try:
                if answer := await self._paint(interaction, self._state):
                    await self._change(outcome=answer.text)
            finally:
                self._ordering = False
        if not self._state.outcome:
            return
        if reply.late:
            await reply.say(self._state.outcome)
        elif not reply.public:
            await self.show_in(interaction)
        elif self._last is not None:  # this interaction's answer is the picture, so an earlier one shows the menu
            with suppress(discord.HTTPException):
                await self.show_in(self._last)

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
        if self._state.outcome:
            view.add_item(ui.TextDisplay(self._state.outcome))
            return view, []
        return view, await (self._draw_closer(view) if self._state.view.closer else self._draw_page(view))

    async def _draw_closer(self, view: ui.LayoutView) -> list[discord.File]:
        style = self._gallery[self._state.view.closer]
        details = (await self._look(style.name)).text
        files = _add_picture(view, await thumbnails.preview(style, PICTURE_BYTES), f"{style.name}.jpg", style.credit)
        view.add_item(ui.TextDisplay(escape_markdown(details)))
        view.add_item(ui.ActionRow(self._button("All styles", "all")))
        return files

    async def _draw_page(self, view: ui.LayoutView) -> list[discord.File]:
        found = self._state.view.styles
        page = page_of(self._state.view, self._gallery, most_tags=OPTIONS - 1) if found else EMPTY
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
        if self._state.paints:
            row.add_item(
                self._button("Paint", "paint", disabled=not self._state.style, style=discord.ButtonStyle.primary)
            )
        view.add_item(row)
        return files

    async def _own(self, styles: Sequence[Style]) -> bytes | None:
        """These styles on the person's own photo, as far as that is painted and kept."""
        look = await self._store.job(self._state.painted) if self._state.painted else None
        picture = await self._store.result(look.id) if look else None
        if look is None or picture is None:
            return None
        cells = {cell.label: cell for cell in look.cells}
        wanted = [cells[style.name] for style in styles if style.name in cells]
        return await thumbnails.parts(picture, wanted) if len(wanted) == len(styles) else None

    def _caption(self, page: GalleryPage) -> str:
        state = self._state
        sentences = [
            "Which style?" if state.paints else "",
            escape_markdown(state.view.title or f"{page.found} styles."),
            f"{page.where.capitalize()}." if page.where else "",
            f"Chosen: **{escape_markdown(state.style)}**." if state.style else "",
            f"With {escape_markdown(_words(state.settings))}." if state.settings else "",
        ]
        return " ".join(filter(None, sentences))

    def _selects(self, page: GalleryPage) -> Iterator[tuple[str, str, list[discord.SelectOption]]]:
        """Names, placeholders and options."""
        state = self._state
        styles = [
            discord.SelectOption(label=s.name, description=s.credit[:LABEL], default=s.name == state.style)
            for s in page.styles
        ]
        if styles:
            yield ("style", "Choose a style", styles) if state.paints else ("closer", "See one closer", styles)
        if page.tags:
            tags = {tag: f"{tag} ({count})" for tag, count in page.tags.items()}
            yield "tag", "All kinds", _options("All kinds", tags, state.view.tag)
        if state.paints:
            usual = {"strength": "the style's own", "mode": "the usual one"} | state.settings
            for name, values in (("strength", map(str, STRENGTHS)), ("mode", MODES)):
                labels = {value: f"{name.capitalize()} {value}" for value in values}
                nothing = f"{name.capitalize()}: {usual[name]}"
                yield name, name.capitalize(), _options(nothing, labels, state.chosen.get(name, ""))

    def _button(self, label: str, name: str, **more: Any) -> ui.Button[Any]:
        return ui.Button(label=label, custom_id=self._id(name), **more)

    def _id(self, name: str) -> str:
        return f"menu:{self.key}:{name}"


def everything(gallery: Gallery) -> GalleryView:
    return GalleryView(styles=tuple(style.name for style in gallery))


def chosen_in(interaction: discord.Interaction[Any], otherwise: str) -> str:
    """The one thing that was chosen in a menu, if this was one."""
    data: Mapping[str, Any] = interaction.data or {}
    return str(next(iter(data.get("values", ())), otherwise))


def _search(key: str) -> ui.Modal:
    """Asks for a word."""
    modal = ui.Modal(title="Look for a style", custom_id=f"menu:{key}:word")
    modal.add_item(ui.TextInput(label="Name, artist or kind", max_length=60, required=False))
    modal.stop()  # what is written comes to `Client.on_interaction`
    return modal


def _written(interaction: discord.Interaction[Any]) -> str:
    """What was written into the only field of a modal."""
    data: Mapping[str, Any] = interaction.data or {}
    fields = (field for row in data.get("components", ()) for field in row.get("components", ()))
    return next((str(field.get("value", "")) for field in fields), "")


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
