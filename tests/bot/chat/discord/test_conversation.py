"""Orders that come in two halves, in private conversations."""

from __future__ import annotations

from tests.bot.chat.discord.harness import CAT, on
from tests.fakes.discord.server import FakeDiscord


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
