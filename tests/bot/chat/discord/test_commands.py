"""The slash commands: what Discord shows of them, and what they answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import gallery
from tests.bot.chat.discord.harness import on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import MANAGE
from tests.harness import waits


async def test_autocomplete_offers_the_nearest_names(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        everything = await it.autocomplete("stylize", "style", "")
        assert len(everything) == min(25, len(gallery.default()))
        near = await it.autocomplete("stylize", "style", "stary nigt")
        assert near[0]["value"] == "starrynight"
        mix = await it.autocomplete("stylize", "style", "starrynight:70+great")
        assert mix[0]["value"] == "starrynight:70+greatwave"
        assert not await it.autocomplete("stylize", "style", "qqqqqqqqq")
        assert await it.autocomplete("stylize", "style", "x" * 99 + "+starry") == []


async def test_styles_completes_kinds_and_names(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        values = {choice["value"] for choice in await it.autocomplete("styles", "word", "")}
        assert {"brushwork", "starrynight"} <= values
        assert "mine" not in values


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("queue", "You have no pictures waiting."),
        ("help", "Right-click a photo"),
        ("about", "Gatys"),
        ("privacy", "24 hours"),
        ("cancel", "nothing to cancel"),
        ("settings", "Settings here"),
    ],
)
async def test_questions_are_answered_to_the_person_alone(fake: FakeDiscord, name: str, words: str) -> None:
    async with on(fake) as it:
        fake.granted[it.ann] = MANAGE
        await it.told_alone(await it.slash(name), words)


async def test_help_calls_the_bot_by_its_name(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told(await it.slash("help"), "Use this photo")
        await it.told(await it.slash("stylize", style="greatwave"), "`@Impasto mine`")


async def test_cancel_takes_a_picture_back(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await it.stylize(style="starrynight")
        job = await it.started()
        await it.told(await it.slash("queue"), job)
        await it.told(await it.slash("cancel", picture="all"), "Cancelled")
        await it.told(found, "as you asked")


async def test_settings_are_for_who_manages_the_server_and_hold_for_orders(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.granted[it.bob] = MANAGE
        assert "settings" not in fake.available(it.ann)
        assert "settings" in fake.available(it.bob)
        other = await fake.open_channel()
        changed = await it.slash("settings", by=it.bob, size="128", waiting="5", channel=it.channel)
        assert "waiting=5" in await it.told(changed, "size=128")
        await it.stylize(style="greatwave")
        assert "size=128" in fake.text(await it.answer())
        await it.told(await it.stylize(style="greatwave", where=other), "cannot be ordered in this part")
        await it.told(await it.slash("settings", by=it.bob, everywhere=True, style="greatwave"), "Done.")
        await it.stylize(style="greatwave", where=other)
        await it.answer(channel=other)


async def test_settings_shown_to_others_can_be_read_but_not_changed(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.told_alone(await it.slash("settings"), "Settings here")
        await it.told_alone(await it.slash("settings", size="128"), "Only members who may manage the server")


async def test_discord_is_given_the_commands_only_when_they_changed(fake: FakeDiscord, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with on(fake, path=journal):
        assert fake.syncs == 1
    async with on(fake, path=journal) as it:
        assert fake.syncs == 1
        await it.store.set_setting("discord", "commands", "another")
    async with on(fake, path=journal):
        assert fake.syncs == 2


async def test_commands_are_for_servers_people_and_private_conversations(fake: FakeDiscord) -> None:
    async with on(fake):
        commands = {command["name"]: command for command in fake.commands}
        assert set(commands) == {
            *(
                "stylize",
                "styles",
                "sheet",
                "variations",
                "again",
                "retry",
                "queue",
                "cancel",
                "help",
                "about",
                "privacy",
                "forgetme",
            ),
            "settings",
            "verify",
            *("texture", "dream", "reconstruct", "grid", "suggest", "like", "map", "morph", "explain"),
            *("Stylize", "Every style", "Use this photo"),
        }
        for name, command in commands.items():
            assert command["integration_types"] == ([0] if name == "settings" else [0, 1])
            assert command["contexts"] == ([0] if name == "settings" else [0, 1, 2])
