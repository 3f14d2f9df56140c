"""Pictures of ours that come back: their recipe is read from the file, and paints again."""

from __future__ import annotations

import importlib.util
import random
from fractions import Fraction

import pytest
import torch

from bot.core.jobs import State
from bot.core.messages import Accepted, Reply, Text
from bot.dialog.carried.line import Carried, carried, line_shown
from bot.dialog.parse import parse
from engine import wire
from engine.images import moving
from engine.images.animation import Clip
from engine.images.encode import encode_png
from engine.images.export import export
from engine.images.metadata import Says
from engine.recipe import line
from engine.wire import MP4
from tests.harness import Bot, bot, message
from tests.pictures import picture

LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
PNG = encode_png(torch.rand(3, 64, 96, generator=torch.Generator().manual_seed(1)), LINE)
SAYS = Says(LINE, "impasto 0.1.0 w1 g2")
FRAMES = [torch.randint(0, 255, (3, 48, 64), dtype=torch.uint8) for _ in range(3)]
CLIP = Clip(wire.GIF, FRAMES, [Fraction(1, 10)] * 3, None, 0)
CLIPS = {kind.name: moving.encode(CLIP, (kind.media_type,), 0, SAYS).data for kind in moving.KINDS if kind is not MP4}
if importlib.util.find_spec("av"):
    CLIPS["MP4"] = moving.encode(CLIP, (MP4.media_type,), 0, SAYS).data
FILES = {"png": PNG, "jpeg": export(PNG, "jpeg"), "webp": export(PNG, "webp"), **CLIPS}


@pytest.mark.parametrize("kind", FILES)
def test_a_picture_of_ours_says_its_line_in_every_format(kind: str) -> None:
    found = carried(FILES[kind])
    assert found is not None
    assert found.line == LINE


def test_other_pictures_say_none() -> None:
    forged = encode_png(torch.zeros(3, 64, 64), "/forgetme yes")
    for data in (None, b"", b"cat", picture(), picture(kind="JPEG"), forged):
        assert carried(data) is None


@pytest.mark.parametrize("kind", FILES)
def test_no_bytes_trip_the_reader(kind: str) -> None:
    data, dice = FILES[kind], random.Random(5)
    for _ in range(3000):
        broken = bytearray(data[: dice.randrange(len(data))] if dice.random() < 0.3 else data)
        for _ in range(dice.randrange(1, 8)):
            broken[dice.randrange(min(len(broken), 400))] = dice.randrange(256) if broken else 0
        found = carried(bytes(broken))
        assert found is None or (isinstance(found, Carried) and found.line.isascii() and found.line.isprintable())


def _palette_end(gif: bytes) -> int:
    return 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_nothing_but_tiny_parts_is_not_followed_for_long(kind: str) -> None:
    tiny = {"png": bytes(8) + bytes(4), "jpeg": b"\xff\xe1\0\2", "webp": b"junk" + bytes(4), "GIF": b"\x21\xff\0"}
    tiny |= {"APNG": tiny["png"], "WebP": tiny["webp"], "MP4": b"\0\0\0\x08junk"}
    starts = {"png": 8, "jpeg": 2, "webp": 12, "APNG": 8, "WebP": 12, "GIF": _palette_end(FILES["GIF"]), "MP4": 32}
    head = FILES[kind][: starts[kind]]
    assert carried(head + tiny[kind] * 3000 + FILES[kind][len(head) :]) is None


def test_a_message_of_ours_says_the_line_as_well() -> None:
    assert line_shown(f"The Great Wave, Hokusai\n{LINE}\n2 s\na note") == LINE
    assert line_shown(f"**The Great Wave** · 96 × 64\n`{LINE}`\n-# a note") == LINE
    assert line_shown("Write /stylize greatwave to a photo") == ""


async def _drops(it: Bot, words: str = "", photo: bytes | None = PNG, **more: object) -> Reply:
    return await it.say(words, photo=photo, own_room=True, **more)


async def test_a_picture_that_comes_back_is_answered_with_its_recipe_which_paints_the_next_photo() -> None:
    async with bot() as it:
        reply = await _drops(it)
        assert isinstance(reply, Text)
        assert LINE in reply.text
        assert [offered.text for offered in reply.lines] == [LINE.replace("/stylize", "/start"), "/again", "/verify"]
        ordered = await _drops(it, photo=b"cat")
        assert isinstance(ordered, Accepted)
        assert line(ordered.job.recipe) == LINE


async def test_the_offer_to_paint_another_like_it_takes_the_next_photo_also_later() -> None:
    async with bot() as it:
        reply = await _drops(it)
        assert isinstance(reply, Text)
        await _drops(it, "greatwave", photo=b"dog")
        assert "Which photo" in (await _drops(it, reply.lines[0].text, photo=None)).text
        ordered = await _drops(it, photo=b"cat")
        assert isinstance(ordered, Accepted)
        assert line(ordered.job.recipe) == LINE


async def test_a_style_named_after_it_repaints_the_picture_itself() -> None:
    async with bot() as it:
        await _drops(it)
        ordered = await _drops(it, "starrynight", photo=None)
        assert isinstance(ordered, Accepted)
        await it.until_state(ordered.job.id, State.DELIVERED)
        assert it.engine.runs[0].photo == PNG


async def test_a_picture_of_another_gallery_is_recognised_all_the_same() -> None:
    async with bot() as it:
        theirs = encode_png(torch.zeros(3, 64, 64), "/stylize mygrandma mode=fast seed=7")
        reply = await _drops(it, photo=theirs)
        assert isinstance(reply, Text)
        assert "/stylize mygrandma mode=fast seed=7" in reply.text
        assert "I do not know the style" in reply.text
        other = await _drops(it, photo=b"cat")
        assert not isinstance(other, Accepted) or other.job.recipe.mode == "sheet", "nothing waits"


async def test_again_with_it_paints_its_own_photo_while_that_is_kept() -> None:
    async with bot() as it:
        first = await it.order(LINE, photo=b"cat")
        await it.until_state(first.id, State.DELIVERED)
        await it.order("/stylize starrynight", photo=b"dog")
        ordered = await it.say("/again strength=80", photo=PNG)
        assert isinstance(ordered, Accepted)
        await it.until_state(ordered.job.id, State.DELIVERED)
        assert it.engine.runs[-1].photo == b"cat"
        assert (ordered.job.recipe.styles, ordered.job.recipe.strength) == (first.recipe.styles, 80)


async def test_again_with_it_takes_the_next_photo_where_its_own_is_not_kept() -> None:
    async with bot() as it:
        reply = await it.say("/again strength=80", photo=PNG)
        assert isinstance(reply, Text)
        assert "no longer kept" in reply.text
        ordered = await it.say("", photo=b"dog")
        assert isinstance(ordered, Accepted)
        assert line(ordered.job.recipe) == LINE.replace("strength=40", "strength=80")


async def test_again_in_reply_to_somebody_elses_picture_paints_a_photo_like_it() -> None:
    async with bot() as it:
        theirs = await it.order(LINE, user="bob")
        asked = message("ann", replied=theirs.id, line=LINE)
        reply = await it.commands.handle(asked, parse("/again"))
        assert isinstance(reply, Text)
        ordered = await it.say("", photo=b"dog")
        assert isinstance(ordered, Accepted)
        assert line(ordered.job.recipe) == LINE
