"""The connection: logging in, losing it, and coming back."""

from __future__ import annotations

import discord
import pytest

from tests.bot.chat.discord.harness import ME, PHOTO, on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import CONTENT_INTENT
from tests.harness import waits


async def test_a_lost_connection_is_resumed_and_nothing_is_lost_or_done_twice(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        await it.stylize(style="greatwave")
        job = await it.started()
        await fake.reconnect()
        await it.says(f"{ME} starrynight", ("dog.png", PHOTO))  # while nobody listens
        await fake.until(lambda: fake.resumed)
        it.engine.let_go(job)
        await it.answer(2)
        assert fake.identified == 1
        assert fake.heartbeats


async def test_a_session_that_discord_forgot_begins_anew(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        socket = next(iter(fake.sessions.values())).socket
        assert socket
        fake.sessions.clear()
        await socket.close(code=4000)
        await fake.until(lambda: fake.identified == 2)
        await it.stylize(style="greatwave")
        await it.answer()


async def test_without_the_privileged_intent_the_bot_does_what_it_can(fake: FakeDiscord) -> None:
    fake.approved = ~CONTENT_INTENT
    async with on(fake, message_content=True) as it:
        await it.stylize(style="greatwave")
        await it.answer()


async def test_a_discord_that_is_down_is_tried_again(fake: FakeDiscord) -> None:
    fake.fails("GET", "/users/@me", 503, times=2)
    async with on(fake) as it:
        assert it.chat.trouble == ""


async def test_commands_that_discord_does_not_take_stay_as_they_were(fake: FakeDiscord) -> None:
    async with on(fake):
        pass
    fake.fails("PUT", "/applications/*/commands", 400, 50035)
    async with on(fake) as it:
        await it.stylize(style="greatwave")
        await it.answer()
        assert fake.syncs == 1


async def test_one_process_has_as_many_connections_as_discord_recommends(
    fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(self: discord.Client, shard_id: int | None, *, initial: bool = False) -> None:
        """Discord wants five seconds between two."""

    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    elsewhere = fake.add_channel(fake.add_guild(1 << 22))
    fake.recommended = 2
    async with on(fake) as it:
        await fake.until(lambda: fake.identified == 2)
        assert {session.shard for session in fake.sessions.values()} == {(0, 2), (1, 2)}
        await it.stylize(style="greatwave")
        await it.stylize(style="starrynight", where=elsewhere)
        await it.answer()
        await it.answer(channel=elsewhere)
        await fake.hang_up()
        await fake.until(lambda: fake.resumed == 2)
        await it.stylize(style="greatwave", where=elsewhere)
        await it.answer(channel=elsewhere, number=2)


async def test_two_processes_share_the_servers_and_each_answers_on_its_own(fake: FakeDiscord) -> None:
    elsewhere = fake.add_channel(
        fake.add_guild(1 << 22)
    )  # Discord counts servers by what is left of their last 22 bits
    async with on(fake, shard=0, shards=2) as first, on(fake, shard=1, shards=2) as second:
        await first.stylize(style="greatwave")
        await second.stylize(style="starrynight", where=elsewhere)
        await first.answer()
        await second.answer(channel=elsewhere)
        private = fake.direct(first.ann)
        await first.stylize(style="greatwave", where=private)  # which the first has
        await first.answer(channel=private)
        assert [len(it.engine.runs) for it in (first, second)] == [2, 1]
