"""The chat page in a real browser, with the real engine behind it."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import gallery, wire
from tests.bot.chat.web.harness import site
from tests.end_to_end.page.harness import IN_A_BROWSER, SETTLED, give, say, visit

pytestmark = IN_A_BROWSER


@pytest.mark.skipif(not gallery.default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
async def test_a_real_photo_is_painted_by_the_real_engine(browser: Browser, tmp_path: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photo")
    photo = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((200, 200)).save(photo, "JPEG")
    command = worker_command(wire.EngineSettings(threads=1, cache=tmp_path / "cache"))
    async with (
        Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine,
        site(tmp_path / "journal.sqlite3", engine=engine) as at,
        visit(browser, at.url) as page,
    ):
        await expect(page.locator("#welcome")).to_be_visible()  # from here on the page takes what is dropped
        await give(page, "drop", photo.getvalue(), "astronaut.jpg")
        await expect(page.locator(".photo:not(.sending)")).to_be_visible()
        await say(page, "/stylize starrynight size=96 steps=12 seed=7")
        line = page.locator(".job .recipe code")
        await expect(line).to_contain_text("/stylize starrynight mode=fine", timeout=5 * SETTLED)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download").click()
        painted = await asyncio.to_thread(Path(await (await download.value).path()).read_bytes)
        with Image.open(io.BytesIO(painted)) as painting:
            painting.load()
            assert (painting.format, painting.size) == ("PNG", (96, 96))
            assert await line.inner_text() in str(painting.info)
            original = Image.open(photo).resize((96, 96)).convert("RGB")
            differing = sum(a != b for a, b in zip(original.tobytes(), painting.convert("RGB").tobytes(), strict=True))
        assert differing > 96 * 96
        recipe = await line.text_content()
        assert recipe is not None
    assert painted == await in_the_terminal(tmp_path, photo.getvalue(), recipe)


async def in_the_terminal(folder: Path, photo: bytes, line: str) -> bytes:
    """What the same photo and line give there."""
    (folder / "photo.jpg").write_bytes(photo)
    command = ("stylize", str(folder / "photo.jpg"), line, "-o", str(folder / "out.png"))
    environ = os.environ | {"IMPASTO_ENGINE_THREADS": "1", "IMPASTO_ENGINE_DEVICE": "cpu"}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.__main__", *command, env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(240):
        assert await program.wait() == 0
    return (folder / "out.png").read_bytes()
