"""The gallery as a menu: pages, kinds, search, one style closer."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.core.jobs import State
from bot.dialog.gallery import PER_SHEET
from engine import gallery
from engine.wire import Cell, Event, Paint
from tests.bot.chat.discord.harness import PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import EngineDouble, done

NAMES = [style.name for style in gallery.default()]


def offered(fake: FakeDiscord, message: int) -> list[dict[str, Any]]:
    return [option for part in fake.components(message) for option in part.get("options", ())]


def values(fake: FakeDiscord, message: int) -> set[str]:
    return {option["value"] for option in offered(fake, message)}


async def test_the_menu_shows_a_sheet_of_styles_and_what_else_can_be_chosen(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.menu_of(await it.photo())
        (sheet,) = fake.messages[shown]["attachments"]
        assert sheet["filename"] == "styles-1.jpg"
        assert "greatwave: The Great Wave off Kanagawa" in (sheet["description"] or "")
        assert {*NAMES[:PER_SHEET], "80", "fine"} <= values(fake, shown)
        await it.choose(shown, "80")
        assert [option["value"] for option in offered(fake, shown) if option.get("default")] == ["-", "80", "-"]


async def test_the_menu_can_be_searched_and_paged(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.menu_of(await it.photo())
        first = fake.file(shown)
        await it.turn(shown, "▶")
        assert set(NAMES[PER_SHEET : 2 * PER_SHEET]) <= values(fake, shown)
        assert fake.file(shown) != first
        await it.turn(shown, "◀")
        assert fake.file(shown) == first
        await it.search(shown, "hokusai")
        assert "Chosen: **greatwave**" in fake.text(shown)
        await fake.press(it.ann, shown, "Paint")  # the only one that was found is chosen
        assert "greatwave" in fake.text(await it.answer())


async def test_a_search_that_finds_nothing_says_so_and_another_one_helps(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.menu_of(await it.photo())
        await it.search(shown, "qqqqqqqqqq")
        assert "No style matches “qqqqqqqqqq”" in fake.text(shown)
        assert not set(NAMES) & values(fake, shown)
        await it.search(shown, "")
        assert set(NAMES[:PER_SHEET]) <= values(fake, shown)


async def test_styles_shows_the_gallery_by_pages_and_kinds_and_one_style_closer(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await it.slash("styles")
        shown = await it.shown(found)
        assert found.ephemeral
        assert "Page 1 of" in fake.text(shown)
        assert "Paint" not in str(fake.messages[shown]["components"])
        await it.turn(shown, "▶")
        assert "Page 2 of" in fake.text(shown)
        await it.choose(shown, "woodblock")
        assert "Page" not in fake.text(shown)
        await it.choose(shown, "greatwave")
        assert it.file_name(shown) == "greatwave.jpg"
        assert fake.file(shown).startswith(b"\xff\xd8")
        for words in ("The Great Wave off Kanagawa", "Hokusai", "woodblock", "/stylize greatwave"):
            assert words in fake.text(shown)
        await it.turn(shown, "All styles")
        assert "Page 1 of" in fake.text(shown)
        assert "greatwave" in values(fake, shown)


async def test_styles_takes_a_word(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        woodblocks = {style.name for style in gallery.default() if "woodblock" in style.tags}
        shown = await it.shown(await it.slash("styles", word="woodblock"))
        assert woodblocks <= values(fake, shown)
        assert not (set(NAMES) - woodblocks) & values(fake, shown)
        shown = await it.shown(await it.slash("styles", word="starry night"))
        assert "/stylize starrynight" in fake.text(shown)


async def test_a_mention_of_styles_shows_those_that_were_asked_for(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says("<@900> styles woodblock")
        (message,) = await fake.until(it.public)
        assert "greatwave" in values(fake, int(message["id"]))
        assert "starrynight" not in values(fake, int(message["id"]))


async def test_a_menu_goes_on_after_a_restart_where_it_was(fake: FakeDiscord, tmp_path: Path) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        shown = await it.menu_of(await it.photo())
        await it.choose(shown, "80")
        await it.turn(shown, "▶")
        asked = await fake.press(it.ann, shown, "Search")
        await fake.until(lambda: asked.modal)
    async with on(fake, path=tmp_path / "journal") as it:
        await it.redrawn(shown, lambda: fake.submit(asked, "night"))
        assert "starrynight" in values(fake, shown)
        assert [option["value"] for option in offered(fake, shown) if option.get("default")] == ["-", "80", "-"]
        await it.choose(shown, "starrynight")
    async with on(fake, path=tmp_path / "journal") as it:
        await fake.press(it.ann, shown, "Paint")
        assert "starrynight mode=fast strength=80" in fake.text(await it.answer())
        assert it.pictures[-1].photo == PHOTO
        await it.fake.until(lambda: not offered(fake, shown))
        assert len(await it.jobs()) == 2, "the picture, and the sheet that the menu showed"


async def test_after_a_restart_a_menu_is_still_for_who_opened_it(fake: FakeDiscord, tmp_path: Path) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        await it.says("<@900> styles woodblock")
        (message,) = await fake.until(it.public)
    async with on(fake, path=tmp_path / "journal") as it:
        await it.told_alone(await fake.press(it.bob, int(message["id"]), "Search"), "for the person who opened it")
        await it.choose(int(message["id"]), "greatwave")
        assert "The Great Wave off Kanagawa" in fake.text(int(message["id"]))


@pytest.mark.parametrize("gone", ["forgotten", "swept"])
async def test_a_menu_that_is_no_longer_kept_says_so(fake: FakeDiscord, tmp_path: Path, gone: str) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        shown = await it.menu_of(await it.photo())
        await it.until_state(await it.started(), State.DELIVERED)
        if gone == "forgotten":
            await it.told(await it.slash("forgetme", really=True), "Deleted for good")
        else:
            await it.store.prune(before=4e9)
    async with on(fake, path=tmp_path / "journal") as it:
        await it.told_alone(await fake.press(it.ann, shown, "Search"), "has expired")


async def paints_every_style(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """An engine whose sheets have all styles, each of a colour of its own, side by side."""
    await engine.until(lambda: paint.job in engine.free or paint.recipe.mode != "sheet")
    drawn = Image.new("RGB", (10 * len(NAMES), 10))
    for at in range(len(NAMES)):
        drawn.paste((8 * at, 0, 0), (10 * at, 0, 10 * at + 10, 10))
    file = io.BytesIO()
    drawn.save(file, "PNG")
    wide = 1 / len(NAMES)
    made = tuple(Cell(name, (at * wide, 0.0, wide, 1.0), 1.0) for at, name in enumerate(NAMES))
    yield done(paint, cells=made if paint.recipe.mode == "sheet" else (), picture=file.getvalue())


async def test_the_menu_shows_the_styles_on_the_persons_own_photo_as_soon_as_they_are_painted(
    fake: FakeDiscord,
) -> None:
    async with on(fake, *[paints_every_style] * 2) as it:
        shown = await it.menu_of(await it.photo())
        stock = fake.file(shown)
        it.engine.let_go(await it.started())
        await fake.until(lambda: fake.file(shown) != stock)
        with Image.open(io.BytesIO(fake.file(shown))) as own:
            assert own.size == (3 * 20 + 10, 3 * 20 + 10)
            assert own.convert("RGB").getchannel("R").getpixel((55, 15)) in range(8, 25), "the third style"
        await it.turn(shown, "▶")
        with Image.open(io.BytesIO(fake.file(shown))) as own:
            assert own.convert("RGB").getchannel("R").getpixel((15, 15)) in range(64, 81), "the tenth style"
        assert not it.public(), "nobody else sees it"
        await it.choose(shown, NAMES[9])
        await fake.press(it.ann, shown, "Paint")
        assert NAMES[9] in fake.text(await it.answer())


async def test_a_sheet_that_is_painted_after_a_restart_is_in_the_menu_at_its_next_press(
    fake: FakeDiscord, tmp_path: Path
) -> None:
    async with on(fake, paints_every_style, path=tmp_path / "journal") as it:
        shown = await it.menu_of(await it.photo())
        await it.started()
    async with on(fake, paints_every_style, path=tmp_path / "journal") as it:
        job = await it.started()
        it.engine.let_go(job)
        await it.until_state(job, State.DELIVERED)
        assert not it.public(), "nobody else sees it"
        await it.choose(shown, "80")
        with Image.open(io.BytesIO(fake.file(shown))) as own:
            assert own.size == (3 * 20 + 10, 3 * 20 + 10)


async def test_a_sheet_for_a_menu_that_is_gone_is_shown_to_nobody(fake: FakeDiscord) -> None:
    async with on(fake, paints_every_style) as it:
        await it.menu_of(await it.photo())
        job = await it.started()
        await it.store.prune(before=4e9)
        it.engine.let_go(job)
        await it.until_state(job, State.DELIVERED)
        assert not it.public()
