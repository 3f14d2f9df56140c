"""The laboratory's commands: short forms of recipe lines, ordered as every picture is."""

from __future__ import annotations

import pytest

from bot.core.messages import Accepted, Choice, Refused
from bot.dialog.buttons import Action, Press
from bot.dialog.parse import parse
from engine.recipe import cell, line
from tests.harness import GALLERY, Bot, bot


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/texture starrynight depth=3", "starrynight depth=3 mode=texture"),
        ("/texture the starry night", "the starry night mode=texture"),
        ("/reconstruct conv4_2", "content=conv4_2 mode=content"),
        ("/reconstruct conv1_1 conv2_1 steps=9", "content=conv1_1,conv2_1 steps=9 mode=content"),
        ("/dream conv4_2 octaves=4", "layers=conv4_2 octaves=4 mode=dream"),
        ("/dream mine conv4_1", "mine layers=conv4_1 mode=dream"),
        ("/dream", "mode=dream"),
        ("/sheet@some_bot starrynight", "starrynight mode=sheet"),
        ("/like", "mode=like"),
        ("/map size=700", "size=700 mode=map"),
        ("/suggest", "mode=suggest"),
        ("/explain starrynight steps=9", "starrynight steps=9 mode=explain"),
    ],
)
def test_a_command_of_the_laboratory_is_short_for_a_recipe_line(text: str, words: str) -> None:
    command = parse(text)
    assert (command.name, command.words) == ("stylize", words)
    assert command.written == text.split()[0].removeprefix("/").partition("@")[0]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("/texture starrynight depth=3", "/stylize starrynight mode=texture brush="),
        ("/stylize starrynight mode=texture tile=yes depth=2", "/stylize starrynight mode=texture brush="),
        ("/map", "/stylize mode=map size=1024"),
    ],
)
async def test_what_needs_no_photo_is_painted_without_one(text: str, begins: str) -> None:
    async with bot() as it:
        reply = await it.say(text)
        assert isinstance(reply, Accepted), reply.text
        await it.chat.answered(reply.job.id)
        (paint,) = it.engine.runs
        assert paint.photo is None
        assert paint.style is None
        ((_, result),) = it.chat.delivered
        assert result.line.startswith(begins)
        assert result.credit


@pytest.mark.parametrize("text", ["/texture starrynight", "/map"])
async def test_a_photo_that_is_not_needed_is_left_out(text: str) -> None:
    async with bot() as it:
        job = await it.order(text)
        assert await it.store.photo(job.id) is None
        await it.chat.answered(job.id)
        assert it.engine.runs[0].photo is None


@pytest.mark.parametrize("text", ["/texture", "/texture mine", "/texture mine depth=2"])
async def test_a_picture_of_ones_own_is_the_style_of_a_texture(text: str) -> None:
    async with bot() as it:
        job = await it.order(text, photo=b"cat")
        await it.chat.answered(job.id)
        assert (it.engine.runs[0].photo, it.engine.runs[0].style) == (None, b"cat")
        assert line(job.recipe).startswith("/stylize mine mode=texture")
        again = await it.say("/again")
        assert isinstance(again, Accepted), again.text
        await it.chat.answered(again.job.id)
        assert it.engine.runs[1].style == b"cat"


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("/reconstruct conv1_1", "/stylize mode=content size="),
        ("/dream conv4_1 octaves=2", "/stylize mode=dream strength="),
        ("/grid starrynight", "/stylize starrynight mode=grid brush="),
        ("/sheet starrynight", "/stylize starrynight mode=sheet colors="),
        ("/like", "/stylize mode=like size="),
        ("/suggest", "/stylize mode=suggest colors="),
        ("/explain starrynight", "/stylize starrynight mode=explain strength="),
    ],
)
async def test_the_others_are_about_a_photo(text: str, recipe: str) -> None:
    async with bot() as it:
        reply = await it.say(text)
        assert reply.text.startswith("Which photo? Send a photo with /")
        job = await it.order(text)
        assert line(job.recipe).startswith(recipe)
        await it.chat.answered(job.id)
        assert it.engine.runs[0].photo == b"cat"
        assert it.chat.delivered[0][1].credit


async def test_a_dream_may_be_guided_by_a_second_picture() -> None:
    async with bot() as it:
        job = await it.order("/dream conv4_1", photo=b"cat", style=b"guide")
        assert line(job.recipe).startswith("/stylize mine mode=dream")
        await it.chat.answered(job.id)
        assert it.engine.runs[0].style == b"guide"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/reconstruct conv9_9", "encoder=slim has no layer conv9_9"),
        ("/like starrynight", "mode=like takes no style. Leave starrynight out."),
        ("/dream conv4_1 conv4_2", "A dream has one layer"),
        ("/map strength=3", "mode=map does not support strength="),
        ("/texture starrynight depth=9", "depth is a whole number from 1 to 5"),
        ("/dream size=4096", "the limit is 2048 pixels. Try size=2048."),
        ("/stylize starrynight preset=adam steps=1001", "steps=1001 is too many here"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_what_to_do(text: str, sentence: str) -> None:
    async with bot() as it:
        reply = await it.say(text, photo=b"cat")
        assert isinstance(reply, Refused)
        assert sentence in reply.text


async def test_two_pictures_are_one_too_many() -> None:
    async with bot() as it:
        reply = await it.say("/like", photo=b"cat", style=b"dog")
        assert reply.text == "You sent two pictures, and this takes one. Send it alone."


async def test_a_texture_of_no_style_is_a_choice_of_styles() -> None:
    async with bot() as it:
        reply = await it.say("/texture depth=3")
        assert isinstance(reply, Choice)
        assert reply.line("starrynight") == "/stylize starrynight depth=3 mode=texture"
        assert isinstance(await it.say(reply.line("starrynight")), Accepted)


async def test_a_cell_of_a_grid_is_painted_in_full_by_its_number() -> None:
    async with bot() as it:
        grid = await it.order("/grid starrynight size=512 steps=9")
        await it.chat.answered(grid.id)
        third = await it.say("/again cell=3")
        assert isinstance(third, Accepted), third.text
        assert third.job.recipe.layers == cell(grid.recipe, 3, GALLERY).layers
        assert (third.job.recipe.mode, third.job.recipe.seed, third.job.recipe.ratio) == (
            "fine",
            grid.recipe.seed,
            1e-3,
        )
        assert (third.job.recipe.size, third.job.recipe.steps) == (768, 120)
        last = await it.say("/again cell=20 size=300")
        assert isinstance(last, Accepted), last.text
        assert last.job.recipe.layers == cell(grid.recipe, 20, GALLERY).layers
        assert (last.job.recipe.size, last.job.recipe.ratio) == (300, 1e-2)
        stronger = await it.say("/again ratio=0.1")
        assert isinstance(stronger, Accepted), stronger.text
        assert (stronger.job.recipe.mode, stronger.job.recipe.layers) == ("fine", last.job.recipe.layers)


async def test_a_grid_has_no_more_cells_than_it_shows() -> None:
    async with bot() as it:
        await it.order("/sheet starrynight")
        assert "cells 1 to 15" in (await it.say("/again cell=16")).text
        fine = await it.say("/again cell=15")
        assert isinstance(fine, Accepted)
        assert (fine.job.recipe.mode, fine.job.recipe.strength, fine.job.recipe.brush) == ("fast", 100, 2)


@pytest.mark.parametrize(
    ("first", "again", "recipe"),
    [
        ("/texture starrynight depth=3", "depth=2", "/stylize starrynight mode=texture"),
        ("/texture starrynight depth=3", "layers=conv1_1", "/stylize starrynight mode=texture"),
        ("/dream conv4_2", "octaves=2", "/stylize mode=dream"),
        ("/dream conv4_2", "greatwave", "/stylize greatwave mode=fast"),
        ("/stylize starrynight mode=fine steps=9", "mode=content", None),
        ("/grid starrynight", "mode=fine", "/stylize starrynight mode=fine"),
    ],
)
async def test_again_changes_what_is_said_and_keeps_the_kind_of_picture(
    first: str, again: str, recipe: str | None
) -> None:
    async with bot() as it:
        await it.order(first)
        reply = await it.say(f"/again {again}", photo=b"cat")
        if recipe is None:
            assert "takes no style" in reply.text
        else:
            assert isinstance(reply, Accepted), reply.text
            assert line(reply.job.recipe).startswith(recipe)


async def test_explain_is_about_the_last_fine_picture_whatever_came_after_it() -> None:
    async with bot() as it:
        assert "You have no fine picture to explain" in (await it.say("/explain")).text
        fine = await it.order("/stylize starrynight mode=fine steps=9 seed=5", photo=b"dog")
        await it.order("/stylize greatwave")
        reply = await it.say("/explain", photo=b"what was replied to")
        assert isinstance(reply, Accepted), reply.text
        assert line(reply.job.recipe) == line(fine.recipe).replace("mode=fine", "mode=explain")
        await it.chat.answered(reply.job.id)
        assert it.engine.runs[-1].photo == b"dog"


async def offered(it: Bot, text: str) -> list[Action]:
    job = await it.order(text)
    await it.chat.answered(job.id)
    found = await it.store.job(job.id)
    assert found is not None
    return [button.action for button in await it.buttons.under(found)]


async def test_a_picture_has_the_buttons_that_its_mode_understands() -> None:
    async with bot() as it:
        assert Action.EXPLAIN in await offered(it, "/stylize starrynight mode=fine")
        assert Action.EXPLAIN not in await offered(it, "/stylize starrynight")
        kept = {Action.LARGER, Action.ORIGINAL, Action.DELETE}
        assert set(await offered(it, "/map")) == kept
        assert set(await offered(it, "/dream")) == kept | {Action.AGAIN, Action.STRONGER, Action.SOFTER}
        assert set(await offered(it, "/texture starrynight")) == kept | {Action.AGAIN}


async def test_the_button_explains_its_own_picture() -> None:
    async with bot() as it:
        fine = await it.order("/stylize starrynight mode=fine steps=9 seed=5")
        await it.chat.answered(fine.id)
        pressed = await it.buttons.press(Press(data=f"{fine.id}:{Action.EXPLAIN}", user="ann"))
        assert pressed.job is not None, pressed.text
        assert (pressed.job.recipe.mode, pressed.job.recipe.seed) == ("explain", 5)


async def test_again_and_larger_need_no_photo_where_there_was_none() -> None:
    async with bot() as it:
        job = await it.order("/texture starrynight size=100")
        await it.chat.answered(job.id)
        for action in (Action.AGAIN, Action.LARGER):
            pressed = await it.buttons.press(Press(data=f"{job.id}:{action}", user="ann"))
            assert pressed.job is not None, pressed.text
            assert pressed.job.recipe.mode == "texture"
