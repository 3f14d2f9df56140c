"""A photo in every style on Discord: by command, by menu, alone in private; and choosing from the sheet."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from engine import gallery
from engine.recipe import cells
from engine.wire import Cell, Event, Paint
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import EngineDouble, done


async def paints_cells(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """An engine whose sheets have as many pictures as are ordered."""
    count = sum(map(len, cells(paint.recipe, gallery.default()))) if paint.recipe.rules.sheet else 0
    made = tuple(Cell(f"picture {number}", (0.0, 0.0, 0.1, 0.1), 0.1) for number in range(1, count + 1))
    yield done(paint, cells=made)


def menus(message: dict[str, Any]) -> list[list[str]]:
    """The options of the select menus below a message."""
    parts = [part for row in message["components"] for part in row["components"]]
    return [[option["label"] for option in part["options"]] for part in parts if part["type"] == 3]


async def test_every_style_is_in_the_menu_of_a_photo_and_each_can_be_chosen(fake: FakeDiscord) -> None:
    async with on(fake, *[paints_cells] * 2) as it:
        photo = await it.photo()
        await it.menu("Every style", photo)
        sheet = await it.answer()
        assert "/stylize mode=sheet" in fake.text(sheet)
        first, second = menus(fake.messages[sheet])
        assert (len(first), len(second), second[0], second[-1]) == (15, 15, "16 picture 16", "30 picture 30")
        job = (await it.jobs())[0]
        await fake.choose(it.ann, sheet, f"{job.id}:17")
        chosen = await it.answer(2)
        assert "/stylize nightcafe mode=fast" in fake.text(chosen)
        assert it.painted == [(PHOTO, None), (PHOTO, None)]


async def test_the_commands_are_there_too(fake: FakeDiscord) -> None:
    async with on(fake, *[paints_cells] * 4) as it:
        await it.slash("sheet", photo=CAT, style="starrynight")
        assert "/stylize starrynight mode=sheet" in fake.text(await it.answer())
        await it.stylize(photo=CAT, style="scream")
        result = await it.answer(2)
        await it.slash("variations")
        variations = await it.answer(3)
        assert "/stylize scream mode=variations" in fake.text(variations)
        assert menus(fake.messages[variations]) == [[f"{number} picture {number}" for number in range(1, 5)]]
        await fake.press(it.ann, result, "Variations")
        assert "/stylize scream mode=variations" in fake.text(await it.answer(4))


async def test_a_remark_beside_a_photo_brings_the_sheet(fake: FakeDiscord) -> None:
    async with on(fake, paints_cells) as it:
        await it.says(f"{ME} Look at my new dog!", CAT)
        assert "/stylize mode=sheet" in fake.text(await it.answer())
