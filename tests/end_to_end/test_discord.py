"""Discord from end to end: requests held against its own description, the whole program, and the real engine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from bot import app, doctor
from bot import config as configuration
from bot.command_line.arguments import arguments
from bot.command_line.stylize import stylize
from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import gallery
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, TILES, fake_discord, on
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.discord.world import MANAGE
from tests.harness import waits
from tests.pictures import swatches
from tests.waiting import eventually


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    async with fake_discord(monkeypatch) as fake:
        yield fake


@pytest.fixture
def small_swatches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swatches(tmp_path, monkeypatch)


# --- Discord's own description of its requests -----------------------------------------------------------------------


@pytest.mark.usefixtures("small_swatches")
async def test_every_command_is_answered_with_requests_that_discord_knows(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        fake.granted[it.ann] = MANAGE
        for name in ("styles", "queue", "cancel", "again", "help", "about", "privacy", "settings"):
            found = await it.slash(name)
            await fake.until(lambda found=found: it.said(found).strip())
        await it.told(await it.slash("settings", size="128", channel=it.channel), "size=128")
        assert (await it.autocomplete("stylize", "style", "stary nigt"))[0]["value"] == "starrynight"


@pytest.mark.usefixtures("small_swatches")
async def test_every_way_to_order_and_every_button_makes_requests_that_discord_knows(fake: FakeDiscord) -> None:
    async with on(fake, waits) as it:
        found = await it.stylize(style="mine", style_photo=("t.png", TILES), strength=50)
        await it.told(found, "step 12")
        it.engine.let_go(await it.started())
        await it.answer()
        shown = await it.menu_of(await it.photo())
        await it.turn(shown, "▶")
        await it.search(shown, "hokusai")
        await it.choose(shown, "80", "fine")
        await fake.press(it.ann, shown, "Paint")
        answer = await it.answer(2)
        await it.says(f"{ME} starrynight", CAT)
        await it.answer(3)
        await it.says(f"{ME} starynite", CAT)
        await it.posted("starrynight")
        await it.told(await it.menu("Use this photo", await it.photo()), "three minutes")
        await it.slash("stylize", style="scream")
        await it.answer(4)
        for number, label in enumerate(("Again", "Stronger", "Softer", "Photo's colours"), 5):
            await fake.press(it.ann, answer, label)
            await it.answer(number)
        file = await fake.press(it.ann, answer, "Original file")
        await fake.until(lambda: file.followups)
        await fake.press(it.ann, answer, "Delete")
        await fake.until(lambda: answer not in fake.messages)


# --- the whole program -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_swatches")
@pytest.mark.parametrize("where", ["rest", "gateway"])
async def test_a_bad_token_says_why_and_stops_nobody_else(
    fake: FakeDiscord,
    where: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if where == "gateway":
        monkeypatch.setattr(fake, "_authorise", lambda request, path: None)
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(app, "worker_command", lambda settings: sleeper)
    given = {"web.port": 0, "store.path": str(tmp_path / "j.sqlite3"), "discord.token": "MTIzNDU2Nzg5MA.bad.token"}
    urls: list[str] = []
    config = configuration.load(None, {"HOME": str(tmp_path)}, given)
    serving = asyncio.create_task(app.serve(config, urls.append))
    try:

        async def refused() -> bool:
            return "does not accept discord.token" in caplog.text

        await eventually(refused)
        async with aiohttp.ClientSession() as session, session.get(urls[0]) as page:
            assert page.status == 200
        assert not serving.done()
        assert "bad.token" not in caplog.text
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def test_the_doctor_looks_at_the_token(tmp_path: Path) -> None:
    def finding(token: str) -> doctor.Finding:
        given = {"discord.token": token} if token else {}
        return doctor.discord(configuration.load(None, {"HOME": str(tmp_path)}, given))

    assert "disabled" in finding("").text
    assert finding("nonsense").verdict == "bad"
    assert "nonsense" not in finding("nonsense").text
    assert finding("MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE." + "x" * 38).verdict == "ok"


# --- with the real engine --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not gallery.default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
async def test_the_real_engines_picture_is_the_terminals_to_the_byte(
    fake: FakeDiscord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PHOTO)
    given = {"engine.device": "cpu", "engine.threads": 1, "engine.load_seconds": 300.0, "engine.hang_seconds": 300.0}
    config = configuration.load(None, {"HOME": str(tmp_path)}, given)
    line = "starrynight size=64 steps=3 seed=7"
    assert await stylize(config, arguments(["stylize", str(photo), line, "-o", str(tmp_path / "out.png")]))
    command = worker_command(app.engine_settings(config))
    async with (
        Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine,
        on(fake, engine=engine, pause=3.0) as it,
    ):
        await it.stylize(style="starrynight", photo=("photo.png", PHOTO), size=64, seed=7, recipe="steps=3")
        async with asyncio.timeout(300):
            answer = 0
            while not answer:
                with suppress(TimeoutError):
                    answer = await it.answer()
        assert fake.file(answer) == (tmp_path / "out.png").read_bytes()
        assert capsys.readouterr().out.strip() in fake.text(answer)
