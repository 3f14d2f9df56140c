"""Where an answer goes when a way is closed: the interaction expired, the channel refuses, Discord has an error."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.jobs import State
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.harness import paints, waits

ANSWER = "/webhooks/*/messages/@original"


@pytest.mark.parametrize(("status", "code"), [(404, 10008), (401, 50027), (403, 50013), (404, 10015)])
async def test_where_the_interaction_takes_no_answer_the_channel_does(
    fake: FakeDiscord, status: int, code: int
) -> None:
    async with on(fake) as it:
        fake.fails("PATCH", ANSWER, status, code, times=1000)
        await it.stylize(style="greatwave")
        assert fake.file(await it.answer()) == b"picture of " + PHOTO


@pytest.mark.parametrize(("status", "code"), [(500, 0), (503, 0), (429, 0), (401, 0)])
async def test_what_may_pass_is_tried_again_and_posted_once(fake: FakeDiscord, status: int, code: int) -> None:
    async with on(fake) as it:
        fake.fails("POST", "/channels/*/messages", status, code, times=2)
        await it.says(f"{ME} starrynight", CAT)
        await it.answer()
        assert len(it.public()) == 1


@pytest.mark.parametrize(("status", "times"), [(429, 2), (500, 1), (401, 1), (403, 1), (404, 1)])
async def test_an_error_of_discord_loses_no_picture(fake: FakeDiscord, status: int, times: int) -> None:
    async with on(fake, waits) as it:
        await it.says(f"{ME} greatwave", CAT)
        await it.posted("step 12")
        fake.fails("PATCH", "/channels/*/messages/*", status, times=times)
        it.engine.let_go(await it.started())
        await it.answer()
        assert not any(fault.times for fault in fake.faults)


async def test_a_post_whose_answer_was_lost_is_not_repeated(fake: FakeDiscord) -> None:
    """The nonce makes Discord return the message that is there."""
    lost = iter([True])

    async def lose(request: Any, answer: Any) -> Any:
        """The first post is made, and its answer is an error all the same."""
        if request.method == "POST" and request.path.endswith("/messages") and next(lost, False):
            fake.fails("POST", request.path, 503)
            await answer()

    async with on(fake) as it:
        fake.hold = lambda request: lose(request, lambda: fake._post(it.channel, request))
        await it.says(f"{ME} starrynight", CAT)
        await it.answer()
        assert len(it.public()) == 1


async def test_a_channel_that_refuses_the_answer_leaves_a_direct_message(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.fails("POST", f"/channels/{it.channel}/messages", 403, 50013, times=1000)
        await it.says(f"{ME} starrynight", CAT)
        answer = await it.answer(channel=await it.direct())
        assert "could not post this where you ordered it" in fake.text(answer)


async def test_a_deleted_channel_is_no_place_to_answer_so_a_direct_message_comes(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        await it.says(f"{ME} starrynight", CAT)
        job = await it.started()
        await fake.delete_channel(it.channel)
        it.engine.let_go(job)
        assert "where you ordered it" in fake.text(await it.answer(channel=await it.direct()))


async def test_who_cannot_be_reached_at_all_does_not_hold_up_others(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.fails("POST", f"/channels/{it.channel}/messages", 403, 50013, times=1000)
        fake.fails("POST", "/users/@me/channels", 403, 50007, times=1000)
        await it.says(f"{ME} starrynight", CAT)
        await it.until_state(await it.started(), State.LOST)
        await it.stylize(style="greatwave", by=it.bob)
        await it.answer()


async def test_after_fifteen_minutes_the_answer_is_a_reply_in_the_channel(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await it.stylize(style="greatwave")
        await it.told(found, "step 12")
        fake.later(15 * 60 + 1)
        it.engine.let_go(await it.started())
        assert it.replies_to(await it.answer()) == found.original
        await it.told(found, "below")


async def test_an_expired_interaction_loses_no_order(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.fails("POST", "/interactions/*/callback", 404, 10062)
        (await it.stylize(style="greatwave")).late = True
        await it.answer()
        fake.fails("POST", "/interactions/*/callback", 404, 10062)
        (await it.slash("queue")).late = True
        await it.posted("no pictures waiting", await it.direct())


async def test_an_order_that_came_too_late_is_done_all_the_same(fake: FakeDiscord) -> None:
    async with on(fake) as it:

        async def hold(request: Any) -> None:
            if request.path.endswith("/callback"):
                for found in fake.interactions.values():
                    found.late = True

        fake.hold = hold
        await it.stylize(style="greatwave")
        await it.answer()


async def test_a_choice_that_came_too_late_is_painted_all_the_same_and_the_menu_knows_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        shown = await it.menu_of(await it.photo())
        await it.choose(shown, "starrynight")
        fake.fails("POST", "/interactions/*/callback", 404, 10062)
        (await fake.press(it.ann, shown, "Paint")).late = True
        await it.answer()
        await it.posted("order", await it.direct())
        await fake.press(it.ann, shown, "Paint")
        await fake.until(lambda: "order" in fake.text(shown))
        assert len(it.pictures) == 1


async def test_an_interaction_that_another_process_answers_is_left_to_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.fails("POST", "/interactions/*/callback", 400, 40060)
        found = await it.stylize(style="greatwave")
        await fake.until(lambda: not any(fault.times for fault in fake.faults))
        found.late = True
        await it.told(await it.slash("queue"), "no pictures waiting")
        assert not await it.jobs()


# --- where only the interaction reaches the person -------------------------------------------------------------------


async def test_where_only_the_person_has_installed_the_bot_the_interaction_carries_the_answer(
    fake: FakeDiscord,
) -> None:
    async with on(fake, paints, paints, waits) as it:  # the second is the sheet that the menu shows
        elsewhere = fake.add_channel(fake.add_guild(777))  # clients are not told of this server: the bot is no member
        found = await it.stylize(style="greatwave", where=elsewhere)
        assert await it.answer(channel=elsewhere) == found.original
        photo = await it.photo(where=elsewhere)
        shown = await it.shown(await it.menu("Stylize", photo, where=elsewhere))
        await it.choose(shown, "starrynight")
        await fake.press(it.ann, shown, "Paint")
        await fake.until(lambda: "order" in fake.text(shown))
        await it.posted("step 12", elsewhere)
        job = await it.started(3)
        fake.later(15 * 60 + 1)  # then nothing but a direct message can reach the person
        it.engine.let_go(job)
        await it.answer(channel=await it.direct())
        assert not [r for r in fake.requests if r.path.startswith(f"/channels/{elsewhere}/")]


async def test_among_people_the_interaction_carries_the_answer(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        among = fake.add_conversation(it.ann, it.bob)
        shown = await it.shown(await it.menu("Stylize", await it.photo(where=among), where=among))
        await it.choose(shown, "starrynight")
        pressed = await fake.press(it.ann, shown, "Paint")
        assert await it.answer(channel=among) == pressed.original
        assert not [r for r in fake.requests if r.path.startswith("/channels/")]
