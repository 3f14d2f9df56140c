"""A browser for every module, and a site with its page open for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.bot.chat.web.harness import Site, site
from tests.end_to_end.page.harness import CHROMIUM, FLAGS, visit
from tests.pictures import swatches


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    swatches(tmp_path, monkeypatch)
    async with site() as at:
        yield at


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, at: Site) -> AsyncIterator[Page]:
    async with visit(browser, at.url) as page:
        await expect(page.locator("#welcome")).to_be_visible()
        yield page
