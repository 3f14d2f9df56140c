"""/verify: which photo a picture of ours is painted from once more, and what is said where there is none."""

from __future__ import annotations

import pytest
import torch

from bot.core.jobs import State
from bot.core.messages import Accepted, Reply, Text
from engine.images.encode import encode_png
from engine.recipe import line
from tests.harness import Bot, bot

LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
TEXTURE = "/stylize starrynight mode=texture size=96 seed=7"
IN_MINE = LINE.replace("greatwave mode=fast", "mine mode=universal")


def ours(text: str = LINE, shade: float = 0.5) -> bytes:
    return encode_png(torch.full((3, 64, 96), shade), text)


async def painted(it: Bot, reply: Reply) -> tuple[bytes | None, bytes | None, bytes | None]:
    """What the engine got of an order: the photo, the style, and the picture to hold against."""
    assert isinstance(reply, Accepted), reply
    await it.until_state(reply.job.id, State.DELIVERED)
    run = next(run for run in it.engine.runs if run.job == reply.job.id)
    return run.photo, run.style, run.checked


async def test_the_kept_photo_is_painted_once_more_and_the_picture_goes_along() -> None:
    async with bot() as it:
        first = await it.order(LINE, photo=b"cat")
        await it.until_state(first.id, State.DELIVERED)
        assert await painted(it, await it.say("/verify", photo=ours())) == (b"cat", None, ours())
        assert await painted(it, await it.say("/verify", photo=b"a JPEG", line=LINE)) == (b"cat", None, b"a JPEG")
        assert await painted(it, await it.say("/again")) == (b"cat", None, None)


@pytest.mark.parametrize("pictures", [{"photo": ours(), "style": b"cat"}, {"photo": b"cat", "style": ours()}])
async def test_a_photo_that_comes_along_is_taken_in_whichever_order_they_come(pictures: dict[str, bytes]) -> None:
    async with bot() as it:
        reply = await it.say("/verify", **pictures)
        assert await painted(it, reply) == (b"cat", None, ours())
        assert isinstance(reply, Accepted)
        assert line(reply.job.recipe) == LINE


async def test_in_reply_to_a_picture_that_says_nothing_itself_what_comes_along_is_its_photo() -> None:
    async with bot() as it:
        reply = await it.say("/verify", checked=b"a JPEG", photo=b"cat", line=LINE)
        assert await painted(it, reply) == (b"cat", None, b"a JPEG")


async def test_one_of_ours_that_was_painted_upon_is_the_photo_of_the_other() -> None:
    async with bot() as it:
        reply = await it.say("/verify", photo=ours(), style=ours("/stylize starrynight size=96", 0.2))
        assert await painted(it, reply) == (ours("/stylize starrynight size=96", 0.2), None, ours())


async def test_a_style_of_ones_own_is_the_kept_one_or_comes_along() -> None:
    async with bot() as it:
        first = await it.order(IN_MINE, photo=b"cat", style=b"tiles")
        await it.until_state(first.id, State.DELIVERED)
        assert await painted(it, await it.say("/verify", photo=ours(IN_MINE))) == (b"cat", b"tiles", ours(IN_MINE))
        reply = await it.say("/verify", user="bob", checked=ours(IN_MINE), photo=b"dog", style=b"wool")
        assert await painted(it, reply) == (b"dog", b"wool", ours(IN_MINE))


async def test_of_the_laboratory_those_come_along_that_it_was_made_of() -> None:
    async with bot() as it:
        dream, mine = ours("/stylize mode=dream size=96 seed=7"), ours(TEXTURE.replace("starrynight", "mine"))
        assert await painted(it, await it.say("/verify", photo=ours(TEXTURE))) == (None, None, ours(TEXTURE))
        assert await painted(it, await it.say("/verify", photo=dream, style=b"cat")) == (b"cat", None, dream)
        assert await painted(it, await it.say("/verify", photo=mine, style=b"tiles")) == (None, b"tiles", mine)


async def test_alone_with_the_bot_the_photo_may_be_the_next_message() -> None:
    async with bot() as it:
        asked = await it.say("/verify", photo=ours(), own_room=True)
        assert isinstance(asked, Text)
        assert "Send the photo" in asked.text
        assert await painted(it, await it.say("", photo=b"cat", own_room=True)) == (b"cat", None, ours())
        after = await it.say("", photo=b"dog", own_room=True)
        assert isinstance(after, Accepted)
        assert after.job.recipe.mode == "sheet", "which verifies nothing any more"


async def test_alone_with_the_bot_photo_and_style_may_be_the_next_message() -> None:
    async with bot() as it:
        assert "Send both with /verify" in (await it.say("/verify", photo=ours(IN_MINE), own_room=True)).text
        assert "Send both with /verify" in (await it.say("", photo=b"cat", own_room=True)).text
        reply = await it.say("/verify", photo=b"cat", style=b"tiles", own_room=True)
        assert await painted(it, reply) == (b"cat", b"tiles", ours(IN_MINE))


@pytest.mark.parametrize(
    ("pictures", "why"),
    [
        ({"photo": b"cat"}, "Which picture?"),
        ({}, "Which picture?"),
        ({"photo": ours()}, "Send its photo along"),
        ({"photo": ours(IN_MINE)}, "its photo and then its style"),
        ({"checked": ours(), "photo": b"cat", "style": b"dog"}, "these are 2 more"),
        ({"photo": ours(TEXTURE), "style": b"cat"}, "I take that one alone, and these are 1 more"),
        ({"photo": ours(TEXTURE.replace("starrynight", "mine"))}, "Send its style along"),
        ({"photo": ours("/stylize mygrandma size=96"), "style": b"cat"}, "I do not know the style"),
    ],
)
async def test_it_says_what_it_lacks(pictures: dict[str, bytes], why: str) -> None:
    async with bot() as it:
        assert why in (await it.say("/verify", **pictures)).text


async def test_a_photo_of_somebody_else_is_not_taken() -> None:
    async with bot() as it:
        first = await it.order(LINE, user="bob", photo=b"cat")
        await it.until_state(first.id, State.DELIVERED)
        assert "not yours" in (await it.say("/verify", photo=ours())).text
