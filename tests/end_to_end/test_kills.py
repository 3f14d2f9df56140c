"""The bot killed in the middle of an order, at the moments that count: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from bot.core.journal.visit import rows
from tests.bot.chat.discord.harness import CAT, ME, fake_discord
from tests.chatbot import Killable, let_go, process
from tests.fakes.discord.rest import Request
from tests.fakes.discord.rules import LOADING
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import EPHEMERAL, Interaction
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Call
from tests.waiting import eventually

MINUTES = 60.0
ANN = 7


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    async with fake_discord(monkeypatch) as fake:
        yield fake


class Channel:
    """A channel with Ann, whatever process the bot is at the moment."""

    def __init__(self, fake: FakeDiscord, folder: Path) -> None:
        self.fake, self.folder = fake, folder
        self.id = next(iter(fake.channels))
        self.ann = fake.add_user("ann")

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Killable]:
        before = self.fake.identified
        async with process("discord", self.fake.url, self.folder, later=self.fake.offset) as bot:
            await self.fake.until(lambda: self.fake.identified > before and self.fake.commands)
            yield bot

    async def stylize(self) -> Interaction:
        return await self.fake.slash(self.ann, self.id, "stylize", style="starrynight", photo=CAT, strength=50)

    def kill_at(self, bot: Killable, moment: Callable[[Request], Any]) -> None:
        """Kill it while Discord takes such a request: its answer reaches nobody."""

        async def hold(request: Request) -> None:
            if moment(request):
                self.fake.hold = None
                bot.kill()
                await bot.died()

        self.fake.hold = hold

    def public(self, channel: int = 0) -> list[dict[str, Any]]:
        return [m for m in self.fake.of_bot(channel or self.id) if not m["flags"] & EPHEMERAL]

    def answers(self) -> list[dict[str, Any]]:
        return [m for m in self.public() if m["attachments"] and m["components"] and "/stylize" in m["content"]]

    async def answer(self, count: int = 1) -> dict[str, Any]:
        await self.fake.until(lambda: len(self.answers()) >= count)
        assert len(self.answers()) == count
        return self.answers()[-1]

    async def forgotten(self) -> None:
        """Nothing is left of any token, and the person is promised nothing any more."""
        journal = sqlite3.connect(f"file:{self.folder / 'journal'}?mode=ro", uri=True)

        async def gone() -> bool:
            return not journal.execute("SELECT count(*) FROM promises").fetchone()[0]

        with closing(journal):
            await eventually(gone)
        assert not any(message["flags"] & LOADING for message in self.fake.of_bot(self.id))


def acknowledges(request: Request) -> bool:
    return request.path.endswith("/callback")


def brings_the_picture(request: Request) -> bool:
    return bool(request.files)


@pytest.fixture
def channel(fake: FakeDiscord, tmp_path: Path) -> Channel:
    return Channel(fake, tmp_path)


@pytest.mark.parametrize("moment", [acknowledges, brings_the_picture])
async def test_a_command_is_answered_once_wherever_the_bot_is_killed(
    channel: Channel, moment: Callable[[Request], bool]
) -> None:
    let_go(channel.folder)
    async with channel.bot() as bot:
        channel.kill_at(bot, moment)
        found = await channel.stylize()
        await bot.died()
    async with channel.bot():
        answer = await channel.answer()
        await channel.forgotten()
    assert int(answer["id"]) == found.original
    assert len(channel.public()) == 1


async def test_what_was_thinking_when_the_bot_was_killed_becomes_the_picture(channel: Channel) -> None:
    async with channel.bot() as bot:
        found = await channel.stylize()
        await bot.took()
        bot.kill()
    assert channel.public()[0]["flags"] & LOADING
    assert found.token not in str(rows(channel.folder / "journal"))  # as `impasto jobs` shows it
    let_go(channel.folder)
    async with channel.bot():
        assert int((await channel.answer())["id"]) == found.original
        await channel.forgotten()


@pytest.mark.parametrize("moment", [acknowledges, brings_the_picture])
async def test_a_button_makes_one_picture_wherever_the_bot_is_killed(
    channel: Channel, moment: Callable[[Request], bool]
) -> None:
    let_go(channel.folder)
    async with channel.bot() as bot:
        await channel.stylize()
        first = await channel.answer()
        channel.kill_at(bot, moment)
        await channel.fake.press(channel.ann, int(first["id"]), "Stronger")
        await bot.died()
    async with channel.bot():
        assert "strength=70" in (await channel.answer(2))["content"]
        await channel.forgotten()
    assert len(channel.public()) == 2


async def test_a_style_chosen_from_the_menu_is_painted_though_the_bot_is_killed_at_once(channel: Channel) -> None:
    let_go(channel.folder)
    fake = channel.fake
    async with channel.bot() as bot:
        photo = await fake.says(channel.ann, channel.id, "look", [CAT])
        opened = await fake.menu(channel.ann, channel.id, "Stylize", photo)
        shown = await fake.until(lambda: opened.original and fake.components(opened.original) and opened.original)
        await fake.choose(channel.ann, shown, "greatwave")
        await fake.until(lambda: "Chosen: **greatwave**" in fake.text(shown))
        channel.kill_at(bot, acknowledges)
        await fake.press(channel.ann, shown, "Paint")
        await bot.died()
    async with channel.bot():
        answer = await channel.answer()
    assert answer["message_reference"]["message_id"] == str(photo)


async def test_after_fifteen_minutes_the_picture_names_who_ordered_it_and_when(channel: Channel) -> None:
    async with channel.bot() as bot:
        found = await channel.stylize()
        await bot.took()
        bot.kill()
    channel.fake.later(16 * MINUTES)
    let_go(channel.folder)
    async with channel.bot():
        answer = await channel.answer()
    assert int(answer["id"]) != found.original
    assert f"<@{channel.ann}> ordered this <t:" in answer["content"]
    post = next(r for r in channel.fake.requests if r.method == "POST" and r.path.endswith("/messages"))
    assert post.body["allowed_mentions"]["users"] == [str(channel.ann)]


async def test_an_order_that_was_never_looked_at_in_fifteen_minutes_is_answered_with_a_sentence(
    channel: Channel,
) -> None:
    async with channel.bot() as bot:
        channel.kill_at(bot, acknowledges)
        found = await channel.stylize()
        await channel.fake.until(lambda: found.answered)
    channel.fake.later(16 * MINUTES)
    async with channel.bot():
        direct = channel.fake.direct(channel.ann)
        await channel.fake.until(lambda: channel.public(direct))
        assert "please order it again" in channel.public(direct)[0]["content"]
    assert not channel.answers()


async def test_a_kill_before_the_acknowledgement_leaves_nothing_behind(channel: Channel) -> None:
    """Discord has told the person that it failed."""
    async with channel.bot() as bot:
        channel.fake.fails("POST", "/interactions/*/callback", 500)
        channel.kill_at(bot, acknowledges)
        found = await channel.stylize()
        await bot.died()
    found.late = True
    async with channel.bot():
        await channel.forgotten()
    assert not channel.public()


async def test_a_question_that_was_thinking_when_the_bot_was_killed_is_told_so(channel: Channel) -> None:
    async with channel.bot() as bot:
        channel.kill_at(bot, acknowledges)
        found = await channel.fake.slash(channel.ann, channel.id, "queue")
        await bot.died()
    async with channel.bot():
        await channel.fake.until(lambda: "Please do that again" in channel.fake.text(found.original or 0))
        await channel.forgotten()
    assert found.ephemeral


async def test_an_order_that_is_refused_after_a_kill_is_refused_in_private(channel: Channel) -> None:
    async with channel.bot() as bot:
        channel.kill_at(bot, acknowledges)
        found = await channel.fake.slash(channel.ann, channel.id, "again")
        await bot.died()
    async with channel.bot():
        await channel.fake.until(lambda: found.followups)
        await channel.forgotten()
    assert "no order to repeat" in channel.fake.text(found.followups[0])
    assert not channel.public()


async def test_an_order_by_a_mention_survives_a_kill_while_its_photo_is_fetched(
    channel: Channel,
) -> None:
    let_go(channel.folder)
    async with channel.bot() as bot:

        async def fetched() -> None:
            bot.kill()
            await bot.died()

        channel.fake.on_cdn = fetched
        order = await channel.fake.says(channel.ann, channel.id, f"{ME} starrynight", [CAT])
        await bot.died()
    channel.fake.on_cdn = None
    async with channel.bot():
        answer = await channel.answer()
    assert answer["message_reference"]["message_id"] == str(order)
    assert len(channel.public()) == 1


# --- Telegram --------------------------------------------------------------------------------------------------------


async def test_a_first_word_whose_number_never_came_back_does_not_stay(tmp_path: Path) -> None:
    """Telegram posts it, and the bot is killed before it is told."""
    async with FakeTelegram().serve() as server:
        posts = server._on_sendMessage
        async with process("telegram", server.url, tmp_path) as bot:

            def posted(call: Call) -> Any:
                bot.kill()
                return posts(call)

            server._on_sendMessage = posted  # type: ignore[method-assign]
            server.says(ANN, "/stylize starrynight", photo=CAT[1])
            await bot.died()
        await server.until(lambda: server.of_bot(ANN))
        (stale,) = server.of_bot(ANN)
        assert "/cancel" in stale["text"]
        server._on_sendMessage = posts  # type: ignore[method-assign]
        server.says(ANN, "in between, two more things are said")
        server.says(ANN, "to the bot")
        let_go(tmp_path)
        async with process("telegram", server.url, tmp_path):
            await server.until(lambda: server.pictures(ANN))
            await server.until(lambda: stale not in server.of_bot(ANN))
            await server.until(lambda: server.pending == 0)
        answers = [message for message in server.of_bot(ANN) if "/cancel" in message.get("text", "")]
        assert not answers
        assert len(server.pictures(ANN)) == 1
        assert len([m for (chat, _), m in server.messages.items() if chat == ANN and m["from"]["id"] == ANN]) == 3
        assert not server.at_the_end()
