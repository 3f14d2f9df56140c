"""What the buttons under a picture mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from bot.core.admission import Rules
from bot.core.jobs import Job, State
from bot.dialog.buttons import Action, Buttons, Press, Pressed
from engine.recipe import STEPS, line
from engine.wire import Event, Paint
from tests.harness import Bot, EngineDouble, bot, done, waits


async def painted(it: Bot, text: str = "/stylize starrynight seed=7 strength=50") -> Job:
    job = await it.order(text)
    return await it.until_state(job.id, State.DELIVERED)


async def press(it: Bot, job: Job, action: Action, user: str = "ann", *, admin: bool = False) -> Pressed:
    data = f"{job.id}:{action}"
    return await Buttons(it.studio, it.store).press(Press(data=data, user=user, admin=admin))


async def offered(it: Bot, job: Job) -> list[Action]:
    """The buttons under a job's picture."""
    return [button.action for button in await it.buttons.under(job)]


def test_a_button_fits_into_what_the_smallest_platform_keeps() -> None:
    for action in Action:
        assert len(f"abcdefgh:{action}".encode()) <= 10


@pytest.mark.parametrize("mode", ["fast", "universal"])
async def test_finer_is_the_same_picture_in_fine_mode(mode: str) -> None:
    async with bot() as it:
        job = await painted(
            it, f"/stylize starrynight+greatwave mode={mode} strength=70 brush=2 colors=photo size=256"
        )
        assert Action.FINER in await offered(it, job)
        pressed = await press(it, job, Action.FINER)
        assert pressed.job, pressed.text
        fine = pressed.job.recipe
        assert line(fine).startswith(line(job.recipe).replace(f"mode={mode}", "mode=fine"))
        assert (fine.init, fine.steps, fine.encoder) == ("fast", STEPS["fast"], "slim")


async def test_finer_is_offered_only_where_the_picture_was_not_made_so() -> None:
    async with bot() as it:
        job = await painted(it, "/stylize starrynight mode=fine")
        assert await offered(it, job) == [action for action in Action if action not in (Action.FINER, Action.FILM)]
        refused = await press(it, job, Action.FINER)
        assert refused.refused
        assert "mode=fine already" in refused.text


@pytest.mark.parametrize(
    ("said", "size"), [("", 768), ("size=500", 500), ("size=1000", 1000), ("size=3000", Rules().max_fine_size)]
)
async def test_finer_has_fine_modes_own_size_unless_one_was_named(said: str, size: int) -> None:
    async with bot() as it:
        softer = await press(it, await painted(it, f"/stylize starrynight {said}"), Action.SOFTER)
        assert softer.job, softer.text
        finer = await press(it, await it.until_state(softer.job.id, State.DELIVERED), Action.FINER)
        assert finer.job, finer.text
        assert (finer.job.recipe.size, finer.job.size_named) == (size, bool(said))


# --- larger ----------------------------------------------------------------------------------------------------------


async def test_larger_is_the_same_picture_at_twice_the_size_even_where_the_photo_is_smaller() -> None:
    async def paints_small(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield done(paint, recipe=msgspec.structs.replace(paint.recipe, size=640))

    async with bot(paints_small) as it:
        job = await painted(it, "/stylize starrynight strength=70 colors=photo seed=7")
        pressed = await press(it, job, Action.LARGER)
        assert pressed.job, pressed.text
        assert line(pressed.job.recipe) == line(job.recipe).replace("size=640", "size=1280")
        assert pressed.text.startswith("size=1280: ")
        await it.engine.started(pressed.job.id)
        assert it.engine.runs[1].enlarge


@pytest.mark.parametrize(
    ("said", "sizes"),
    [
        ("size=1100", [2200, 4096]),
        ("mode=universal size=2048", [4096]),
        ("mode=fine", [1536, 2048]),
        ("mode=fine size=2048", []),
    ],
)
async def test_larger_is_offered_until_the_largest_size_of_the_mode(said: str, sizes: list[int]) -> None:
    async with bot() as it:
        job = await painted(it, f"/stylize starrynight {said}")
        for size in sizes:
            assert Action.LARGER in await offered(it, job)
            pressed = await press(it, job, Action.LARGER)
            assert pressed.job, pressed.text
            assert pressed.job.recipe.size == size
            job = await it.until_state(pressed.job.id, State.DELIVERED)
        assert Action.LARGER not in await offered(it, job)
        refused = await press(it, job, Action.LARGER)
        assert refused.refused
        assert refused.text == (
            f"This picture has size={job.recipe.size} already, and mode={job.recipe.mode} goes no further here."
        )


async def test_larger_goes_no_further_than_the_room_does() -> None:
    async with bot() as it:
        job = await painted(it)
        await it.say("/settings size=1500", admin=True)
        assert Action.LARGER in await offered(it, job)
        pressed = await press(it, job, Action.LARGER)
        assert pressed.job, pressed.text
        assert pressed.job.recipe.size == 1500
        await it.say("/settings size=1024", admin=True)
        assert Action.LARGER not in await offered(it, job)
        assert "size=1024 already" in (await press(it, job, Action.LARGER)).text


async def test_how_much_larger_is_known_when_the_picture_is_finished() -> None:
    async with bot(waits) as it:
        job = await it.order()
        assert "not finished" in (await press(it, job, Action.LARGER)).text


# --- every button ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.AGAIN, Action.STRONGER, Action.COLORS, Action.FINER, Action.LARGER])
async def test_the_buttons_of_a_picture_in_ones_own_style_keep_the_style_picture(action: Action) -> None:
    async with bot() as it:
        job = await it.order("/stylize mine", style=b"tiles")
        await it.until_state(job.id, State.DELIVERED)
        pressed = await press(it, job, action)
        assert pressed.job, pressed.text
        await it.engine.started(pressed.job.id)
        assert it.engine.runs[1].style == b"tiles"


async def test_again_takes_another_seed_and_nothing_else() -> None:
    async with bot() as it:
        job = await painted(it)
        pressed = await press(it, job, Action.AGAIN)
        assert pressed.job
        assert pressed.job.recipe.seed != 7
        assert pressed.job.recipe.strength == 50
        assert pressed.job.place == job.place


@pytest.mark.parametrize(
    ("said", "action", "expected"),
    [
        ("strength=50", Action.STRONGER, "strength=70"),
        ("strength=50", Action.SOFTER, "strength=30"),
        ("strength=90", Action.STRONGER, "strength=100"),
        ("strength=10", Action.SOFTER, "strength=0"),
        ("strength=50", Action.COLORS, "colors=photo"),
        ("colors=photo", Action.COLORS, "colors=style"),
        ("ratio=0.01", Action.STRONGER, "ratio=0.00158489"),
        ("ratio=0.01", Action.SOFTER, "ratio=0.0630957"),
    ],
)
async def test_a_change_keeps_the_seed_so_that_it_shows(said: str, action: Action, expected: str) -> None:
    async with bot() as it:
        job = await painted(it, f"/stylize starrynight seed=7 {said}")
        pressed = await press(it, job, action)
        assert pressed.job, pressed.text
        assert pressed.job.recipe.seed == 7
        name, value = expected.split("=")
        assert str(getattr(pressed.job.recipe, name)) == value


@pytest.mark.parametrize(
    ("said", "action", "end"),
    [
        ("strength=100", Action.STRONGER, "strength=100 already, and that is the most"),
        ("strength=0", Action.SOFTER, "strength=0 already, and that is the least"),
        ("ratio=1e-9", Action.STRONGER, "end of the scale"),
    ],
)
async def test_the_ends_of_the_scale_are_said(said: str, action: Action, end: str) -> None:
    async with bot() as it:
        pressed = await press(it, await painted(it, f"/stylize starrynight {said}"), action)
        assert pressed.refused
        assert end in pressed.text


async def test_only_who_ordered_may_press_and_an_admin_may_delete() -> None:
    async with bot() as it:
        job = await painted(it)
        for action in (Action.AGAIN, Action.ORIGINAL, Action.DELETE):
            refused = await press(it, job, action, "bob")
            assert refused.refused
            assert "who ordered the picture" in refused.text
        assert (await press(it, job, Action.AGAIN, "bob", admin=True)).refused
        assert (await press(it, job, Action.DELETE, "bob", admin=True)).delete


async def test_the_original_file_is_the_picture_to_the_last_byte() -> None:
    async with bot() as it:
        job = await painted(it)
        pressed = await press(it, job, Action.ORIGINAL)
        assert pressed.file
        assert pressed.file.name == f"starrynight-{job.id[:4]}.png"
        assert pressed.file.data == await it.store.result(job.id)


async def test_what_is_deleted_is_gone_from_the_journal() -> None:
    async with bot() as it:
        job = await painted(it)
        assert (await press(it, job, Action.DELETE)).delete
        assert await it.store.photo(job.id) is None
        gone = await press(it, job, Action.AGAIN)
        assert gone.refused
        assert "This picture is no longer kept" in gone.text


async def test_what_is_kept_no_more_an_admin_may_still_take_away() -> None:
    async with bot() as it:
        job = await painted(it)
        await it.store.delete(job.id)
        taken = await press(it, job, Action.DELETE, admin=True)
        assert (taken.delete, taken.text) == (True, "Deleted.")
        refused = await press(it, job, Action.DELETE)
        assert refused.refused
        assert "An admin can delete it." in refused.text


async def test_an_unfinished_picture_has_no_file_and_is_not_deleted() -> None:
    async with bot(waits) as it:
        job = await it.order()
        assert "not finished" in (await press(it, job, Action.ORIGINAL)).text
        assert f"/cancel {job.id}" in (await press(it, job, Action.DELETE)).text


async def test_buttons_outlive_a_restart(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with bot(path=journal) as it:
        job = await painted(it)
    async with bot(path=journal) as it:
        assert (await press(it, job, Action.STRONGER)).job


async def test_a_double_click_orders_once() -> None:
    now = 0.0
    async with bot() as it:
        job = await painted(it)
        actions = Buttons(it.studio, it.store, clock=lambda: now)
        again = Press(data=f"{job.id}:a", user="ann")
        assert (await actions.press(again)).job
        second = await actions.press(again)
        assert (second.job, second.text) == (None, "This is being done already.")
        now = 60.0
        assert (await actions.press(again)).job


async def test_the_same_press_handed_over_twice_is_one_job() -> None:
    async with bot() as it:
        job = await painted(it)
        again = Press(data=f"{job.id}:a", user="ann", idempotency_key="query 1")
        # Two bots' lives: the second does not remember the first's.
        first = await Buttons(it.studio, it.store).press(again)
        second = await Buttons(it.studio, it.store).press(again)
        assert first.job
        assert second.job
        assert first.job.id == second.job.id


@pytest.mark.parametrize("data", ["", "nonsense", "abcdefgh:x", ":a", "abcdefgh:a"])
async def test_a_button_of_another_age_is_refused_with_a_sentence(data: str) -> None:
    async with bot() as it:
        pressed = await Buttons(it.studio, it.store).press(Press(data=data, user="ann"))
        assert pressed.refused
        assert pressed.text.endswith(".")


# --- going on with a fine picture ------------------------------------------------------------------------------------


async def going_on(it: Bot, job: Job, action: Action) -> Job:
    pressed = await press(it, job, action)
    assert pressed.job, pressed.text
    return await it.until_state(pressed.job.id, State.DELIVERED)


async def test_a_hundred_steps_more_are_the_same_line_with_what_follows() -> None:
    async with bot() as it:
        job = await painted(it, "/stylize starrynight mode=fine")
        pressed = await press(it, job, Action.STEPS)
        assert pressed.job, pressed.text
        assert pressed.text.startswith("100 steps more: ")
        assert line(pressed.job.recipe) == line(job.recipe).replace("steps=90", "steps=90 then=100")
        more = await it.until_state(pressed.job.id, State.DELIVERED)
        twice = await going_on(it, more, Action.STEPS)
        assert "steps=90 then=100,100" in line(twice.recipe)


async def test_it_is_quoted_what_is_left_to_do_as_long_as_the_engine_keeps_the_picture() -> None:
    async with bot() as it:
        job = await painted(it, "/stylize starrynight mode=fine")
        rest = await going_on(it, job, Action.STRONGER)
        kept = await it.order(line(rest.recipe))
        another = await it.order(line(rest.recipe), photo=b"dog")
        await it.until_state(kept.id, State.DELIVERED)
        await it.until_state(another.id, State.DELIVERED)
        await it.say("/forgetme yes", user="bob")
        again = await it.order(line(rest.recipe))
        assert kept.cost < another.cost
        assert kept.cost < again.cost


async def test_a_fine_picture_goes_on_at_another_strength_from_where_it_is() -> None:
    async with bot() as it:
        job = await painted(it, "/stylize starrynight mode=fine strength=50")
        stronger = await going_on(it, job, Action.STRONGER)
        assert line(stronger.recipe) == line(job.recipe).replace("steps=90", "steps=90 then=16@70")
        pressed = await press(it, stronger, Action.SOFTER)
        assert pressed.job
        assert pressed.text.startswith("16 steps more at strength=50: ")
        assert "strength=50" in line(pressed.job.recipe)
        assert "then=16@70,16@50" in line(pressed.job.recipe)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("strength=15", "strength=0"),  # the photo itself
        ("strength=50 init=photo", "strength=30"),  # there is no sketch to go by
        ("strength=50 then=1,1,1,1,1,1,1,1", "strength=30"),
        ("strength=50 steps=990", "strength=30"),
        ("strength=50 steps=990 then=5@80", "strength=60"),
    ],
)
async def test_where_it_cannot_go_on_another_strength_is_painted_anew(said: str, expected: str) -> None:
    async with bot() as it:
        job = await painted(it, f"/stylize starrynight mode=fine {said}")
        pressed = await press(it, job, Action.SOFTER)
        assert pressed.job, pressed.text
        assert expected in line(pressed.job.recipe).split()
        assert pressed.job.recipe.then is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("mode=fine strength=0", "Only a still of mode=fine"),
        ("mode=fast", "Only a still of mode=fine"),
        ("mode=fine steps=950", "has 950 steps already, and the limit is 1000 here"),
        ("mode=fine then=1,1,1,1,1,1,1,1", "has gone on 8 times already"),
    ],
)
async def test_what_cannot_have_more_steps_is_not_offered_them(said: str, why: str) -> None:
    async with bot() as it:
        job = await painted(it, f"/stylize starrynight {said}")
        assert Action.STEPS not in await offered(it, job)
        refused = await press(it, job, Action.STEPS)
        assert refused.refused
        assert why in refused.text


async def test_a_picture_that_is_not_finished_does_not_go_on() -> None:
    async with bot(waits) as it:
        job = await it.order("/stylize starrynight mode=fine")
        assert "not finished" in (await press(it, job, Action.STEPS)).text


async def test_what_only_went_on_teaches_nothing_about_how_long_a_picture_takes() -> None:
    async def goes_on(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield done(paint, seconds=0.001, went_on=True)

    async with bot(goes_on) as it:
        job = await painted(it, "/stylize starrynight mode=fine")
        again = await it.order("/stylize starrynight mode=fine")
        assert again.cost == pytest.approx(job.cost)
        assert await it.store.durations() == []
