"""What Discord's users see, in SimCord's Discord."""

from __future__ import annotations

import discord
import pytest

from tests.bot.discord_house import PHOTO, House, again, everything, house, options
from tests.bot.doubles import eventually, waits
from tests.web_house import swatches


@pytest.fixture(autouse=True)
def _swatches(tmp_path, monkeypatch) -> None:
    swatches(tmp_path, monkeypatch)


async def test_a_slash_command_with_a_photo_is_answered_with_the_picture() -> None:
    async with house() as it:
        result = await it.ann.slash(it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), strength=80)
        assert result.deferred or result.acknowledged
        message = await it.answer()
        assert await it.data(message) == b"picture of " + PHOTO
        assert "Starry Night" in (message.attachments[0].description or "")
        assert "Vincent van Gogh" in message.content
        assert "`/stylize starrynight mode=fine strength=80" in message.content
        assert "2.0 s" in message.content
