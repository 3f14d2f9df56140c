"""The fake Discord itself: what it holds a bot to."""

from __future__ import annotations

import aiohttp

from tests.bot.chat.discord.harness import on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.spec import spec


def test_it_sees_what_is_wrong_with_a_request() -> None:
    path = "/channels/1/messages"
    assert not spec().wrong("POST", path, {"content": "hello"})
    assert any("unknown" in wrong for wrong in spec().wrong("POST", path, {"content": "hello", "colour": 1}))
    assert spec().wrong("POST", path, {"content": 7})
    assert spec().wrong("POST", "/channels/1/nothing", {})


async def test_it_keeps_the_rules_of_time(fake: FakeDiscord) -> None:
    async with on(fake) as it, aiohttp.ClientSession() as session:
        found = await it.slash("queue")
        await fake.until(lambda: found.answered)
        callback = f"{fake.url}/api/v10/interactions/{found.id}/{found.token}/callback"
        async with session.post(callback, json={"type": 5}) as response:
            assert (await response.json())["code"] == 40060
        await it.told(found, "no pictures waiting")
        fake.later(901)
        async with session.get(f"{fake.url}/api/v10/webhooks/900/{found.token}/messages/@original") as response:
            assert (await response.json())["code"] == 50027
        assert len(fake.violations) == 2
        fake.violations.clear()
