"""The gallery as a menu of contact sheets, for one person: to look at, or to choose a style for a photo from."""

from __future__ import annotations

import io
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui
from discord.utils import escape_markdown

from bot.chat.discord.interaction_reply import InteractionReply
from bot.core.messages import Reply
from bot.dialog.gallery import PER_SHEET, Sheets, kinds, pages
from bot.engine_process import thumbnails
from engine.gallery import Gallery, Style
from engine.recipe import MODES

OPTIONS = 25  # of a select menu, as Discord has it
ALT = 1024  # characters
PICTURE_BYTES = 8 * 2**20
SECONDS = 14 * 60.0  # the token of the message lasts for 15 minutes
STRENGTHS = (20, 40, 60, 80, 100)
OUTDATED = "This menu is too old for me. Open a new one: right-click the photo, Apps, Stylize; or write /styles."

BUSY = "One moment…"

Choose = Callable[[InteractionReply, str], Awaitable[str]]
Look = Callable[[str], Awaitable[Reply]]


class GalleryView(ui.LayoutView):
    """Pages of the gallery, each a picture of its styles; or one style seen closer. `draw` before it is shown.

    Args:
        look: what /styles answers to a word; a single style comes with all that is known of it.
        choose: called with the acknowledged press and the recipe's words; says what became of it. None only shows.
        open_menus: by their keys, so that the client can tell a live menu's buttons from those of an old one.
        user: whom it is for; others are told so.
        style: what is chosen already, as in a recipe.
        settings: what was said besides the style; what is chosen here takes its place.
    """

    def __init__(
        self,
        gallery: Gallery,
        sheets: Sheets,
        look: Look,
        open_menus: dict[str, GalleryView],
        choose: Choose | None = None,
        *,
        user: int,
        style: str = "",
        settings: str = "",
    ) -> None:
        super().__init__(timeout=SECONDS)
        self.key = secrets.token_hex(4)
        self.done = ""
        self._gallery = gallery
        self._sheets = sheets
        self._look = look
        self._open = open_menus
        self._choose = choose
        self._user = user
        self._styles = list(gallery)
        self._says = ""  # of what was looked for
        self._kind = ""
        self._page = 0
        self._closer = ""  # the style that is seen closer
        self._style = style  # chosen so far, as in a recipe
        self._settings = {name.lower(): value for name, _, value in (w.partition("=") for w in settings.split())}
        self._strength = ""
        self._mode = ""
        open_menus[self.key] = self

    async def on_timeout(self) -> None:
        self._open.pop(self.key, None)

    async def interaction_check(self, interaction: discord.Interaction) -> bool:
        if interaction.user.id == self._user:
            return True
        await interaction.response.send_message("This menu is for who asked. /styles opens your own.", ephemeral=True)
        return False

    # --- what it shows -----------------------------------------------------------------------------------------------

    def found(self) -> list[Style]:
        return [style for style in self._styles if not self._kind or self._kind in style.tags]

    def page(self) -> list[Style]:
        return self.found()[self._page * PER_SHEET : (self._page + 1) * PER_SHEET]

    def show(self, reply: Reply) -> None:
        """Show the styles of an answer of /styles, and what it says of them."""
        self._styles = [self._gallery[card.name] for card in reply.cards]
        self._says, self._kind, self._page, self._closer = reply.text.partition("\n")[0], "", 0, ""
        if len(self._styles) == 1:
            name = self._styles[0].name
            if self._choose:
                self._style = name
            else:
                self._closer, self._says = name, reply.text

    async def draw(self) -> list[discord.File]:
        """Make the components anew; returns the files that belong to them.

        All that must be waited for is waited for first: two clicks at once must not mix their components.
        """
        if self.done:
            self.clear_items()
            self.add_item(ui.TextDisplay(self.done))
            return []
        return await (self._draw_closer(self._gallery[self._closer]) if self._closer else self._draw_page())

    async def _draw_closer(self, style: Style) -> list[discord.File]:
        picture = await thumbnails.preview(style, PICTURE_BYTES)
        self.clear_items()
        files = self._picture(picture, f"{style.name}.jpg", style.credit)
        self.add_item(ui.TextDisplay(escape_markdown(self._says)))
        row: ui.ActionRow[GalleryView] = ui.ActionRow()
        row.add_item(self._button("All styles", "all", self._all))
        self.add_item(row)
        return files

    async def _draw_page(self) -> list[discord.File]:
        page = self.page()
        sheet = await self._sheets.of(page) if page else None
        self.clear_items()
        styles = self.found()
        count = max(1, len(pages(styles)))
        what = "Which style shall it be? " if self._choose else ""
        says = self._says or f"{len(styles)} styles."
        where = f" Page {self._page + 1} of {count}." if count > 1 else ""
        chosen = f" Chosen: **{escape_markdown(self._style)}**." if self._style else ""
        settings = f" With {escape_markdown(_words(self._settings))}." if self._settings else ""
        self.add_item(ui.TextDisplay(what + escape_markdown(says) + where + chosen + settings))
        alt = ", ".join(f"{style.name}: {style.credit}" for style in page)
        files = self._picture(sheet, f"styles-{self._page + 1}.jpg", alt)
        if page and not files:
            self.add_item(
                ui.TextDisplay("\n".join(f"`{style.name}` {escape_markdown(style.credit)}" for style in page))
            )
        self._add_choices(page)
        row: ui.ActionRow[GalleryView] = ui.ActionRow()
        row.add_item(self._button("Search", "search", self._ask))
        row.add_item(self._button("◀", "back", self._back, disabled=self._page == 0))
        row.add_item(self._button("▶", "next", self._next, disabled=self._page + 1 >= count))
        if self._choose:
            primary = discord.ButtonStyle.primary
            row.add_item(self._button("Paint", "paint", self._paint, disabled=not self._style, style=primary))
        self.add_item(row)
        return files

    def _picture(self, data: bytes | None, name: str, alt: str) -> list[discord.File]:
        """Add a picture, as far as there is one; returns its file."""
        if data is None:
            return []
        alt = alt if len(alt) <= ALT else alt[: ALT - 1] + "…"
        self.add_item(ui.MediaGallery(discord.MediaGalleryItem(f"attachment://{name}", description=alt)))
        return [discord.File(io.BytesIO(data), name, description=alt)]

    def _add_choices(self, page: list[Style]) -> None:
        if page:
            options = {style.name: style.credit for style in page}
            look = "Choose a style" if self._choose else "See one closer"
            self._select("style" if self._choose else "closer", look, options, self._style, described=True)
        counts = kinds(list(self._gallery), OPTIONS - 1)
        if counts:
            every = {"": "All kinds"} | {kind: f"{kind} ({count})" for kind, count in counts.items()}
            self._select("kind", "All kinds", every, self._kind)
        if self._choose:
            usual = {"strength": "the style's own", "mode": "the usual one"} | self._settings
            strengths = {"": f"Strength: {usual['strength']}"} | {str(n): f"Strength {n}" for n in STRENGTHS}
            self._select("strength", "Strength", strengths, self._strength)
            modes = {"": f"Mode: {usual['mode']}"} | {mode: f"Mode {mode}" for mode in MODES}
            self._select("mode", "Mode", modes, self._mode)

    def _select(
        self, name: str, placeholder: str, options: Mapping[str, str], chosen: str, *, described: bool = False
    ) -> None:
        """A select menu for the attribute of this name; Discord takes no empty values, so that one is ``-``.

        Args:
            options: what each value is shown as; where they are ``described``, that stands below the value itself.
        """
        select: ui.Select[GalleryView] = ui.Select(
            custom_id=f"menu:{self.key}:{name}",
            placeholder=placeholder,
            options=[
                discord.SelectOption(
                    label=value if described else label[:100],
                    value=value or "-",
                    description=label[:100] if described else None,
                    default=value == chosen,
                )
                for value, label in options.items()
            ],
        )

        async def chosen_now(interaction: discord.Interaction) -> None:
            await interaction.response.defer()
            value = "" if select.values[0] == "-" else select.values[0]
            if name == "closer":
                self._says = (await self._look(value)).text
            setattr(self, f"_{name}", value)
            if name == "kind":
                self._page = 0
            await self.redraw(interaction)

        select.callback = chosen_now  # type: ignore[method-assign]
        self.add_item(ui.ActionRow(select))

    def _button(
        self,
        label: str,
        name: str,
        callback: Any,
        *,
        disabled: bool = False,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> ui.Button[GalleryView]:
        button: ui.Button[GalleryView] = ui.Button(
            label=label, custom_id=f"menu:{self.key}:{name}", disabled=disabled, style=style
        )
        button.callback = callback  # type: ignore[method-assign]
        return button

    # --- what is done with it ----------------------------------------------------------------------------------------

    async def redraw(self, interaction: discord.Interaction) -> None:
        if not interaction.response.is_done():
            await interaction.response.defer()
        files = await self.draw()
        await interaction.edit_original_response(view=self, attachments=files)

    async def _all(self, interaction: discord.Interaction) -> None:
        self._styles, self._closer, self._says = list(self._gallery), "", ""
        await self.redraw(interaction)

    async def _back(self, interaction: discord.Interaction) -> None:
        self._page = max(0, self._page - 1)
        await self.redraw(interaction)

    async def _next(self, interaction: discord.Interaction) -> None:
        self._page = min(self._page + 1, len(pages(self.found())) - 1)
        await self.redraw(interaction)

    async def _ask(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Search(self))

    async def search(self, interaction: discord.Interaction, word: str) -> None:
        await interaction.response.defer()
        self.show(await self._look(word.strip()))
        await self.redraw(interaction)

    async def _paint(self, interaction: discord.Interaction) -> None:
        turn = InteractionReply(interaction)
        if not await turn.acknowledge("quiet") or self.done == BUSY:  # a double click: the first one is on its way
            return
        if self.done:  # only that could not be shown
            await self.redraw(interaction)
            return
        self.done = BUSY
        assert self._choose
        self.done = await self._choose(turn, self._recipe())
        if turn.late:
            await turn.say(self.done)
            return
        await self.redraw(interaction)
        self.stop()
        self._open.pop(self.key, None)

    def _recipe(self) -> str:
        """The words of the recipe that was chosen."""
        chosen = {"strength": self._strength, "mode": self._mode}
        now = {name: value for name, value in chosen.items() if value}
        kept = {name: value for name, value in self._settings.items() if name != "ratio" or not self._strength}
        return f"{self._style} {_words(kept | now)}".strip()

    async def on_error(self, interaction: discord.Interaction, error: Exception, item: ui.Item[Any]) -> None:
        await interaction.client.tree.on_error(interaction, error)  # type: ignore[attr-defined]


def _words(settings: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


class Search(ui.Modal):
    """Asks for a word."""

    word: ui.TextInput[Search] = ui.TextInput(label="Name, artist or kind", max_length=60, required=False)

    def __init__(self, menu: GalleryView) -> None:
        super().__init__(title="Look for a style", custom_id=f"menu:{menu.key}:modal", timeout=SECONDS)
        self._menu = menu

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._menu.search(interaction, self.word.value)

    async def on_error(self, interaction: discord.Interaction, error: Exception) -> None:  # type: ignore[override]
        await interaction.client.tree.on_error(interaction, error)  # type: ignore[attr-defined]
