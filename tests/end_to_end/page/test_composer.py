"""The chat page in a real browser: what the text box suggests and recalls."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.end_to_end.page.harness import IN_A_BROWSER, say

pytestmark = IN_A_BROWSER


async def test_commands_styles_and_settings_are_suggested_while_typing(page: Page) -> None:
    await page.locator("#text").press_sequentially("/sty")
    options = page.get_by_role("option")
    await expect(options.first).to_contain_text("/stylize")
    await page.keyboard.press("Tab")
    await page.keyboard.type("hokusai")
    await expect(options).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#text")).to_have_value("/stylize greatwave ")
    await page.keyboard.type("stre")
    await expect(options.first).to_contain_text("a whole number from 0 to 100: 0 returns the photo")
    await page.keyboard.press("Tab")
    await expect(page.locator("#text")).to_have_value("/stylize greatwave strength=")


async def test_arrow_up_recalls_what_was_sent(page: Page) -> None:
    for line in ("/help", "/queue"):
        await say(page, line)
    await page.press("#text", "ArrowUp")
    await expect(page.locator("#text")).to_have_value("/queue")
    await page.press("#text", "ArrowUp")
    await expect(page.locator("#text")).to_have_value("/help")
    await page.press("#text", "ArrowDown")
    await page.press("#text", "ArrowDown")
    await expect(page.locator("#text")).to_have_value("")


async def test_a_line_that_was_not_sent_is_still_there_after_a_reload(page: Page) -> None:
    await page.fill("#text", "/stylize starrynight strength=8")
    await page.reload()
    await expect(page.locator("#line-state")).to_have_text("Connected")
    await expect(page.locator("#text")).to_have_value("/stylize starrynight strength=8")
    await page.press("#text", "Enter")
    await page.reload()
    await expect(page.locator("#line-state")).to_have_text("Connected")
    await expect(page.locator("#text")).to_have_value("")
