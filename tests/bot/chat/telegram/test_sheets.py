"""A photo in every style, and variations: the sheet, and the buttons under it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from engine import gallery
from engine.recipe import cells
from engine.wire import Cell, Done, Event, Paint
from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, PAINTED, finished, labels, pressed, telegram_bot
from tests.fakes.telegram.server import FakeTelegram
from tests.harness import EngineDouble


async def paints_cells(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    """An engine whose sheets have as many pictures as are ordered."""
    rules = paint.recipe.rules
    count = sum(map(len, cells(paint.recipe, gallery.default()))) if rules.sheet else 0
    made = tuple(Cell(f"picture {number}", (0.0, 0.0, 0.1, 0.1), 0.1) for number in range(1, count + 1))
    yield Done(job=paint.job, picture=PAINTED, seconds=2.0, recipe=paint.recipe, width=96, height=64, cells=made)


async def test_a_remark_beside_a_photo_brings_it_in_every_style_and_each_can_be_chosen(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=paints_cells):
        photo = server.says(ANN, "Look at my new dog!", photo=CAT)
        (sheet,) = await finished(server, ANN)
        assert sheet["caption"].startswith("Every style\n/stylize mode=sheet ")
        rows = [[button["text"] for button in row] for row in sheet["reply_markup"]["inline_keyboard"]]
        assert rows[:5] == [[str(6 * row + column) for column in range(1, 7)] for row in range(5)]
        assert rows[-1][-1] == "Delete"
        await pressed(server, sheet["message_id"], "17")
        _, chosen = await finished(server, ANN, 2)
        assert "/stylize nightcafe mode=fast" in chosen["caption"]
        assert chosen["reply_to_message"]["message_id"] == photo


async def test_a_sheet_in_a_group_is_for_who_asked(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=paints_cells):
        photo = server.says(GROUP, user=BOB, photo=CAT, silent=True)
        server.says(GROUP, "/sheet starrynight", reply=photo)
        (sheet,) = await finished(server, GROUP)
        assert labels(sheet)[14] == "15"
        stranger = server.presses(GROUP, sheet["message_id"], "3", user=BOB)
        call = await server.until(lambda: server.answered(stranger))
        assert "for who ordered" in call.parameters["text"]


async def test_a_reply_to_a_result_brings_its_variations(server: FakeTelegram) -> None:
    async with telegram_bot(server, always=paints_cells):
        server.says(ANN, "/stylize scream strength=33", photo=CAT)
        (first,) = await finished(server, ANN)
        server.says(ANN, "/stylize dore", photo=CAT)
        await finished(server, ANN, 2)
        server.says(ANN, "/variations", reply=first["message_id"])
        *_, sheet = await finished(server, ANN, 3)
        assert "/stylize scream mode=variations strength=33" in sheet["caption"]
        assert labels(sheet)[:4] == [f"{number} picture {number}" for number in range(1, 5)]
        await pressed(server, sheet["message_id"], "2 picture 2")
        *_, chosen = await finished(server, ANN, 4)
        assert "/stylize scream mode=fast strength=33 brush=1.6" in chosen["caption"]
