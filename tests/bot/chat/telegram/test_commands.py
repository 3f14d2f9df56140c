"""Commands, and the settings of a group."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.chat.telegram.harness import ANN, BOB, CAT, GROUP, finished, message_with, telegram_bot
from tests.fakes.telegram.server import FakeTelegram


async def test_commands_and_description_are_registered_and_not_again(server: FakeTelegram, tmp_path: Path) -> None:
    async with telegram_bot(server):
        await server.until(lambda: server.short_description and server.made("setMyShortDescription"))
        names = [command["command"] for command in server.commands["all_group_chats"]]
        assert {"stylize", "styles", "queue", "cancel", "again", "settings", "help", "about", "privacy"} == set(names)
        assert server.commands["all_private_chats"] == server.commands["all_group_chats"]
    async with telegram_bot(server):
        await server.until(lambda: len(server.made("getMyShortDescription")) == 2)
        server.says(ANN, "/help")
        await message_with(server, ANN, "/stylize:")
        assert len(server.made("setMyCommands")) == 2
        assert len(server.made("setMyDescription")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/styles", "styles. Send a photo"),
        ("/queue", "You have no pictures waiting"),
        ("/cancel", "nothing to cancel"),
        ("/again", "no order of yours"),
        ("/help", "/stylize:"),
        ("/about", "MIT licence"),
        ("/privacy", "I keep your photo"),
        ("/start", "I repaint photos"),
        ("/xyzzy", "There is no command /xyzzy"),
    ],
)
async def test_every_command_is_answered(server: FakeTelegram, text: str, words: str) -> None:
    async with telegram_bot(server):
        server.says(ANN, text)
        await message_with(server, ANN, words)


async def test_settings_are_for_admins_and_hold_for_the_group(server: FakeTelegram, tmp_path: Path) -> None:
    server.chat(GROUP, forum=True)
    server.admins.add((GROUP, ANN))
    async with telegram_bot(server, path=tmp_path / "journal"):
        server.says(GROUP, "/settings who=admins", user=BOB, thread=5)
        await message_with(server, GROUP, "Only admins can change")
        server.says(GROUP, "/settings style=greatwave size=80 topics=here who=admins", user=ANN, thread=5)
        await message_with(server, GROUP, "Done. Settings here now")
        await server.until(lambda: server.pending == 0)
    async with telegram_bot(server, path=tmp_path / "journal") as it:
        server.says(GROUP, "/stylize", photo=CAT, user=BOB, thread=5)
        await message_with(server, GROUP, "Only admins may order")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=6)
        await message_with(server, GROUP, "in this part of the group")
        server.says(GROUP, "/stylize", photo=CAT, user=ANN, thread=5)
        (result,) = await finished(server, GROUP)
        assert "/stylize greatwave" in result["caption"]
        assert it.engine.runs[0].recipe.size == 80
        # An anonymous admin writes as the group.
        server.says(GROUP, "/settings who=everyone", thread=5, sender_chat=server.chat(GROUP))
        await server.until(lambda: "who=everyone" in str(server.of_bot(GROUP)[-1].get("text")))
