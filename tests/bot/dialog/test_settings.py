"""What admins decide about a room holds for every order in it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.jobs import Job
from bot.core.messages import Accepted, Choice, Reply, is_refusal
from bot.core.rooms import RoomSettings
from tests.harness import GALLERY, Bot, bot, waits


async def say(it: Bot, text: str, *, photo: bytes | None = None, **more: Any) -> Reply:
    return await it.say(text, photo=photo, **more)


async def ordered(it: Bot, text: str, *, photo: bytes = b"cat", **more: Any) -> Job:
    """The job of an order that is to be accepted."""
    reply = await say(it, text, photo=photo, **more)
    assert isinstance(reply, Accepted), reply.text
    return reply.job


async def test_a_rooms_style_is_that_of_orders_that_name_none() -> None:
    async with bot() as it:
        assert not is_refusal(await say(it, "/settings style=Great-Wave", admin=True))
        unnamed, named = await ordered(it, "/stylize strength=20"), await ordered(it, "/stylize starrynight")
        assert [job.recipe.styles[0].name for job in (unnamed, named)] == ["greatwave", "starrynight"]
        await say(it, "/settings style=none", admin=True)
        assert is_refusal(await say(it, "/stylize", photo=b"cat"))


async def test_a_rooms_size_caps_what_is_said_and_what_is_not() -> None:
    async with bot() as it:
        await say(it, "/settings size=128", admin=True)
        reply = await say(it, "/stylize starrynight size=256", photo=b"cat")
        assert "its limit is 128 pixels" in reply.text
        assert (await ordered(it, "/stylize starrynight")).recipe.size == 128
        assert (await ordered(it, "/stylize starrynight mode=fine")).recipe.size == 128
        await say(it, "/settings size=4096", admin=True)
        assert (await ordered(it, "/stylize starrynight")).recipe.size == 1024


async def test_a_rooms_mode_is_filled_in_unless_what_is_said_needs_another() -> None:
    assert GALLERY.find("starrynight")
    from engine import recipe

    plain = recipe.parse("starrynight", GALLERY)
    assert RoomSettings(mode="fine").fill(plain, GALLERY).mode == "fine"
    with_steps = recipe.parse("starrynight steps=9", GALLERY)
    assert RoomSettings(mode="fast").fill(with_steps, GALLERY).mode is None
    mine = recipe.parse("mine", GALLERY)
    assert RoomSettings(mode="fast").fill(mine, GALLERY).mode is None


async def test_orders_are_for_admins_where_admins_say_so() -> None:
    async with bot() as it:
        await say(it, "/settings who=admins", admin=True)
        assert "Only admins" in (await say(it, "/stylize starrynight", photo=b"cat")).text
        assert await ordered(it, "/stylize starrynight", admin=True)
        await say(it, "/settings who=everyone", admin=True)
        assert await ordered(it, "/stylize starrynight")


async def test_orders_are_taken_in_the_chosen_topics_only() -> None:
    async with bot() as it:
        await say(it, "/settings topics=here", admin=True, topic="5")
        await say(it, "/settings channels=here", admin=True, topic="6")
        assert "in this part of the group" in (await say(it, "/stylize starrynight", topic="7", photo=b"cat")).text
        assert await ordered(it, "/stylize starrynight", topic="6")
        await say(it, "/settings topics=all", admin=True, topic="6")
        assert await ordered(it, "/stylize starrynight", topic="7")


async def test_everybody_may_look_and_only_admins_change() -> None:
    async with bot() as it:
        assert "who=everyone" in (await say(it, "/settings")).text
        reply = await say(it, "/settings who=admins")
        assert is_refusal(reply)
        assert "Only admins" in reply.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stile=scream", "There is no setting “stile”. Did you mean style?"),
        ("size=12", "from 64 to 4096"),
        ("who=bob", "who= is everyone or admins."),
        ("mode=fsat", "Did you mean fast?"),
        ("style=starynight", "Did you mean starrynight?"),
        ("style=mine", "mine needs a picture with every order"),
        ("topics=5", "topics=here"),
        ("topics=here", "no topics or channels here"),
        ("size", "Write a value after size="),
    ],
)
async def test_a_setting_that_will_not_do_is_refused_and_changes_nothing(text: str, sentence: str) -> None:
    async with bot() as it:
        reply = await say(it, f"/settings who=admins {text}", admin=True)
        assert is_refusal(reply)
        assert sentence in reply.text
        assert await it.studio.rooms.get("room of ann") == RoomSettings()


async def test_a_style_that_is_misspelt_is_answered_with_orders_to_choose_from() -> None:
    async with bot() as it:
        reply = await say(it, "/stylize starynight size=128", photo=b"cat")
        assert isinstance(reply, Choice)
        assert [reply.line(style) for style in reply.suggestions] == ["/stylize starrynight size=128"]
        mix = await say(it, "/stylize starynight:70+greatwave:30", photo=b"cat")
        assert isinstance(mix, Choice)
        assert mix.suggestions == ("starrynight:70+greatwave:30",)
        none = await say(it, "/stylize size=128", photo=b"cat")
        assert isinstance(none, Choice)
        assert none.line(none.cards[1].name) == "/stylize greatwave size=128"


async def test_an_order_under_the_same_name_is_the_same_job() -> None:
    async with bot() as it:
        first = await ordered(it, "/stylize starrynight", idempotency_key="message 1")
        second = await ordered(it, "/stylize starrynight", idempotency_key="message 1")
        other = await ordered(it, "/stylize starrynight", idempotency_key="message 2")
        assert first.id == second.id != other.id
        await it.chat.answered(first.id, other.id)
        assert it.engine.painted == ["cat", "cat"]


async def test_a_room_has_no_more_pictures_waiting_than_it_allows() -> None:
    async with bot(waits) as it:
        await say(it, "/settings waiting=1", admin=True)
        assert await ordered(it, "/stylize starrynight")
        second = await say(it, "/stylize greatwave", photo=b"dog")
        assert is_refusal(second)
        assert second.text == "1 picture of this room is waiting, and its limit is 1. Wait for it."
        await say(it, "/settings waiting=default", admin=True)
        assert await ordered(it, "/stylize greatwave", photo=b"dog")
