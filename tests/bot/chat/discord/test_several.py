"""Messages with several photos: each is an order."""

from __future__ import annotations

from tests.bot.chat.discord.harness import CAT, ME, PHOTO, TILES, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import waits
from tests.pictures import picture

DOG = picture((40, 40, 200), (48, 40))
THREE = (CAT, ("dog.png", DOG), ("tiles.png", TILES))


async def test_each_photo_of_a_message_is_an_order(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        message = await it.says(f"{ME} starrynight", *THREE)
        await it.answer(3)
        assert [photo for photo, _ in it.painted] == [PHOTO, DOG, TILES]
        assert {it.replies_to(answer) for answer in it.answers()} == {message}


async def test_so_is_each_of_the_message_that_is_replied_to(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        photos = await it.says("look", *THREE, by=it.bob)
        await it.says(f"{ME} greatwave", reply_to=photos)
        await it.answer(3)


async def test_without_a_style_there_is_one_question(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(ME, *THREE)
        await it.posted("These are 3 photos. Which style")
        assert len(it.public()) == 1
        assert not it.engine.runs


async def test_those_beyond_the_limit_are_named_in_one_sentence(fake: FakeDiscord) -> None:
    async with on(fake, waits, open_jobs=1) as it:
        await it.says(f"{ME} starrynight", *THREE)
        await it.posted("2 of your 3 pictures were not taken. 1 of your pictures is waiting")
        it.engine.let_go(await it.started())
        await it.answer()


async def test_so_is_each_photo_of_a_command(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.stylize(style="starrynight", photo2=("dog.png", DOG), photo4=("tiles.png", TILES))
        await it.answer(3)
        assert [photo for photo, _ in it.painted] == [PHOTO, DOG, TILES]
        await it.stylize(style="mine", photo2=("dog.png", DOG), style_photo=("tiles.png", TILES))
        await it.answer(5)
        assert it.painted[3:] == [(PHOTO, TILES), (DOG, TILES)]


async def test_without_a_style_one_is_chosen_for_all_photos_of_a_command(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.shown(await it.stylize(photo2=("dog.png", DOG)))
        await it.choose(shown, "greatwave")
        await fake.press(it.ann, shown, "Paint")
        await it.answer(2)
        assert [paint.photo for paint in it.pictures] == [PHOTO, DOG]
        assert {paint.recipe.styles[0].name for paint in it.pictures} == {"greatwave"}


async def test_photos_of_a_command_beyond_the_limit_are_named_in_private(fake: FakeDiscord) -> None:
    async with on(fake, waits, open_jobs=1) as it:
        await it.stylize(style="starrynight", photo2=("dog.png", DOG), photo3=("tiles.png", TILES))
        await it.posted("2 of your 3 pictures were not taken.", await it.direct())
        it.engine.let_go(await it.started())
        await it.answer()


async def test_where_the_bot_is_no_member_a_command_takes_one_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        alone = fake.add_conversation(it.ann, it.bob)
        asked = await it.stylize(where=alone, style="starrynight", photo2=("dog.png", DOG))
        await it.told_alone(asked, "one photo at a time")
        assert not it.engine.runs
