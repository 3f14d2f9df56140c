"""Captions."""

from __future__ import annotations

import pytest

from bot.chat.telegram.render import caption, cut, length
from bot.core.messages import Result
from engine import gallery
from tests.bot.chat.telegram.harness import painted, telegram_bot
from tests.fakes.telegram.server import FakeTelegram


async def test_a_caption_that_is_too_long_is_cut_and_the_recipe_line_is_whole(server: FakeTelegram) -> None:
    layers = ",".join(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2", "conv1", "fire2", "fire3"))
    names = "+".join(f"{style.name}:{index + 1}" for index, style in enumerate(list(gallery.default())[:8]))
    async with telegram_bot(server):
        result = await painted(server, text=f"/stylize {names} layers={layers} content={layers} seed=7")
        assert length(result["caption"]) <= 1024
        (code,) = result["caption_entities"]
        utf16 = result["caption"].encode("utf-16-le")
        line = utf16[2 * code["offset"] :][: 2 * code["length"]].decode("utf-16-le")
        assert line.startswith("/stylize starrynight:1+greatwave:2")
        assert line.endswith("encoder=slim")


@pytest.mark.parametrize(("credit", "notes"), [("🎨" * 700, ("a note",)), ("short", ("n" * 900, "small"))])
def test_a_caption_is_counted_as_telegram_counts(credit: str, notes: tuple[str, ...]) -> None:
    result = Result(picture=b"", width=1, height=1, credit=credit, line="/stylize 🎨" + "x" * 300, seconds=3)
    text, (code,) = caption(result, notes)
    assert length(text) <= 1024
    utf16 = text.encode("utf-16-le")
    assert utf16[2 * code.offset :][: 2 * code.length].decode("utf-16-le") == result.line
    assert length(cut("🎨" * 50, 10)) <= 10
