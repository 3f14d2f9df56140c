"""What admins decide about a room holds for every order in it."""

from __future__ import annotations

import msgspec
import pytest

from bot.core.messages import Reply
from bot.core.rooms import Room
from tests.harness import GALLERY, Bot, bot, message, waits


async def say(
    it: Bot, text: str, *, admin: bool = False, topic: str = "", photo: bytes | None = None, idempotency_key: str = ""
) -> Reply:
    incoming = msgspec.structs.replace(
        message(text, photo=photo), admin=admin, topic=topic, idempotency_key=idempotency_key
    )
    return await it.commands.handle(incoming)


async def test_a_rooms_style_is_that_of_orders_that_name_none() -> None:
    async with bot() as it:
        assert not (await say(it, "/settings style=Great-Wave", admin=True)).refused
        unnamed = await say(it, "/stylize strength=20", photo=b"cat")
        named = await say(it, "/stylize starrynight", photo=b"cat")
        assert unnamed.job
        assert named.job
        assert [job.recipe.styles[0].name for job in (unnamed.job, named.job)] == ["greatwave", "starrynight"]
        await say(it, "/settings style=none", admin=True)
        assert (await say(it, "/stylize", photo=b"cat")).refused


async def test_a_rooms_size_caps_what_is_said_and_what_is_not() -> None:
    async with bot() as it:
        await say(it, "/settings size=128", admin=True)
        refused = await say(it, "/stylize starrynight size=256", photo=b"cat")
        assert "its limit is 128 pixels" in refused.text
        unsaid = await say(it, "/stylize starrynight", photo=b"cat")
        assert unsaid.job
        assert unsaid.job.recipe.size == 128


async def test_a_rooms_mode_is_filled_in_unless_what_is_said_needs_another() -> None:
    assert GALLERY.find("starrynight")
    from engine import recipe

    said = recipe.parse("starrynight", GALLERY)
    assert Room(mode="fine").fill(said, 512, GALLERY).mode == "fine"
    with_steps = recipe.parse("starrynight steps=9", GALLERY)
    assert Room(mode="fast").fill(with_steps, 512, GALLERY).mode is None
    mine = recipe.parse("mine", GALLERY)
    assert Room(mode="fast").fill(mine, 512, GALLERY).mode is None


async def test_orders_are_for_admins_where_admins_say_so() -> None:
    async with bot() as it:
        await say(it, "/settings who=admins", admin=True)
        assert "only admins" in (await say(it, "/stylize starrynight", photo=b"cat")).text
        assert (await say(it, "/stylize starrynight", photo=b"cat", admin=True)).job
        await say(it, "/settings who=everyone", admin=True)
        assert (await say(it, "/stylize starrynight", photo=b"cat")).job


async def test_orders_are_taken_in_the_chosen_topics_only() -> None:
    async with bot() as it:
        await say(it, "/settings topics=here", admin=True, topic="5")
        await say(it, "/settings channels=here", admin=True, topic="6")
        assert "in this part of the group" in (await say(it, "/stylize starrynight", topic="7", photo=b"cat")).text
        assert (await say(it, "/stylize starrynight", topic="6", photo=b"cat")).job
        await say(it, "/settings topics=all", admin=True, topic="6")
        assert (await say(it, "/stylize starrynight", topic="7", photo=b"cat")).job


async def test_everybody_may_look_and_only_admins_change() -> None:
    async with bot() as it:
        assert "who=everyone" in (await say(it, "/settings")).text
        refused = await say(it, "/settings who=admins")
        assert refused.refused
        assert "Only admins" in refused.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stile=scream", "I do not know the setting “stile”. Did you mean style?"),
        ("size=12", "from 64 to 4096"),
        ("who=bob", "who= is everyone or admins."),
        ("mode=fsat", "Did you mean fast?"),
        ("style=starynight", "Did you mean starrynight?"),
        ("style=mine", "mine needs a picture with every order"),
        ("topics=5", "topics=here"),
        ("topics=here", "no topics or channels here"),
        ("size", "Write a value behind size="),
    ],
)
async def test_a_setting_that_will_not_do_is_refused_and_changes_nothing(text: str, sentence: str) -> None:
    async with bot() as it:
        refused = await say(it, f"/settings who=admins {text}", admin=True)
        assert refused.refused
        assert sentence in refused.text
        assert await it.studio.rooms.get("room of ann") == Room()


async def test_a_style_that_is_misspelt_is_answered_with_orders_to_choose_from() -> None:
    async with bot() as it:
        reply = await say(it, "/stylize starynight size=128", photo=b"cat")
        assert [reply.choice(style) for style in reply.suggestions] == ["/stylize starrynight size=128"]
        mix = await say(it, "/stylize starynight:70+greatwave:30", photo=b"cat")
        assert mix.suggestions == ("starrynight:70+greatwave:30",)
        none = await say(it, "/stylize size=128", photo=b"cat")
        assert none.choice(none.cards[1].name) == "/stylize greatwave size=128"


async def test_an_order_under_the_same_name_is_the_same_job() -> None:
    async with bot() as it:
        first = await say(it, "/stylize starrynight", photo=b"cat", idempotency_key="message 1")
        second = await say(it, "/stylize starrynight", photo=b"cat", idempotency_key="message 1")
        other = await say(it, "/stylize starrynight", photo=b"cat", idempotency_key="message 2")
        assert first.job
        assert second.job
        assert other.job
        assert first.job.id == second.job.id != other.job.id
        await it.chat.answered(first.job.id, other.job.id)
        assert it.engine.painted == ["cat", "cat"]


async def test_a_room_has_no_more_pictures_waiting_than_it_allows() -> None:
    async with bot(waits) as it:
        await say(it, "/settings waiting=1", admin=True)
        assert (await say(it, "/stylize starrynight", photo=b"cat")).job
        second = await say(it, "/stylize greatwave", photo=b"dog")
        assert second.refused
        assert second.text == "1 picture of this room is waiting, and its limit is 1. Wait for it."
        await say(it, "/settings waiting=default", admin=True)
        assert (await say(it, "/stylize greatwave", photo=b"dog")).job
