"""A photo in every style, variations of a picture, and what is chosen of either."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from bot.core.limits import LOOKS, Limits
from bot.core.messages import Accepted, Choice, Reply
from bot.dialog.buttons import Press
from bot.dialog.sheets import picks
from engine.recipe import cells
from engine.wire import Cell, Event, Paint, Preview
from tests.harness import GALLERY, Bot, EngineDouble, bot, done, waits

CELLS = (Cell("starrynight", (0.0, 0.0, 0.5, 1.0), 0.8), Cell("greatwave", (0.5, 0.0, 0.5, 1.0), 0.8))


async def draws_a_sheet(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
    yield Preview(paint.job, b"half", CELLS[:1])
    yield done(paint, cells=CELLS)


async def ordered(it: Bot, text: str = "/sheet") -> Accepted:
    reply = await it.say(text, photo=b"cat")
    assert isinstance(reply, Accepted), reply.text
    await it.chat.answered(reply.job.id)
    return reply


@pytest.mark.parametrize("text", ["", "Look at my new dog!", "hello", "😍", "/sheet", "/sheet strength=70"])
async def test_a_photo_gets_every_style_of_the_gallery(text: str) -> None:
    async with bot() as it:
        reply = await it.say(text, photo=b"cat")
        assert isinstance(reply, Accepted), reply.text
        assert reply.text.startswith("Every style, order ")
        recipe = reply.job.recipe
        assert (recipe.mode, recipe.styles, recipe.size) == ("sheet", (), 224)
        ((*every,),) = cells(recipe, GALLERY)
        assert [one.styles[0].name for one in every] == ["starrynight", "greatwave"]


async def test_a_misspelt_style_is_still_asked_about() -> None:
    async with bot() as it:
        reply = await it.say("starrynigt", photo=b"cat")
        assert isinstance(reply, Choice)
        assert reply.suggestions == ("starrynight",)
        other = await it.say("/sheet starrynigt", photo=b"cat")
        assert isinstance(other, Choice)
        assert other.line("starrynight") == "/stylize starrynight mode=sheet"


def is_the_gallery(reply: Reply) -> bool:
    return isinstance(reply, Choice) and [card.name for card in reply.cards] == ["starrynight", "greatwave"]


async def test_while_the_engine_is_away_the_gallery_shows_its_own_pictures() -> None:
    async with bot() as it:
        it.engine.ready = None
        assert is_the_gallery(await it.say("", photo=b"cat"))
        assert not await it.store.unfinished()


async def test_where_many_wait_the_gallery_shows_its_own_pictures() -> None:
    async with bot(waits) as it:
        jobs = [await it.order("/sheet", f"person {number}") for number in range(12)]
        assert is_the_gallery(await it.say("", photo=b"cat"))
        for job in jobs:
            it.engine.let_go(job.id)


async def test_who_may_order_no_more_may_still_look_and_then_at_the_gallerys_own_pictures() -> None:
    async with bot(limits=Limits(burst=1, per_minute=1)) as it:
        await it.order("/stylize starrynight")
        for _ in range(LOOKS):
            look = await it.say("What a day", photo=b"cat")
            assert isinstance(look, Accepted)
            await it.chat.answered(look.job.id)
        assert is_the_gallery(await it.say("What a day", photo=b"cat"))


async def test_a_picture_of_a_sheet_is_painted_in_full_by_its_button_or_its_number() -> None:
    async with bot(draws_a_sheet) as it:
        sheet = (await ordered(it)).job
        kept = await it.store.job(sheet.id)
        assert kept
        first, second = picks(kept)
        assert (second.number, second.label, len(second.data)) == (2, "greatwave", 10)
        result = it.chat.delivered[0][1]
        assert (result.cells, result.notes[-1][-14:]) == (CELLS, "/again cell=3.")
        pressed = await it.buttons.press(Press(data=second.data, user=kept.user))
        assert pressed.job, pressed.text
        by_number = await it.say("/again cell=2")
        assert isinstance(by_number, Accepted)
        for job in (pressed.job, by_number.job):
            recipe = job.recipe
            assert [share.name for share in recipe.styles] == ["greatwave"]
            assert (recipe.mode, recipe.size, recipe.seed, job.size_named) == ("fast", 1024, sheet.recipe.seed, False)
        assert (await it.buttons.press(Press(data=f"{sheet.id}:3", user=kept.user))).refused
        assert "for who ordered" in (await it.buttons.press(Press(data=first.data, user="web:other"))).text


async def test_the_sheet_is_shown_while_it_fills_with_what_is_on_it() -> None:
    async with bot(draws_a_sheet) as it:
        await ordered(it)
        assert any(status.cells == CELLS[:1] for _, status in it.chat.shown)


@pytest.mark.parametrize("mode", ["fast", "fine"])
async def test_variations_of_the_last_picture_are_painted_as_it_was(mode: str) -> None:
    async with bot() as it:
        first = await it.order(f"/stylize starrynight strength=33 seed=5 mode={mode}")
        await it.chat.answered(first.id)
        (button,) = [b for b in await it.buttons.under(first) if b.label == "Variations"]
        by_command = await it.say("/variations")
        assert isinstance(by_command, Accepted), by_command.text
        await it.chat.answered(by_command.job.id)
        assert by_command.text.startswith("Variations: The Starry Night, order ")
        pressed = await it.buttons.press(Press(data=button.data, user=first.user))
        assert pressed.job
        for sheet in (by_command.job, pressed.job):
            assert (sheet.recipe.mode, sheet.recipe.strength, sheet.recipe.seed) == ("variations", 33, 5)
            assert await it.store.photo(sheet.id) == await it.store.photo(first.id)
        second = await it.say("/again cell=2")
        assert isinstance(second, Accepted), second.text
        recipe = second.job.recipe
        assert (recipe.mode, recipe.strength, recipe.seed, recipe.brush) == (mode, 33, 7, 1.6)
        assert recipe.size == (768 if mode == "fine" else 1024)


async def test_variations_of_nothing_and_of_somebody_elses_picture_are_refused() -> None:
    async with bot() as it:
        assert "You have no picture that I could vary" in (await it.say("/variations")).text
        assert "no picture of yours that I could vary" in (await it.say("/variations abcdefgh")).text
