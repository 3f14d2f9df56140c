"""The ways to order a picture."""

from __future__ import annotations

import pytest
import torch

from bot.core.jobs import State
from bot.core.rooms import RoomSettings
from engine.images.encode import encode_png
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, SECRET_CAT, TILES, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import paints, waits

LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
OURS = encode_png(torch.full((3, 64, 96), 0.5), LINE)


async def test_a_slash_command_with_a_photo_becomes_the_picture(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await it.stylize(style="starrynight", strength=80)
        answer = await it.answer()
        assert answer == found.original
        assert fake.file(answer) == b"picture of " + PHOTO
        assert "Starry Night" in (fake.messages[answer]["attachments"][0]["description"] or "")
        text = fake.text(answer)
        assert "Vincent van Gogh" in text
        assert "`/stylize starrynight mode=fast strength=80" in text
        assert "2.0 s" in text


async def test_right_click_stylize_offers_pictures_and_answers_as_a_reply(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        photo = await it.photo()
        found = await it.menu("Stylize", photo)
        shown = await it.shown(found)
        assert found.ephemeral
        await it.choose(shown, "starrynight", "80", "fine")
        await fake.press(it.ann, shown, "Paint")
        answer = await it.answer()
        assert it.replies_to(answer) == photo
        assert "strength=80" in fake.text(answer)
        assert "mode=fine" in fake.text(answer)
        await fake.until(lambda: "order" in fake.text(shown))
        assert not fake.messages[shown]["attachments"]


async def test_a_double_click_on_paint_orders_once(fake: FakeDiscord) -> None:
    async with on(fake, paints, waits) as it:  # the first is the sheet that the menu shows
        shown = await it.menu_of(await it.photo())
        await it.choose(shown, "starrynight")
        clicks = [await fake.press(it.ann, shown, "Paint") for _ in range(2)]
        await fake.until(lambda: all(click.answered for click in clicks))
        it.engine.let_go(await it.started(2))
        await it.answer()
        assert len(it.pictures) == 1


async def test_use_this_photo_serves_the_next_slash_command_for_three_minutes(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await it.menu("Use this photo", await it.photo(SECRET_CAT))
        await it.told(found, "three minutes")
        assert found.ephemeral
        await it.slash("stylize", style="greatwave")
        answer = await it.answer()
        assert it.painted == [(PHOTO, None)]
        assert it.file_name(answer).startswith("SPOILER_")
        fake.later(181)
        await it.told_alone(await it.slash("stylize", style="greatwave"), "Which photo?")
        assert len(it.answers()) == 1


async def test_a_reply_that_mentions_the_bot_orders_the_photo(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        order = await it.says(f"{ME} starrynight strength=80", reply_to=await it.photo())
        answer = await it.answer()
        assert it.replies_to(answer) == order
        assert "strength=80" in fake.text(answer)
        assert it.painted == [(PHOTO, None)]


async def test_a_mention_with_a_photo_of_its_own_needs_no_privileged_intent(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} starrynight", CAT)
        await it.answer()


async def test_a_plain_reply_works_with_the_message_content_intent(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        await it.says("/stylize greatwave", reply_to=await it.photo())
        assert "greatwave" in fake.text(await it.answer())
        await it.says("just talking about /stylize")
        await it.says(f"{ME} queue")
        await it.posted("no pictures waiting")
        assert len(it.public()) == 2


async def test_where_discord_hides_the_photo_the_person_is_told_another_way(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} starrynight", reply_to=await it.photo())
        assert "right-click the photo" in (await fake.until(it.public))[0]["content"]
        await it.says(f"{ME} mine", ("t.png", TILES), reply_to=await it.photo())
        await fake.until(lambda: len(it.public()) == 2)
        assert "right-click the photo" in it.public()[1]["content"]
        assert not it.engine.runs


async def test_a_mention_without_a_style_brings_every_style_on_the_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        order = await it.says(ME, CAT)
        assert it.replies_to(await it.answer()) == order
        assert it.engine.runs[0].recipe.mode == "sheet"


async def test_while_the_engine_is_away_a_photo_alone_in_private_brings_the_menu(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        it.engine.ready = None
        alone = fake.direct(it.ann)
        await it.says("", CAT, where=alone)
        (message,) = await fake.until(lambda: it.public(alone))
        await it.choose(int(message["id"]), "scream")
        await fake.press(it.ann, int(message["id"]), "Paint")
        assert "/stylize scream" in fake.text(await it.answer(channel=alone))


async def test_the_bot_works_in_a_private_conversation(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        alone = fake.direct(it.ann)
        await it.says("starrynight", CAT, where=alone)
        await it.answer(channel=alone)
        await it.stylize(style="greatwave", where=alone)
        await it.answer(2, channel=alone)


async def test_commands_may_be_mentioned_too(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} queue")
        await it.posted("no pictures waiting")


async def test_without_a_style_the_slash_command_offers_the_pictures(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await it.stylize()
        shown = await it.shown(found)
        assert found.ephemeral
        await it.choose(shown, "greatwave")
        await fake.press(it.ann, shown, "Paint")
        assert "greatwave" in fake.text(await it.answer())


async def test_settings_without_a_style_wait_for_the_choice(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} strength=80 colors=photo", CAT)
        (message,) = await fake.until(it.public)
        await it.choose(int(message["id"]), "scream")
        await fake.press(it.ann, int(message["id"]), "Paint")
        await it.answer()
        found = await it.stylize(recipe="ratio=0.01 size=80")
        shown = await it.shown(found)
        assert found.ephemeral
        assert "With ratio=0.01 size=80." in fake.text(shown)
        await it.choose(shown, "scream", "60")
        await fake.press(it.ann, shown, "Paint")
        await it.answer(2)
        first, second = (paint.recipe for paint in it.pictures)
        assert (first.strength, first.colors) == (80, "photo")
        assert (second.ratio, second.strength, second.size) == (None, 60, 80)


async def test_settings_without_a_style_take_that_of_the_server(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.studio.rooms.set("discord:500", RoomSettings(style="greatwave"))
        await it.stylize(strength=80)
        assert "/stylize greatwave mode=fast strength=80" in fake.text(await it.answer())


async def test_all_options_reach_the_recipe(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        given = dict(mode="fine", brush=1.5, colors="photo", size=64, seed=7, recipe="/stylize steps=9")
        await it.stylize(style="starrynight", **given)
        line = fake.text(await it.answer())
        for word in ("mode=fine", "brush=1.5", "colors=photo", "size=64", "seed=7", "steps=9"):
            assert word in line


async def test_a_whole_line_can_be_pasted_as_the_recipe(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.stylize(recipe="/stylize greatwave size=64 seed=3")
        assert "/stylize greatwave" in fake.text(await it.answer())
        twice = await it.slash("stylize", style="starrynight", recipe="greatwave")
        await it.told_alone(twice, "Leave style: out")
        doubled = await it.slash("stylize", style="starrynight", size=64, recipe="size=65")
        await it.told_alone(doubled, "size is given twice")


async def test_again_paints_the_last_photo_with_changes(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told(await it.slash("again"), "no order to repeat")
        await it.ordered()
        await it.slash("again", changes="greatwave strength=10")
        text = fake.text(await it.answer(2))
        assert "/stylize greatwave" in text
        assert "strength=10" in text


# --- a picture of one's own as the style -----------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"style": "mine"}, {"style": "starrynight:30+mine:70"}])
async def test_the_style_can_be_a_second_file_of_the_command(
    fake: FakeDiscord, given: dict[str, str], tmp_path
) -> None:
    async with on(fake, path=tmp_path / "journal") as it:
        await it.stylize(style_photo=("SPOILER_tiles.png", TILES), **given)
        answer = await it.answer()
        assert "mine" in fake.text(answer)
        assert it.file_name(answer).startswith("SPOILER_"), "the style shows in the picture"
        assert it.painted == [(PHOTO, TILES)]
    async with on(fake, path=tmp_path / "journal") as it:
        await fake.press(it.ann, answer, "Stronger")
        await it.answer(2)
        await fake.press(it.ann, answer, "Finer")
        assert "mode=fine" in fake.text(await it.answer(3))
        await it.slash("again", changes="strength=20")
        assert it.file_name(await it.answer(4)).startswith("SPOILER_")
        assert it.painted == [(PHOTO, TILES)] * 3


async def test_use_this_photo_takes_a_style_of_ones_own(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told(await it.menu("Use this photo", await it.photo()), "three minutes")
        await it.slash("stylize", style="mine", style_photo=("tiles.png", TILES))
        await it.answer()
        assert it.painted == [(PHOTO, TILES)]


async def test_a_mention_takes_both_pictures_from_itself_or_from_what_it_replies_to(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        tiles = ("tiles.png", TILES)
        await it.says(f"{ME} mine", CAT, tiles)
        await it.answer()
        await it.says(f"{ME} mine mode=fine", tiles, reply_to=await it.photo())
        await it.answer(2)
        assert it.painted == [(PHOTO, TILES)] * 2
        await it.says(f"{ME} scream", CAT, tiles)
        await it.answer(3)
        assert it.painted[2] == (PHOTO, None)


async def test_a_style_of_ones_own_is_repeated_by_its_button(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        choices = await it.autocomplete("stylize", "style", "mi")
        assert choices[0]["value"] == "mine"
        await it.stylize(style="mine", style_photo=("t.png", TILES))
        await fake.press(it.ann, await it.answer(), "Again")
        await it.answer(2)
        assert it.painted == [(PHOTO, TILES)] * 2


async def test_what_lacks_a_picture_or_has_one_too_many_is_told_what_to_send(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told_alone(await it.stylize(style="mine"), "Add it as style_photo:")
        await it.told(await it.stylize(style="scream", style_photo=CAT), "scream+mine mixes them")
        await it.says(f"{ME} mine", CAT)
        await it.posted("Which picture is the style?")
        await it.says(f"{ME} mine", CAT, CAT, CAT)
        await it.posted("These are 3 pictures")
        assert not it.engine.runs


async def test_a_picture_of_ours_is_answered_with_its_recipe_which_paints_the_next_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(ME, ("ours.png", OURS))
        await it.posted("I know this picture")
        await it.says(ME, CAT)
        found = await it.answer()
        assert f"`{LINE}`" in fake.text(found)
        assert it.painted == [(PHOTO, None)]


@pytest.mark.parametrize("words", ["again strength=90", "strength=90"])
async def test_a_reply_to_a_picture_paints_its_photo_again(fake: FakeDiscord, words: str) -> None:
    async with on(fake) as it:
        first = await it.ordered()
        await it.stylize(style="greatwave")
        await it.answer(2)
        await it.says(f"{ME} {words}", reply_to=first)
        assert "`/stylize starrynight mode=fast strength=90" in fake.text(await it.answer(3))
        assert it.painted[-1] == (PHOTO, None)


async def test_again_in_reply_to_a_picture_of_somebody_else_paints_a_photo_of_ones_own(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        first = await it.ordered()
        await it.says(f"{ME} again", CAT, by=it.bob, reply_to=first)
        assert "strength=50" in fake.text(await it.answer(2))
        assert len(await it.store.jobs_of(f"discord:{it.bob}", 5)) == 1


async def test_verify_by_command_and_in_reply_hands_the_picture_and_its_photo_to_the_engine(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.stylize(style="greatwave", recipe=LINE.removeprefix("/stylize greatwave "))
        first = await it.answer()
        await it.until_state(it.engine.runs[0].job, State.DELIVERED)
        await it.slash("verify", picture=("ours.png", OURS))
        await it.answer(2)
        await it.says(f"{ME} verify", reply_to=first)
        await it.answer(3)
        assert [run.checked for run in it.engine.runs] == [None, OURS, fake.file(first)]
        assert it.painted == [(PHOTO, None)] * 3


async def test_verify_takes_photo_and_style_that_come_with_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        in_mine = encode_png(torch.zeros(3, 8, 12), LINE.replace("greatwave mode=fast", "mine mode=universal"))
        await it.slash("verify", picture=("ours.png", OURS), photo=("cat.png", PHOTO))
        await it.answer()
        await it.slash("verify", picture=("o.png", in_mine), photo=("c.png", PHOTO), style_photo=("t.png", TILES))
        await it.answer(2)
        await it.says(f"{ME} verify", ("cat.png", PHOTO), ("ours.png", OURS))
        await it.answer(3)
        assert [(run.photo, run.style, run.checked) for run in it.engine.runs] == [
            (PHOTO, None, OURS),
            (PHOTO, TILES, in_mine),
            (PHOTO, None, OURS),
        ]
