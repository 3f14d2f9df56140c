"""An animation in, an animation out, with the real engine: on Telegram, on Discord and in the terminal."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot import config as configuration
from bot.command_line.arguments import arguments
from bot.command_line.stylize import stylize
from engine import wire
from engine.gallery import default
from engine.images import animation
from tests.bot.chat.discord.harness import fake_discord
from tests.end_to_end.test_laboratory import discord_bot
from tests.end_to_end.test_telegram import ANN, MINUTES, program
from tests.fakes.telegram.server import FakeTelegram
from tests.pictures import picture
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


# --- the terminal ----------------------------------------------------------------------------------------------------


async def stylized(folder: Path, given: bytes, words: str, out: str) -> tuple[dict[str, Any], bytes]:
    """What the terminal writes for a file and a line."""
    photo = folder / "photo"
    photo.write_bytes(given)
    settings = {
        "engine.device": "cpu",
        "engine.threads": 1,
        "engine.load_seconds": 300.0,
        "engine.hang_seconds": 300.0,
    }
    config = configuration.load(None, {"HOME": str(folder)}, settings)
    said = io.StringIO()
    with redirect_stdout(said):
        assert await stylize(
            config, arguments(["stylize", str(photo), *words.split(), "-o", str(folder / out), "--json"])
        )
    return json.loads(said.getvalue()), (folder / out).read_bytes()


async def test_the_terminal_writes_a_gif_of_a_gif(tmp_path: Path) -> None:
    result, data = await stylized(tmp_path, gif(), "starrynight size=64 seed=7", "out.gif")
    assert data.startswith(b"GIF89a")
    assert times(data) == TIMES
    assert "frames=3" in result["line"]
    assert any(note.startswith("Flicker") for note in result["notes"])


async def test_the_terminal_writes_an_mp4_where_its_name_says_so(tmp_path: Path) -> None:
    pytest.importorskip("av")
    _, data = await stylized(tmp_path, gif(), "starrynight size=64 seed=7", "out.mp4")
    clip = animation.read(data, animation.fitting(64, enlarge=False), lambda _: 99)
    assert clip.kind is wire.MP4
    assert [round(1000 * lasts) for lasts in clip.seconds] == TIMES


async def test_the_terminal_makes_a_film_of_a_photo(tmp_path: Path) -> None:
    photo = picture((200, 120, 40), (96, 64))
    for words, out, least in (
        ("starrynight+greatwave mode=morph frames=4 size=64", "morph.gif", 4),
        ("starrynight mode=fine clip=yes steps=3 size=64", "painted.gif", 2),
    ):
        _, data = await stylized(tmp_path, photo, words, out)
        assert len(times(data)) >= least
