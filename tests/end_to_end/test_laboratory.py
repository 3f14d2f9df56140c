"""Every mode of the laboratory with the real engine: in the terminal, on Telegram and on Discord."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import app
from bot import config as configuration
from bot.command_line.arguments import arguments
from bot.command_line.stylize import stylize
from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import wire
from engine.gallery import default
from tests.bot.chat.discord.harness import DiscordBot, fake_discord, on
from tests.end_to_end.test_telegram import ANN, CAT, MINUTES, program
from tests.fakes.discord.server import FakeDiscord
from tests.fakes.telegram.server import FakeTelegram
from tests.laboratory import ORDERS, WITHOUT_PHOTO, begins
from tests.pictures import picture

pytestmark = pytest.mark.skipif(not default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
PHOTO = picture((200, 120, 40), (96, 64))


@asynccontextmanager
async def real_engine(folder: Path) -> AsyncIterator[Supervisor]:
    command = worker_command(wire.EngineSettings(device="cpu", threads=1, cache=folder))
    async with Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine:
        yield engine


async def test_the_terminal_paints_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one engine, which is not started anew for every order as it is where people order."""
    (tmp_path / "photo.png").write_bytes(PHOTO)
    config = configuration.load(None, {"HOME": str(tmp_path)})
    async with real_engine(tmp_path) as engine:
        monkeypatch.setattr(app, "_engine", lambda *_, **__: nullcontext(engine))
        for mode, text in ORDERS.items():
            photo = [] if mode in WITHOUT_PHOTO else [str(tmp_path / "photo.png")]
            out = tmp_path / f"{mode}.png"
            assert await stylize(config, arguments(["stylize", *photo, *text.split(), "-o", str(out), "--json"])), mode
            result = json.loads(capsys.readouterr().out)
            assert result["line"].startswith(begins(mode))
            with Image.open(out) as painted:
                painted.load()
                assert painted.size == (result["width"], result["height"])
                assert result["line"] in str(painted.info)


async def test_telegram_paints_each(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_LIMITS_BURST", "50")
    async with FakeTelegram().serve() as server, program(server, root, tmp_path) as bot:
        server.patience = MINUTES
        for count, (mode, text) in enumerate(ORDERS.items(), 1):
            if mode in WITHOUT_PHOTO:
                server.says(ANN, text)
            else:
                server.says(ANN, text, photo=CAT)
            shown = await server.until(
                lambda count=count: len(server.pictures(ANN)) == count and server.pictures(ANN)[-1]
            )
            assert begins(mode) in shown["caption"]
        assert "Traceback" not in bot.output


@asynccontextmanager
async def discord_bot(fake: FakeDiscord, folder: Path) -> AsyncIterator[DiscordBot]:
    async with real_engine(folder) as engine, on(fake, engine=engine, pause=3.0) as it:
        yield it


async def test_discord_paints_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = "size=64 steps=2"
    photo = ("photo.png", PHOTO)
    async with fake_discord(monkeypatch) as fake, discord_bot(fake, tmp_path) as it:
        fake.patience = MINUTES
        orders: list[tuple[str, dict[str, Any], str]] = [
            ("texture", {"style": "starrynight", "depth": 1, "recipe": small}, "texture"),
            ("reconstruct", {"photo": photo, "layer": "conv2_1", "recipe": small}, "content"),
            ("dream", {"photo": photo, "layer": "conv3_1", "octaves": 1, "recipe": small}, "dream"),
            ("sheet", {"photo": photo, "style": "starrynight", "recipe": "size=64"}, "sheet"),
            ("like", {"picture": photo}, "like"),
            ("map", {}, "map"),
            ("suggest", {"photo": photo}, "suggest"),
            ("stylize", {"photo": photo, "style": "starrynight", "recipe": small}, "fine"),
            ("explain", {}, "explain"),
        ]
        for number, (name, options, mode) in enumerate(orders, 1):
            await it.slash(name, **options)
            assert f"mode={mode} " in fake.text(await it.answer(number))
