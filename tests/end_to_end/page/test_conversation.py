"""The chat page in a real browser: orders in two halves, ordinary words, and what may have been meant."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, attach, say, send_photo
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_a_style_that_was_written_first_waits_for_its_photo(page: Page, at: Site) -> None:
    await say(page, "/stylize starrynight strength=70")
    await expect(page.locator(".theirs").last).to_contain_text("Which photo? Send it here.")
    await attach(page, picture())
    paint = await at.engine.order()
    assert (paint.recipe.styles[0].name, paint.recipe.strength) == ("starrynight", 70)


async def test_a_misspelt_style_is_answered_with_buttons_for_what_may_have_been_meant(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "/stylize starynight strength=70")
    await page.get_by_role("button", name="starrynight strength=70").click()
    paint = await at.engine.order()
    assert (paint.recipe.styles[0].name, paint.recipe.strength) == ("starrynight", 70)


async def test_a_sentence_finds_its_painter(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "make it look like the great wave please")
    assert (await at.engine.order()).recipe.styles[0].name == "greatwave"
    await say(page, "thank you!")
    await expect(page.locator(".theirs").last).to_contain_text("You are welcome!")


async def test_help_can_be_clicked(page: Page, at: Site) -> None:
    await say(page, "/help")
    await page.get_by_role("button", name="/help lab").click()
    await expect(page.locator(".theirs").last).to_contain_text("/dream:")
