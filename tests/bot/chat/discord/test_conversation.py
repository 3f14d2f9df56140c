"""Orders that come in two halves, in private conversations."""

from __future__ import annotations

import torch

from bot.core.jobs import State
from engine.images.encode import encode_png
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, on
from tests.fakes.discord.server import FakeDiscord

LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
OURS = encode_png(torch.full((3, 64, 96), 0.5), LINE)


async def test_in_private_a_style_may_come_before_its_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        alone = fake.direct(it.ann)
        await it.says("greatwave 80", where=alone)
        await fake.until(lambda: any("Send it here." in message["content"] for message in it.public(alone)))
        await it.says("", CAT, where=alone)
        assert "/stylize greatwave mode=fast strength=80" in fake.text(await it.answer(channel=alone))


async def test_in_private_a_photo_waits_for_its_style(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        alone = fake.direct(it.ann)
        await it.says("", CAT, where=alone)
        await it.answer(channel=alone)
        assert it.engine.runs[0].recipe.mode == "sheet"
        await it.says("make it look like the great wave please", where=alone)
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        assert it.engine.runs[1].recipe.styles[0].name == "greatwave"
        assert it.engine.runs[1].photo == it.engine.runs[0].photo


async def test_what_can_be_done_with_a_picture_of_ours_is_buttons(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.stylize(style="greatwave", recipe=LINE.removeprefix("/stylize greatwave "))
        await it.answer()
        await it.until_state(it.engine.runs[0].job, State.DELIVERED)
        await it.says(ME, ("ours.png", OURS))
        known = int((await it.posted("I know this picture"))["id"])
        await fake.press(it.ann, known, "Verify")
        await it.answer(2)
        assert (it.engine.runs[-1].photo, it.engine.runs[-1].checked) == (PHOTO, OURS)
        await it.told_alone(await fake.press(it.bob, known, "Verify"), "for the person who asked")
        await it.told_alone(await fake.press(it.ann, known, "Verify"), "ordered already")
        await it.told_alone(await fake.press(it.ann, known, "Paint another like this"), "Which photo")
        await it.says(ME, CAT)
        assert LINE in fake.text(await it.answer(3))


async def test_help_goes_on_by_buttons(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        first = await it.shown(await it.slash("help"))
        await it.told_alone(await fake.press(it.ann, first, "Options"), "Settings follow the style")
        await it.told_alone(await fake.press(it.ann, first, "Options"), "Settings follow the style")
        assert "Every style" not in fake.text(await it.shown(await fake.press(it.ann, first, "The paintings")))


async def test_a_corrected_mention_is_an_order(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        message = await it.says(f"{ME} gratewave", CAT)
        await it.posted("Did you mean greatwave?")
        await fake.corrects(message, f"{ME} greatwave", after=5)
        await it.answer()
        await fake.corrects(message, f"{ME} scream", after=9)  # which it has become already
        await it.says(f"{ME} queue")
        await it.posted("in the queue")
        assert [paint.recipe.styles[0].name for paint in it.engine.runs] == ["greatwave"]


async def test_a_reply_that_is_corrected_to_a_mention_is_an_order_unless_it_is_old(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        photo = await it.photo()
        old, new = [await it.says("starrynight", reply_to=photo) for _ in range(2)]
        await fake.corrects(old, f"{ME} scream", after=3600)
        await fake.corrects(new, f"{ME} greatwave")
        await it.answer()
        assert [paint.recipe.styles[0].name for paint in it.engine.runs] == ["greatwave"]


async def test_a_preview_that_discord_adds_to_an_edited_message_is_no_other_edit(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        message = await it.says("hello", CAT)
        await fake.corrects(message, f"{ME} gratewave", after=5)
        await it.posted("Did you mean greatwave?")
        await fake.corrects(message, f"{ME} gratewave", after=5)
        await it.says(f"{ME} queue")
        await it.posted("in the queue")
        assert len(it.public()) == 2
