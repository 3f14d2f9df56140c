"""Several photos at once, and the page's own for who has none at hand."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, file, say
from tests.pictures import picture

pytestmark = IN_A_BROWSER
PHOTOS = [picture((40 * count, 90, 200), (60, 40)) for count in range(1, 6)]


async def give_all(page: Page, count: int) -> None:
    files = [file(data, f"photo{number}.png") for number, data in enumerate(PHOTOS[:count], 1)]
    await page.set_input_files("#file", files)  # type: ignore[arg-type]
    await expect(page.locator(".photo:not(.sending)")).to_have_count(count)


async def test_five_photos_and_a_style_are_five_orders(page: Page, at: Site) -> None:
    await give_all(page, 5)
    await expect(page.locator("#replying-text")).to_have_text("Replying to 5 photos")
    await say(page, "/stylize starrynight")
    painted = []
    for _ in PHOTOS:
        paint = await at.engine.order()
        painted.append(paint.photo)
        at.engine.finishes(paint, picture())
    assert painted == PHOTOS


async def test_of_several_photos_one_can_be_chosen(page: Page, at: Site) -> None:
    await give_all(page, 3)
    await page.get_by_role("button", name="Reply to photo2.png").click()
    await expect(page.locator("#replying-text")).to_have_text("Replying to photo2.png")
    await say(page, "starrynight")
    assert (await at.engine.order()).photo == PHOTOS[1]
    await expect(page.locator("[data-job]")).to_have_count(1)


async def test_a_remark_about_several_photos_orders_nothing_for_each(page: Page, at: Site) -> None:
    await give_all(page, 3)
    await say(page, "thanks")
    await expect(page.locator(".message")).to_have_count(1)


async def test_the_pages_own_photo_goes_out_with_one_click_and_asks_for_a_style(page: Page, at: Site) -> None:
    await page.get_by_role("button", name="Try it on this picture").click()
    await expect(page.locator("#gallery")).to_be_visible()
    await expect(page.locator(".photo:not(.sending)")).to_have_count(1)
    await page.locator("#gallery-grid .style").nth(1).click()
    assert (await at.engine.order()).photo is not None
