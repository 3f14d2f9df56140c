"""The owner on Discord: /admin is there where one is configured; and a server that the bot is added to."""

from __future__ import annotations

from bot.core.people.owners import Owners
from tests.bot.chat.discord.harness import ME, on
from tests.fakes.discord.server import FakeDiscord


async def test_the_owner_is_answered_alone_and_nobody_else_at_all(fake: FakeDiscord) -> None:
    ann, bob = fake.add_user("ann"), fake.add_user("bob")
    async with on(fake, owners=Owners(people=(f"discord:{ann}",))) as it:
        await it.told_alone(await it.slash("admin", what="status"), "Open for orders.")
        await it.told_alone(await it.slash("admin", what="pause", by=bob), "There is no command /admin")
        assert not it.studio.control.paused
        await it.says(f"{ME} admin status")
        await it.posted("Open for orders.", await it.direct())


async def test_without_an_owner_there_there_is_no_such_command(fake: FakeDiscord) -> None:
    async with on(fake, owners=Owners(people=("telegram:7",))):
        assert "admin" not in {command["name"] for command in fake.commands}


async def test_a_note_reaches_the_owner(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.chat.tell(f"discord:{it.ann}", "I am up.")
        await it.posted("I am up.", await it.direct())


async def test_a_server_that_the_bot_is_added_to_is_greeted_once(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.chat._transport.connected().wait_until_ready()  # before that, servers are those that it was on
        guild = fake.add_guild(99)
        channel = fake.add_channel(guild)
        await fake.adds_bot(guild)
        await it.posted("Hello! I repaint photos", channel)
        await fake.adds_bot(guild)
        await it.told_alone(await it.slash("about"), "open source")
        assert len(it.public(channel)) == 1
