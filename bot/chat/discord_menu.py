"""The gallery as a menu with pictures, for one person: to look at, or to choose a style for a photo from."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui
from discord.utils import escape_markdown

from engine.gallery import Gallery, Style, key
from engine.recipe import MODES

SHOWN = 5  # pictures on a page
OPTIONS = 25  # of a select menu, as Discord has it
SECONDS = 14 * 60.0  # the token of the message lasts for 15 minutes
STRENGTHS = (20, 40, 60, 80, 100)
OUTDATED = "This menu is too old for me. Open a new one: right-click the photo, Apps, Stylize; or write /styles."

Choose = Callable[[discord.Interaction, str], Awaitable[str]]


class Menu(ui.LayoutView):
    """Pages of the gallery, each style with its picture.

    Args:
        choose: called with the interaction and the recipe's words, once; says what became of it. None only shows.
        open_menus: by their keys, so that the client can tell a live menu's buttons from those of an old one.
    """

    def __init__(
        self, gallery: Gallery, open_menus: dict[str, Menu], choose: Choose | None = None, *, style: str = ""
    ) -> None:
        super().__init__(timeout=SECONDS)
        self.key = secrets.token_hex(4)
        self.done = ""
        self._gallery = gallery
        self._open = open_menus
        self._choose = choose
        self._word = ""
        self._tag = ""
        self._page = 0
        self._style = style  # chosen so far, as in a recipe
        self._strength = ""
        self._mode = ""
        open_menus[self.key] = self
        self.build()

    async def on_timeout(self) -> None:
        self._open.pop(self.key, None)

    # --- what it shows -----------------------------------------------------------------------------------------------

    def found(self) -> list[Style]:
        styles = [style for style in self._gallery if not self._tag or self._tag in style.tags]
        if not self._word:
            return styles
        hits = [s for s in styles if any(key(self._word) in key(t) for t in (s.credit, s.name, *s.aliases, *s.tags))]
        return hits or [style for style in self._gallery.nearest(self._word, SHOWN) if style in styles]

    def page(self) -> list[Style]:
        return self.found()[self._page * SHOWN : (self._page + 1) * SHOWN]

    def files(self) -> list[discord.File]:
        """The pictures of the page."""
        return [
            discord.File(style.swatch, f"{style.name}.webp", description=style.credit)
            for style in self.page()
            if not self.done and style.swatch.is_file()
        ]

    def build(self) -> None:
        """Make the components anew."""
        self.clear_items()
        if self.done:
            self.add_item(ui.TextDisplay(self.done))
            return
        styles = self.found()
        pages = max(1, -(-len(styles) // SHOWN))
        what = "Which style shall it be?" if self._choose else "The styles."
        of = f" {len(styles)} for “{escape_markdown(self._word)}”." if self._word else f" {len(styles)} in all."
        where = f" Page {self._page + 1} of {pages}." if pages > 1 else ""
        self.add_item(ui.TextDisplay(what + (of if styles else " None goes by that name.") + where))
        for style in self.page():
            text = f"**{escape_markdown(style.title)}**\n{escape_markdown(style.artist)}, {style.year}\n`{style.name}`"
            if style.swatch.is_file():
                picture: Any = ui.Thumbnail(f"attachment://{style.name}.webp", description=style.credit)
                self.add_item(ui.Section(text, accessory=picture))
            else:
                self.add_item(ui.TextDisplay(text))
        if self._choose:
            self._add_choices(styles)
        else:
            tags = sorted({tag for style in self._gallery for tag in style.tags})[: OPTIONS - 1]
            if tags:
                self._select("tag", "All kinds", {"": "All kinds"} | {tag: tag for tag in tags}, self._tag)
        row: ui.ActionRow[Menu] = ui.ActionRow()
        row.add_item(self._button("Search", "search", self._ask))
        row.add_item(self._button("◀", "back", self._back, disabled=self._page == 0))
        row.add_item(self._button("▶", "next", self._next, disabled=self._page + 1 >= pages))
        if self._choose:
            primary = discord.ButtonStyle.primary
            row.add_item(self._button("Paint", "paint", self._paint, disabled=not self._style, style=primary))
        self.add_item(row)

    def _add_choices(self, styles: list[Style]) -> None:
        if styles:
            names = {style.name: style.credit for style in styles[:OPTIONS]}
            self._select("style", "Choose a style", names, self._style)
        strengths = {"": "Strength: the style's own"} | {str(n): f"Strength {n}" for n in STRENGTHS}
        self._select("strength", "Strength", strengths, self._strength)
        modes = {"": "Mode: the usual one"} | {mode: f"Mode {mode}" for mode in MODES}
        self._select("mode", "Mode", modes, self._mode)

    def _select(self, name: str, placeholder: str, options: Mapping[str, str], chosen: str) -> None:
        """A select menu for the attribute of this name; Discord takes no empty values, so that one is ``-``."""
        select: ui.Select[Menu] = ui.Select(
            custom_id=f"menu:{self.key}:{name}",
            placeholder=placeholder,
            options=[
                discord.SelectOption(label=label[:100], value=value or "-", default=value == chosen)
                for value, label in options.items()
            ],
        )

        async def chosen_now(interaction: discord.Interaction) -> None:
            value = select.values[0]
            setattr(self, f"_{name}", "" if value == "-" else value)
            if name == "tag":
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
    ) -> ui.Button[Menu]:
        button: ui.Button[Menu] = ui.Button(
            label=label, custom_id=f"menu:{self.key}:{name}", disabled=disabled, style=style
        )
        button.callback = callback  # type: ignore[method-assign]
        return button

    # --- what is done with it ----------------------------------------------------------------------------------------

    async def redraw(self, interaction: discord.Interaction) -> None:
        if not interaction.response.is_done():
            await interaction.response.defer()
        self.build()
        await interaction.edit_original_response(view=self, attachments=self.files())

    async def _back(self, interaction: discord.Interaction) -> None:
        self._page = max(0, self._page - 1)
        await self.redraw(interaction)

    async def _next(self, interaction: discord.Interaction) -> None:
        self._page = min(self._page + 1, (len(self.found()) - 1) // SHOWN)
        await self.redraw(interaction)

    async def _ask(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Search(self))

    async def search(self, interaction: discord.Interaction, word: str) -> None:
        self._word, self._page = word.strip()[:60], 0
        found = self.found()
        if len(found) == 1:
            self._style = found[0].name
        await self.redraw(interaction)

    async def _paint(self, interaction: discord.Interaction) -> None:
        if self.done:  # a double click: the first one is on its way
            await interaction.response.defer()
            return
        self.done = "One moment…"
        await interaction.response.defer()
        assert self._choose
        said = {"strength": self._strength, "mode": self._mode}
        words = [self._style, *(f"{name}={value}" for name, value in said.items() if value)]
        self.done = await self._choose(interaction, " ".join(words))
        await self.redraw(interaction)
        self.stop()
        self._open.pop(self.key, None)

    async def on_error(self, interaction: discord.Interaction, error: Exception, item: ui.Item[Any]) -> None:
        await interaction.client.tree.on_error(interaction, error)  # type: ignore[attr-defined]


class Search(ui.Modal):
    """Asks for a word."""

    word: ui.TextInput[Search] = ui.TextInput(label="Name, artist or kind", max_length=60, required=False)

    def __init__(self, menu: Menu) -> None:
        super().__init__(title="Look for a style", custom_id=f"menu:{menu.key}:modal", timeout=SECONDS)
        self._menu = menu

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await self._menu.search(interaction, self.word.value)

    async def on_error(self, interaction: discord.Interaction, error: Exception) -> None:  # type: ignore[override]
        await interaction.client.tree.on_error(interaction, error)  # type: ignore[attr-defined]
