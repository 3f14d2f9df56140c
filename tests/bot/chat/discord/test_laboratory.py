"""The laboratory's slash commands."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from engine.wire import Event, Paint
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, TILES, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import EngineDouble, done
from tests.pictures import clip


async def test_a_texture_needs_no_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.slash("texture", style="starrynight", depth=3, tile=True, size=128, recipe="steps=9")
        answer = await it.answer()
        assert "Texture: The Starry Night" in fake.text(answer)
        assert "/stylize starrynight mode=texture" in fake.text(answer)
        assert all(word in fake.text(answer) for word in ("depth=3", "tile=yes", "size=128", "steps=9"))
        assert it.painted == [(None, None)]
        await fake.press(it.ann, answer, "Again")
        await it.answer(2)


async def test_a_texture_may_be_that_of_a_picture(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.slash("texture", style="mine", style_photo=("t.png", TILES))
        await it.answer()
        assert it.painted == [(None, TILES)]
        await it.told(await it.slash("texture", style="mine"), "Add it as style_photo:")


async def test_a_dream_takes_a_photo_and_perhaps_a_guide(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told(await it.slash("dream", layer="conv4_1"), "Which photo?")
        await it.slash("dream", photo=CAT, layer="conv4_1", octaves=2)
        assert "mode=dream" in fake.text(await it.answer())
        await it.slash("dream", photo=CAT, guide=("t.png", TILES))
        assert "/stylize mine mode=dream" in fake.text(await it.answer(2))
        assert it.painted == [(PHOTO, None), (PHOTO, TILES)]


async def test_a_dream_may_come_nearer_as_a_clip(fake: FakeDiscord) -> None:
    moving = clip()

    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield msgspec.structs.replace(done(paint, media_type="image/gif"), picture=moving)

    async with on(fake, act) as it:
        await it.slash("dream", photo=CAT, zoom=4)
        answer = await it.answer()
        assert "mode=dream" in fake.text(answer)
        assert "zoom=4" in fake.text(answer)
        assert it.file_name(answer).endswith(".gif")
        assert it.engine.runs[0].recipe.zoom == 4


async def test_what_a_layer_cannot_be_called_is_told_alone(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told_alone(await it.slash("reconstruct", photo=CAT, layer="4"), "layer names")


async def test_the_others_have_their_commands_too(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        orders = [
            ("reconstruct", {"photo": CAT, "layer": "conv2_1"}, "mode=content"),
            ("grid", {"photo": CAT, "style": "starrynight"}, "mode=grid"),
            ("suggest", {"photo": CAT}, "mode=suggest"),
            ("like", {"picture": CAT}, "mode=like"),
            ("map", {}, "mode=map"),
            ("stylize", {"photo": CAT, "style": "starrynight", "mode": "fine"}, "mode=fine"),
            ("explain", {}, "mode=explain"),
        ]
        for number, (name, options, told) in enumerate(orders, 1):
            await it.slash(name, **options)
            assert told in fake.text(await it.answer(number))


async def test_a_mention_orders_from_the_laboratory_as_well(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} texture starrynight depth=2")
        assert "mode=texture" in fake.text(await it.answer())
        await it.says(f"{ME} dream conv4_1", CAT)
        assert "mode=dream" in fake.text(await it.answer(2))


async def test_a_clip_is_answered_with_a_clip_and_a_photo_can_become_one(fake: FakeDiscord) -> None:
    moving = clip()

    async def act(engine: EngineDouble, paint: Paint) -> AsyncGenerator[Event, None]:
        yield msgspec.structs.replace(done(paint, media_type="image/gif"), picture=moving)

    async with on(fake, act, act) as it:
        await it.slash("stylize", photo=("cat.gif", moving), style="starrynight")
        answer = await it.answer()
        assert it.file_name(answer).endswith(".gif")
        assert it.painted == [(moving, None)]
        assert it.engine.runs[0].plays == ("image/gif", "video/mp4")
        assert it.engine.runs[0].most_bytes >= 10 * 2**20
        await it.slash("morph", photo=CAT, styles="starrynight greatwave", frames=8)
        text = fake.text(await it.answer(2))
        assert "mode=morph" in text
        assert "frames=8" in text
