"""An animation in, an animation out, with the real engine: on Telegram and on Discord."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.gallery import default
from tests.bot.chat.discord.harness import fake_discord
from tests.end_to_end.test_laboratory import discord_bot
from tests.end_to_end.test_telegram import ANN, MINUTES, program
from tests.fakes.telegram.server import FakeTelegram
from tests.scenes import file, pan, pictures

pytestmark = pytest.mark.skipif(not default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
TIMES = [70, 130, 100]


def gif() -> bytes:
    return file("GIF", pictures(pan(3)), TIMES)


def times(data: bytes) -> list[int]:
    with Image.open(io.BytesIO(data)) as image:
        found = []
        for index in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(index)
            image.load()
            found.append(image.info["duration"])
        return found


async def test_telegram_gets_an_animation_back(root: Path, tmp_path: Path) -> None:
    async with FakeTelegram().serve() as server, program(server, root, tmp_path) as bot:
        server.patience = MINUTES
        server.says(ANN, "/stylize starrynight size=64 seed=7", animation=gif())
        shown: dict[str, Any] = await server.until(lambda: server.pictures(ANN) and server.pictures(ANN)[-1])
        assert "animation" in shown
        assert times(shown["_data"]) == TIMES
        assert "frames=3" in shown["caption"]
        assert "Traceback" not in bot.output


async def test_discord_gets_an_animation_back_or_a_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fake_discord(monkeypatch) as fake, discord_bot(fake, tmp_path) as it:
        fake.patience = MINUTES
        await it.slash("stylize", photo=("cat.gif", gif()), style="starrynight", size=64)
        assert it.file_name(await it.answer()).endswith(".gif")
        await it.slash("stylize", photo=("cat.gif", gif()), style="starrynight", size=64, recipe="frames=1")
        assert it.file_name(await it.answer(2)).endswith(".png")
