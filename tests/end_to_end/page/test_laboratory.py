"""Every mode of the laboratory on the page, with the real engine behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import wire
from engine.gallery import default
from tests.bot.chat.web.harness import site
from tests.end_to_end.page.harness import IN_A_BROWSER, SETTLED, say, send_photo, visit
from tests.laboratory import ORDERS, WITHOUT_PHOTO, begins

pytestmark = IN_A_BROWSER


@pytest.mark.skipif(not default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
async def test_the_page_paints_each(browser: Browser, tmp_path: Path) -> None:
    command = worker_command(wire.EngineSettings(device="cpu", threads=1, cache=tmp_path / "cache"))
    async with (
        Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine,
        site(tmp_path / "journal.sqlite3", engine=engine) as at,
        visit(browser, at.url) as page,
    ):
        await expect(page.locator("#welcome")).to_be_visible()
        modes = sorted(ORDERS, key=lambda mode: mode not in WITHOUT_PHOTO)  # these come before there is any photo
        for count, mode in enumerate(modes):
            if count == len(WITHOUT_PHOTO):
                await send_photo(page)
            await say(page, ORDERS[mode])
            line = page.locator(".job .recipe code").nth(count)
            await expect(line).to_contain_text(begins(mode), timeout=5 * SETTLED)
        pictures = page.locator(".job .over")
        await expect(pictures).to_have_count(len(modes))
        # Only what is the photo repainted lies over it.
        assert await page.locator(".job .under").count() == len({"content", "dream"})
        await expect(page.locator(".refused")).to_have_count(0)
