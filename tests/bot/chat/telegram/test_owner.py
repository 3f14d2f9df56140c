"""The owner on Telegram: answered in private, told what happens; and a group that the bot is added to."""

from __future__ import annotations

import pytest

from bot.core.errors import Undeliverable
from bot.core.people.owners import Owners
from tests.bot.chat.telegram.harness import ANN, BOB, GROUP, message_with, telegram_bot
from tests.fakes.telegram.server import FakeTelegram

OWNER = Owners(people=(f"telegram:{ANN}",))


async def test_the_owner_is_answered_in_private_also_in_a_group(server: FakeTelegram) -> None:
    async with telegram_bot(server, owners=OWNER):
        server.says(ANN, "/about")
        await message_with(server, ANN, "open source")
        server.says(GROUP, "/admin status")
        await message_with(server, ANN, "Open for orders.")
        assert not server.of_bot(GROUP)


async def test_an_owner_who_never_wrote_is_told_so_in_the_group(server: FakeTelegram) -> None:
    async with telegram_bot(server, owners=OWNER):
        server.says(GROUP, "/admin status")
        await message_with(server, GROUP, "I answer that in private")


async def test_strangers_commands_in_a_group_are_for_other_bots(server: FakeTelegram) -> None:
    async with telegram_bot(server, owners=OWNER):
        server.says(GROUP, "/admin status", user=BOB)
        server.says(BOB, "/admin pause", user=BOB)
        await message_with(server, BOB, "There is no command /admin")
        assert not server.of_bot(GROUP)


async def test_a_note_reaches_the_owner_or_says_what_to_do(server: FakeTelegram) -> None:
    async with telegram_bot(server, owners=OWNER) as it:
        server.says(ANN, "/about")
        await message_with(server, ANN, "open source")
        await it.chat.tell(f"telegram:{ANN}", "I am up.")
        await message_with(server, ANN, "I am up.")
        with pytest.raises(Undeliverable, match="press Start"):
            await it.chat.tell(f"telegram:{BOB}", "I am up.")


async def test_a_group_that_the_bot_is_added_to_is_greeted_once(server: FakeTelegram) -> None:
    async with telegram_bot(server):
        server.adds_bot(GROUP)
        await message_with(server, GROUP, "Hello! I repaint photos")
        server.adds_bot(GROUP, before="kicked")
        server.adds_bot(-100600, before="member", after="left")
        server.says(GROUP, "/about")
        await message_with(server, GROUP, "open source")
        assert len(server.of_bot(GROUP)) == 2
