"""A real discord.py client against a Discord of our own, over real sockets; and once with the real engine."""

from __future__ import annotations

import asyncio
import io
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from PIL import Image

import bot.chat.discord.chat as adapter
from bot import __main__ as program
from bot import config as configuration
from bot import doctor
from bot.backoff import Backoff
from bot.chat.discord.chat import DiscordChat
from bot.config import Discord, Secret
from bot.core.announce import Pace
from bot.core.jobs import State
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.dialog.buttons import Actions
from bot.dialog.commands import Commands
from bot.engine_process.supervisor import Supervisor, Timings, worker_command
from bot.health import Health
from engine import gallery
from engine.wire import Done, Preview, Progress
from tests.bot.chat.web.house import picture, swatches
from tests.fakes.discord.server import ALL, ATTACH, CONTENT_INTENT, SPEC, TOKEN, FakeDiscord, Spec, running
from tests.harness import Act, EngineDouble, done, eventually, paints, waits

PHOTO, TILES = picture(), picture((10, 150, 60), (48, 48))
QUICK = Pace(show=60.0, deliver=60.0, retry=Backoff(first=0.01, longest=0.02))


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    """Our Discord, where discord.py takes it for the real one; at the end no rule may have been broken."""
    async with running() as fake:
        monkeypatch.setattr(discord.http.Route, "BASE", f"{fake.url}/api/v10")
        gateway = yarl.URL(f"{fake.url.replace('http', 'ws')}/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        monkeypatch.setattr(discord.asset.Asset, "BASE", fake.url)

        async def at_once(*args: object, **more: object) -> None:
            """discord.py waits for five seconds before it identifies itself again."""

        monkeypatch.setattr(adapter.Client, "before_identify_hook", at_once)
        monkeypatch.setattr(discord.backoff.ExponentialBackoff, "delay", lambda self: 0.01)
        fake.add_guild()
        yield fake
        fake.check()


class Bot:
    """A bot that is on our Discord."""

    def __init__(self, fake: FakeDiscord, chat: DiscordChat, store: Store, engine: Any) -> None:
        self.fake, self.chat, self.store, self.engine = fake, chat, store, engine
        self.channel = next(iter(fake.channels), 0) or fake.add_channel()
        self.ann, self.bob = fake.add_user("ann"), fake.add_user("bob")

    def finished(self, channel: int | None = None) -> list[dict[str, Any]]:
        found = self.fake.of_bot(channel or self.channel)
        return [m for m in found if m["content"] and m["attachments"] and m["components"] and not m["flags"] & 64]

    async def answer(self, number: int = 1, channel: int | None = None) -> int:
        await self.fake.until(lambda: len(self.finished(channel)) >= number)
        found = self.finished(channel)
        assert len(found) == number
        return int(found[-1]["id"])

    async def photo(self, name: str = "cat.png") -> int:
        return await self.fake.says(self.bob, self.channel, "look", [(name, PHOTO)])


@asynccontextmanager
async def on(
    fake: FakeDiscord,
    *acts: Act,
    path: Path | None = None,
    message_content: bool = False,
    engine: Any = None,
    pause: float = 0.0,
) -> AsyncIterator[Bot]:
    if not fake.channels:
        fake.add_channel()
    engine = engine or EngineDouble(*acts)
    async with Store.open(path) as store:
        limits = Limits(open_jobs=20, burst=50)
        studio = Studio(store, engine, FairQueue(), limits, gallery.default(), pace=QUICK)
        config = Discord(token=Secret(TOKEN), message_content=message_content)
        actions, commands = Actions(studio, store), Commands(studio, gallery.default())
        chat = DiscordChat(
            *(config, commands, actions, store, gallery.default(), Health()),
            max_photo_bytes=2**20,
            clock=fake.clock,
            retry=Backoff(first=0.01, longest=0.01),
        )
        chat.pause = pause
        studio.add_chat(chat)
        before = fake.identified
        working = [asyncio.create_task(studio.run()), asyncio.create_task(chat.run())]
        try:
            await fake.until(lambda: fake.identified > before and fake.commands)
            yield Bot(fake, chat, store, engine)
        finally:
            for task in reversed(working):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@pytest.fixture(autouse=True)
def _small_swatches(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real" not in request.node.name:
        swatches(tmp_path, monkeypatch)


# --- the rig itself --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SPEC.is_file(), reason=f"Discord's API description is not at {SPEC}")
def test_the_rig_sees_what_is_wrong_with_a_request() -> None:
    spec = Spec()
    path = "/channels/1/messages"
    assert not list(spec.wrong("POST", path, {"content": "hello"}))
    assert any("unknown" in wrong for wrong in spec.wrong("POST", path, {"content": "hello", "colour": 1}))
    assert list(spec.wrong("POST", path, {"content": 7}))
    assert list(spec.wrong("POST", "/channels/1/nothing", {}))


async def test_the_rig_keeps_the_rules_of_time(fake: FakeDiscord) -> None:
    async with on(fake) as it, aiohttp.ClientSession() as session:
        found = await fake.slash(it.ann, it.channel, "queue")
        await fake.until(lambda: found.answered)
        callback = f"{fake.url}/api/v10/interactions/{found.id}/{found.token}/callback"
        async with session.post(callback, json={"type": 5}) as response:
            assert (await response.json())["code"] == 40060
        fake.later(901)
        async with session.get(f"{fake.url}/api/v10/webhooks/900/{found.token}/messages/@original") as response:
            assert (await response.json())["code"] == 50027
        assert len(fake.violations) == 2
        fake.violations.clear()


# --- ordering --------------------------------------------------------------------------------------------------------


async def test_a_slash_command_becomes_a_picture(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await fake.slash(it.ann, it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO))
        answer = await it.answer()
        assert answer == found.original
        assert fake.file(answer) == b"picture of " + PHOTO
        assert "Starry Night" in fake.messages[answer]["attachments"][0]["description"]
        assert "`/stylize starrynight mode=fast" in fake.text(answer)


async def test_the_menu_of_a_message_becomes_a_reply_to_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        photo = await it.photo()
        found = await fake.menu(it.ann, it.channel, "Stylize", photo)
        shown = await fake.until(lambda: found.original and fake.components(found.original) and found.original)
        assert found.ephemeral
        assert [a["filename"] for a in fake.messages[shown]["attachments"]] == ["styles-1.jpg"]
        asked = await fake.press(it.ann, shown, "Search")
        await fake.until(lambda: asked.modal)
        await fake.submit(asked, "hokusai")
        await fake.until(lambda: "Chosen: **greatwave**" in fake.text(shown))
        await fake.choose(it.ann, shown, "80")
        await fake.until(lambda: any(o.get("default") and o["value"] == "80" for o in offered(fake, shown)))
        await fake.press(it.ann, shown, "Paint")
        answer = await it.answer()
        assert fake.messages[answer]["message_reference"]["message_id"] == str(photo)
        assert "strength=80" in fake.text(answer)
        await fake.until(lambda: "order" in fake.text(shown))


def offered(fake: FakeDiscord, message: int) -> list[dict[str, Any]]:
    return [option for part in fake.components(message) for option in part.get("options", ())]


async def chosen(fake: FakeDiscord, it: Bot, style: str) -> int:
    """A menu in which Ann has chosen a style for a photo of Bob's."""
    shown = await fake.menu(it.ann, it.channel, "Stylize", await it.photo())
    picker = await fake.until(lambda: shown.original and fake.components(shown.original) and shown.original)
    await choose(fake, it.ann, picker, style)
    return int(picker)


async def choose(fake: FakeDiscord, who: int, picker: int, style: str) -> None:
    await fake.choose(who, picker, style)
    await fake.until(lambda: any(o.get("default") and o["value"] == style for o in offered(fake, picker)))


async def test_use_this_photo_then_a_slash_command(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        found = await fake.menu(it.ann, it.channel, "Use this photo", await it.photo("SPOILER_cat.png"))
        await fake.until(lambda: found.original and "three minutes" in fake.text(found.original))
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave")
        answer = await it.answer()
        assert fake.messages[answer]["attachments"][0]["filename"].startswith("SPOILER_")
        fake.later(181)
        found = await fake.slash(it.ann, it.channel, "stylize", style="greatwave")
        await fake.until(lambda: found.original and "Which photo?" in fake.text(found.original))


async def test_a_mention_with_the_message_content_intent_finds_the_photo(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        order = await fake.says(it.ann, it.channel, "<@900> starrynight strength=80", reply_to=await it.photo())
        answer = await it.answer()
        assert fake.messages[answer]["message_reference"]["message_id"] == str(order)
        await fake.says(it.ann, it.channel, "/stylize greatwave", reply_to=await it.photo())
        assert "greatwave" in fake.text(await it.answer(2))


async def test_where_discord_hides_the_photo_the_person_is_told_another_way(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await fake.says(it.ann, it.channel, "<@900> starrynight", reply_to=await it.photo())
        said = await fake.until(lambda: fake.of_bot(it.channel))
        assert "right-click the photo" in said[0]["content"]
        await fake.says(it.ann, it.channel, "<@900> mine", [("t.png", TILES)], reply_to=await it.photo())
        said = await fake.until(lambda: len(fake.of_bot(it.channel)) == 2 and fake.of_bot(it.channel))
        assert "right-click the photo" in said[1]["content"]
        assert not it.engine.runs


async def test_a_style_of_ones_own_on_the_wire(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        typed = await fake.autocomplete(it.ann, it.channel, "stylize", "style", "mi")
        choices = await fake.until(lambda: typed.choices)
        assert choices[0]["value"] == "mine"
        await fake.slash(
            *(it.ann, it.channel, "stylize"), style="mine", photo=("cat.png", PHOTO), style_photo=("t.png", TILES)
        )
        await fake.press(it.ann, await it.answer(), "Again")
        await it.answer(2)
        files = [("cat.png", PHOTO), ("t.png", TILES)]
        await fake.says(it.ann, it.channel, "<@900> mine mode=fine", files)
        await it.answer(3)
        assert [(paint.photo, paint.style) for paint in it.engine.runs] == [(PHOTO, TILES)] * 3


async def test_styles_are_looked_for_by_word_kind_and_name_on_the_wire(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        typed = await fake.autocomplete(it.ann, it.channel, "styles", "word", "")
        choices = await fake.until(lambda: typed.choices)
        assert {"brushwork", "starrynight"} <= {choice["value"] for choice in choices}
        found = await fake.slash(it.ann, it.channel, "styles", word="starrynight")
        shown = await fake.until(lambda: found.original and fake.components(found.original) and found.original)
        assert "/stylize starrynight" in fake.text(shown)
        await fake.press(it.ann, shown, "All styles")
        await fake.until(lambda: "Page 1" in fake.text(shown))
        await fake.choose(it.ann, shown, "woodblock")
        await fake.until(lambda: "Page 1" not in fake.text(shown))
        await fake.choose(it.ann, shown, "greatwave")
        await fake.until(lambda: "Hokusai" in fake.text(shown))
        assert fake.file(shown).startswith(b"\xff\xd8")


async def test_buttons_and_autocomplete_on_the_wire(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        typed = await fake.autocomplete(it.ann, it.channel, "stylize", "style", "stary nigt")
        choices = await fake.until(lambda: typed.choices)
        assert choices[0]["value"] == "starrynight"
        await fake.slash(
            it.ann, it.channel, "stylize", style="starrynight", photo=("cat.png", PHOTO), strength=50, seed=5
        )
        first = await it.answer()
        await fake.press(it.ann, first, "Stronger")
        assert "strength=70" in fake.text(await it.answer(2))
        found = await fake.press(it.bob, first, "Again")
        await fake.until(lambda: found.followups)
        assert fake.messages[found.followups[0]]["flags"] & 64
        file = await fake.press(it.ann, first, "Original file")
        await fake.until(lambda: file.followups)
        assert fake.file(file.followups[0]) == b"picture of " + PHOTO
        await fake.press(it.ann, first, "Delete")
        await fake.until(lambda: first not in fake.messages)


async def test_every_command_keeps_discords_rules(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        for name in ("styles", "queue", "cancel", "again", "help", "about", "privacy", "settings"):
            found = await fake.slash(it.ann, it.channel, name)
            await fake.until(lambda found=found: found.original and fake.text(found.original).strip())
        found = await fake.slash(it.ann, it.channel, "settings", size="128", channel=it.channel)
        await fake.until(lambda: found.original and "size=128" in fake.text(found.original))


async def test_where_only_the_person_has_installed_the_bot_the_interaction_carries_the_answer(
    fake: FakeDiscord,
) -> None:
    async with on(fake, paints, waits) as it:
        elsewhere = fake.add_channel(fake.add_guild(777))  # the bot is not told of this server: it is no member
        photo = ("cat.png", PHOTO)
        found = await fake.slash(it.ann, elsewhere, "stylize", style="greatwave", photo=photo)
        assert await it.answer(channel=elsewhere) == found.original
        message = await fake.says(it.bob, elsewhere, "look", [photo])
        shown = await fake.menu(it.ann, elsewhere, "Stylize", message)
        picker = await fake.until(lambda: shown.original and fake.components(shown.original) and shown.original)
        await choose(fake, it.ann, picker, "starrynight")
        await fake.press(it.ann, picker, "Paint")
        await fake.until(lambda: "order" in fake.text(picker))
        await fake.until(lambda: any("step 12" in m["content"] for m in fake.of_bot(elsewhere)))
        await it.engine.until(lambda: len(it.engine.runs) == 2)
        fake.later(15 * 60 + 1)  # then nothing but a letter can reach the person
        it.engine.let_go(it.engine.runs[1].job)
        direct = await fake.until(lambda: next((id for id, c in fake.channels.items() if c["type"] == 1), None))
        await it.answer(channel=direct)
        assert not [r for r in fake.requests if r.path.startswith(f"/channels/{elsewhere}/")]


async def test_among_people_the_interaction_carries_the_answer(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        among = fake.add_conversation(it.ann, it.bob)
        message = await fake.says(it.bob, among, "look", [("cat.png", PHOTO)])
        shown = await fake.menu(it.ann, among, "Stylize", message)
        picker = await fake.until(lambda: shown.original and fake.components(shown.original) and shown.original)
        await choose(fake, it.ann, picker, "starrynight")
        pressed = await fake.press(it.ann, picker, "Paint")
        assert await it.answer(channel=among) in pressed.followups
        assert not [r for r in fake.requests if r.path.startswith("/channels/")]


# --- time, and what goes wrong ---------------------------------------------------------------------------------------


async def test_statuses_come_no_faster_than_the_pause(fake: FakeDiscord) -> None:
    async def hurries(engine: EngineDouble, paint: Any) -> Any:
        for step in range(1, 100):
            yield Progress(paint.job, step / 100, f"step {step} of 100")
            await asyncio.sleep(0)
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    async with on(fake, hurries, pause=1.5) as it:
        await fake.says(it.ann, it.channel, "<@900> starrynight", [("cat.png", PHOTO)])
        said = lambda: [r for r in fake.requests if r.method in ("POST", "PATCH") and "/messages" in r.path]  # noqa: E731
        await fake.until(lambda: len(said()) == 2)
        assert said()[1].at - said()[0].at > 1.2
        assert "step 99" in said()[1].body["content"]
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()


@pytest.mark.parametrize(("mode", "count"), [("fast", 1), ("fine", 2)])
async def test_what_is_finished_in_a_moment_shows_no_progress_but_the_first_preview_of_what_takes_long(
    fake: FakeDiscord, mode: str, count: int
) -> None:
    async def shows(engine: EngineDouble, paint: Any) -> Any:
        yield Progress(paint.job, 0.5, "step 60 of 120")
        yield Preview(paint.job, b"preview")
        await engine.until(lambda: paint.job in engine.free)
        yield done(paint)

    edits = lambda: [r for r in fake.requests if r.method == "PATCH"]  # noqa: E731
    async with on(fake, shows, pause=3600.0) as it:
        await fake.slash(it.ann, it.channel, "stylize", style="scream", mode=mode, photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        await fake.until(lambda: len(edits()) == count - 1)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()
        assert len(edits()) == count


async def test_after_fifteen_minutes_the_channel_gets_a_reply(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await fake.until(lambda: found.original and "step 12" in fake.text(found.original))
        fake.later(15 * 60 + 1)
        it.engine.let_go(it.engine.runs[0].job)
        answer = await it.answer()
        assert fake.messages[answer]["message_reference"]["message_id"] == str(found.original)
        await fake.until(lambda: "below" in fake.text(found.original or 0))


async def test_an_order_that_came_too_late_is_done_all_the_same(fake: FakeDiscord) -> None:
    async with on(fake) as it:

        async def hold(request: Any) -> None:
            if request.path.endswith("/callback"):
                for found in fake.interactions.values():
                    found.late = True

        fake.hold = hold
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer()


async def test_a_choice_that_came_too_late_is_painted_all_the_same_and_the_menu_knows_it(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        picker = await chosen(fake, it, "starrynight")
        fake.fails("POST", "/interactions/*/callback", 404, 10062)
        (await fake.press(it.ann, picker, "Paint")).late = True
        await it.answer()
        direct = await fake.until(lambda: next((id for id, c in fake.channels.items() if c["type"] == 1), None))
        await fake.until(lambda: any("order" in m["content"] for m in fake.of_bot(direct)))
        await fake.press(it.ann, picker, "Paint")
        await fake.until(lambda: "order" in fake.text(picker))
        assert len(it.engine.runs) == 1


async def test_a_lost_line_is_resumed_and_nothing_is_lost_or_done_twice(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.engine.until(lambda: it.engine.runs)
        await fake.reconnect()
        await fake.says(it.ann, it.channel, "<@900> starrynight", [("dog.png", PHOTO)])  # while nobody listens
        await fake.until(lambda: fake.resumed)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer(2)
        assert fake.identified == 1
        assert fake.heartbeats


async def test_a_session_that_discord_forgot_begins_anew(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        line = next(iter(fake.sessions.values())).socket
        assert line
        fake.sessions.clear()
        await line.close(code=4000)
        await fake.until(lambda: fake.identified == 2)
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer()


@pytest.mark.parametrize(("status", "times"), [(429, 2), (500, 1), (401, 1), (403, 1), (404, 1)])
async def test_an_error_of_discord_loses_no_picture(fake: FakeDiscord, status: int, times: int) -> None:
    async with on(fake, waits) as it:
        await fake.says(it.ann, it.channel, "<@900> greatwave", [("cat.png", PHOTO)])
        await fake.until(lambda: any("step 12" in m["content"] for m in fake.of_bot(it.channel)))
        fake.fails("PATCH", "/channels/*/messages/*", status, times=times)
        it.engine.let_go(it.engine.runs[0].job)
        await it.answer()
        assert not any(fault.times for fault in fake.faults)


async def test_a_picture_above_the_limit_is_made_smaller_before_it_is_sent(fake: FakeDiscord) -> None:
    large = io.BytesIO()
    Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3)).save(large, "PNG")

    async def paints(engine: EngineDouble, paint: Any) -> Any:
        yield Done(paint.job, large.getvalue(), paint.recipe, 400, 300, 1.0)

    fake.limit = lambda channel: 100_000  # type: ignore[method-assign]
    async with on(fake, paints) as it:
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        answer = await it.answer()
        assert fake.file(answer).startswith(b"\xff\xd8")
        assert "Made smaller" in fake.text(answer)
        found = await fake.press(it.ann, answer, "Original file")
        await fake.until(lambda: found.followups)
        assert "files may have" in fake.text(found.followups[0])


async def test_a_boosted_server_takes_a_larger_picture_for_a_mention_too(fake: FakeDiscord) -> None:
    large = bytes(12 * 2**20)

    async def paints(engine: EngineDouble, paint: Any) -> Any:
        yield Done(paint.job, large, paint.recipe, 2000, 2000, 1.0)

    fake.add_guild(tier=2)
    async with on(fake, paints) as it:
        await fake.says(it.ann, it.channel, "<@900> greatwave", [("cat.png", PHOTO)])
        answer = await it.answer()
        assert fake.file(answer) == large
        assert "Made smaller" not in fake.text(answer)


async def test_a_channel_deleted_meanwhile_leaves_a_letter(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        await fake.says(it.ann, it.channel, "<@900> greatwave", [("cat.png", PHOTO)])
        await it.engine.until(lambda: it.engine.runs)
        await fake.delete_channel(it.channel)
        it.engine.let_go(it.engine.runs[0].job)
        direct = await fake.until(lambda: next((id for id, c in fake.channels.items() if c["type"] == 1), None))
        assert "where you ordered it" in fake.text(await it.answer(channel=direct))


async def test_a_channel_that_takes_no_files_is_refused_in_private(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        quiet = fake.add_channel(deny=ATTACH)
        await fake._dispatch("CHANNEL_CREATE", fake.channels[quiet])
        found = await fake.slash(it.ann, quiet, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await fake.until(lambda: found.original)
        assert found.ephemeral
        assert "Attach Files" in fake.text(found.original or 0)
        assert fake.allowed(quiet) == ALL & ~ATTACH


async def test_after_a_restart_the_answer_is_a_reply_and_comes_once(fake: FakeDiscord, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    async with on(fake, waits, path=journal) as it:
        found = await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await fake.until(lambda: found.original and "step 12" in fake.text(found.original))
        syncs, ann = fake.syncs, it.ann
    async with on(fake, path=journal) as it:
        answer = await it.answer()
        assert fake.messages[answer]["message_reference"]["message_id"] == str(found.original)
        assert fake.syncs == syncs

        async def arrived() -> bool:
            job = await it.store.job(it.engine.runs[0].job)
            return job is not None and job.state is State.DELIVERED

        await eventually(arrived)
        await fake.press(ann, answer, "Stronger")
        await it.answer(2)


# --- logging in ------------------------------------------------------------------------------------------------------


async def test_without_the_privileged_intent_the_bot_does_what_it_can(fake: FakeDiscord) -> None:
    fake.approved = ~CONTENT_INTENT
    async with on(fake, message_content=True) as it:
        await fake.slash(it.ann, it.channel, "stylize", style="greatwave", photo=("cat.png", PHOTO))
        await it.answer()


async def test_a_discord_that_is_down_is_tried_again(fake: FakeDiscord) -> None:
    fake.fails("GET", "/users/@me", 503, times=2)
    async with on(fake) as it:
        assert it.chat.trouble == ""


@pytest.mark.parametrize("where", ["rest", "gateway"])
async def test_a_bad_token_says_why_and_stops_nobody_else(
    fake: FakeDiscord,
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if where == "gateway":
        monkeypatch.setattr(fake, "_authorise", lambda request, path: None)
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(program, "engine_command", lambda config: sleeper)
    said = {"web.port": 0, "store.path": str(tmp_path / "j.sqlite3"), "discord.token": "MTIzNDU2Nzg5MA.bad.token"}
    serving = asyncio.create_task(program.serve(configuration.load(None, {"HOME": str(tmp_path)}, said)))
    try:

        async def refused() -> bool:
            return "does not accept discord.token" in caplog.text

        await eventually(refused)
        url = capsys.readouterr().out.split()[3]
        async with aiohttp.ClientSession() as session, session.get(url) as page:
            assert page.status == 200
        assert not serving.done()
        assert "bad.token" not in caplog.text
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def test_the_doctor_looks_at_the_token(tmp_path: Path) -> None:
    def finding(token: str) -> doctor.Finding:
        said = {"discord.token": token} if token else {}
        return doctor.discord(configuration.load(None, {"HOME": str(tmp_path)}, said))

    assert "not there" in finding("").text
    assert finding("nonsense").verdict == "bad"
    assert "nonsense" not in finding("nonsense").text
    assert finding("MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE." + "x" * 38).verdict == "ok"


# --- with the real engine --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not gallery.default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
async def test_the_real_engines_picture_is_the_terminals_to_the_byte(fake: FakeDiscord, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTO)
    line = "starrynight size=64 steps=3 seed=7"
    said = {"engine.device": "cpu", "engine.threads": 1, "engine.load_seconds": 300.0, "engine.hang_seconds": 300.0}
    config = configuration.load(None, {"HOME": str(tmp_path)}, said)
    result = await program.stylize(config, photo, line, tmp_path / "out.png", force=False)
    command = worker_command(device="cpu", threads=1, cache=tmp_path / "cache")
    async with (
        Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine,
        on(fake, engine=engine, pause=DiscordChat.pause) as it,
    ):
        await fake.slash(
            *(it.ann, it.channel, "stylize"), style="starrynight", photo=("photo.png", PHOTO), size=64, seed=7,
            recipe="steps=3",
        )  # fmt: skip
        async with asyncio.timeout(300):
            answer = 0
            while not answer:
                with suppress(TimeoutError):
                    answer = await it.answer()
        assert fake.file(answer) == (tmp_path / "out.png").read_bytes()
        assert result.line in fake.text(answer)
