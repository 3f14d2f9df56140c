"""Messages without a command, and orders that come in two halves."""

from __future__ import annotations

import pytest

from bot.core.jobs import State
from bot.core.limits import Limits
from bot.core.messages import Accepted, Choice, Reply, Text
from bot.core.people.halves import KEPT_SECONDS, Halves
from bot.dialog.parse import parse
from tests.harness import Bot, bot, message, waits


async def _says(it: Bot, text: str, photo: bytes | None = None, *, private: bool = True, key: str = "") -> Reply:
    incoming = message("ann", photo, own_room=private, idempotency_key=key)
    return await it.commands.handle(incoming, parse(text))


def _asks(reply: Reply) -> bool:
    """Whether a photo was answered with every style on it, to choose from."""
    return isinstance(reply, Accepted) and reply.job.recipe.mode == "sheet"


def _ordered(reply: Reply) -> tuple[str, int | None]:
    assert isinstance(reply, Accepted), reply.text
    return reply.job.recipe.styles[0].name, reply.job.requested.strength if reply.job.requested else None


@pytest.mark.parametrize(
    "words", ["greatwave", "/stylize greatwave", "Great Wave please", "/stylize greatwave seed=3"]
)
async def test_a_photo_waits_for_its_style(words: str) -> None:
    async with bot() as it:
        assert _asks(await _says(it, "", b"cat"))
        reply = await _says(it, words)
        assert _ordered(reply)[0] == "greatwave"
        await it.until_state(reply.job.id, State.DELIVERED)  # type: ignore[union-attr]
        assert it.engine.runs[-1].photo == b"cat"
        assert isinstance(await _says(it, words), Text), "it was for one order"


@pytest.mark.parametrize(
    "words", ["greatwave strength=80", "/stylize greatwave strength=80", "greatwave 80", "/stylize great wave 80%"]
)
async def test_a_style_waits_for_its_photo_with_its_settings(words: str) -> None:
    async with bot() as it:
        assert "for which photo? Send it here." in (await _says(it, words)).text.replace("Which", "for which")
        assert _ordered(await _says(it, "", b"cat")) == ("greatwave", 80)
        assert _asks(await _says(it, "", b"dog")), "it was for one order"


async def test_in_a_group_a_style_waits_for_the_photo_of_the_same_person_and_no_photo_is_kept() -> None:
    async with bot() as it:
        assert "reply that to a photo" in (await _says(it, "/stylize greatwave", private=False)).text
        assert _asks(await it.say("", "bob", b"tree"))
        assert _ordered(await _says(it, "", b"cat", private=False))[0] == "greatwave"
        assert _asks(await _says(it, "", b"dog", private=False))
        assert isinstance(await _says(it, "greatwave", private=False), Text)


async def test_what_waits_is_given_up_after_an_hour() -> None:
    async with bot() as it:
        now = 1000.0
        halves = Halves(it.store, lambda: now)
        await halves.keep_words(message(), "greatwave")
        now += KEPT_SECONDS - 1
        assert await halves.words(message()) == "greatwave"
        now += 1
        assert not await halves.words(message())


async def test_a_photo_that_was_not_taken_still_waits() -> None:
    async with bot(waits, limits=Limits(open_jobs=1, burst=50)) as it:
        first = await it.order()
        await _says(it, "", b"dog")
        assert "the limit is 1" in (await _says(it, "greatwave")).text
        await it.say(f"/cancel {first.id}")
        assert _ordered(await _says(it, "greatwave"))[0] == "greatwave"


async def test_a_photo_that_comes_twice_is_one_order_also_where_its_words_came_before() -> None:
    async with bot(waits) as it:
        await _says(it, "/stylize greatwave")
        first, again = await _says(it, "", b"cat", key="m1"), await _says(it, "", b"cat", key="m1")
        assert isinstance(first, Accepted)
        assert isinstance(again, Accepted)
        assert first.job.id == again.job.id


@pytest.mark.parametrize("caption", ["Look at my new dog!", "my cat on the sofa", "Grandma's 80th birthday"])
async def test_an_ordinary_caption_is_answered_with_the_styles(caption: str) -> None:
    async with bot() as it:
        assert _asks(await _says(it, caption, b"cat"))
        assert _ordered(await _says(it, "starrynight"))[0] == "starrynight"


async def test_a_sentence_with_a_photo_finds_its_painter() -> None:
    async with bot() as it:
        assert _ordered(await _says(it, "make it look like van gogh please", b"cat"))[0] == "starrynight"


async def test_the_word_for_a_style_in_a_caption_is_asked_about() -> None:
    async with bot() as it:
        reply = await _says(it, "we got up with the starry night above us", b"cat")
        assert isinstance(reply, Choice)
        assert reply.suggestions == ("starrynight",)
        assert _ordered(await _says(it, "/stylize starrynight"))[0] == "starrynight"


@pytest.mark.parametrize("photo", [None, b"cat"])
async def test_a_misspelt_style_is_answered_with_what_may_have_been_meant(photo: bytes | None) -> None:
    async with bot() as it:
        reply = await _says(it, "gratewave", photo)
        assert isinstance(reply, Choice)
        assert reply.suggestions == ("greatwave",)


async def test_settings_alone_repaint_the_last_photo() -> None:
    async with bot() as it:
        reply = await _says(it, "starrynight", b"cat")
        assert isinstance(reply, Accepted)
        await it.until_state(reply.job.id, State.DELIVERED)
        assert _ordered(await _says(it, "strength=90")) == ("starrynight", 90)


async def test_kindness_is_answered_kindly() -> None:
    async with bot() as it:
        assert "You are welcome" in (await _says(it, "thank you!")).text
        assert "Hello" in (await _says(it, "hi")).text
