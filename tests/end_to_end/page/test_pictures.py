"""The chat page in a real browser: from dropping a photo to the finished picture."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from engine import wire
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, give, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_a_dropped_photo_becomes_a_picture_with_its_recipe(page: Page, at: Site) -> None:
    photo, painting = picture(size=(90, 60)), picture((20, 40, 120), (128, 85))
    await give(page, "dragenter", photo)
    await expect(page.locator("#drop")).to_be_visible()
    await give(page, "drop", photo, "harbour.png")
    await expect(page.locator("#drop")).to_be_hidden()
    await expect(page.locator("#welcome")).to_be_hidden()
    await expect(page.locator("#replying-text")).to_have_text("Replying to harbour.png")
    await say(page, "/stylize starrynight seed=7")
    paint = await at.engine.order()
    assert paint.photo == photo
    job = page.locator(f"[data-job='{paint.job}']")
    await expect(job.locator(".words b")).to_have_text("The Starry Night")
    at.engine.does(wire.Progress(paint.job, 0.4, "step 50 of 125"))
    await expect(job.locator(".words")).to_contain_text("step 50 of 125")
    await expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    at.engine.does(wire.Preview(paint.job, picture((60, 60, 60), kind="JPEG")))
    await expect(job.locator(".so-far")).to_be_visible()
    at.engine.finishes(paint, painting, ("The photo was turned upright.",))

    result = job.get_by_role("img", name="harbour.png in the style of The Starry Night, Vincent van Gogh, 1889")
    await expect(result).to_be_visible()
    await expect(job.locator(".so-far")).to_have_count(0)
    await expect(job.locator(".credit")).to_have_text("The Starry Night, Vincent van Gogh, 1889")
    await expect(job.locator(".recipe code")).to_contain_text("/stylize starrynight mode=fast")
    await expect(job.locator(".recipe code")).to_contain_text("seed=7")
    await expect(job.locator(".notes")).to_have_text("The photo was turned upright.")
    async with page.expect_download() as download:
        await job.get_by_role("link", name="Download").click()
    saved = await download.value
    assert saved.suggested_filename == "harbour-starrynight.png"
    with open(await saved.path(), "rb") as kept:  # noqa: ASYNC230
        assert kept.read() == painting


async def test_photo_and_painting_lie_over_each_other_with_a_slider_for_the_keyboard(page: Page, at: Site) -> None:
    await send_photo(page, picture(size=(90, 61)))
    await say(page, "/stylize starrynight")
    at.engine.finishes(await at.engine.order(), picture(size=(128, 86)))
    slider = page.get_by_role("slider", name="Compare")
    await slider.focus()
    for _ in range(30):
        await page.keyboard.press("ArrowRight")
    await expect(page.locator(".over")).to_have_css("clip-path", "inset(0px 0px 0px 30%)")
    await page.keyboard.press("Home")
    await expect(page.locator(".over")).to_have_css("clip-path", "inset(0px 0px 0px 0%)")
    # In one breath, for the room may still be scrolling.
    places = """canvas => [".under", ".over"].map((part) =>
        JSON.stringify(canvas.querySelector(part).getBoundingClientRect()))"""
    under, over = await page.locator(".canvas").evaluate(places)
    assert under == over


async def test_a_cancelled_picture_says_so_in_its_bubble(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "/stylize starrynight")
    await at.engine.order()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".job.ended")).to_contain_text("Cancelled, as you asked.")
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    await expect(page.locator(".theirs")).to_have_count(1)


async def test_a_reply_goes_to_the_photo_that_was_chosen_and_else_to_the_newest(page: Page, at: Site) -> None:
    old, new = picture((9, 9, 9)), picture((200, 200, 200))
    await send_photo(page, old, "old.png")
    await send_photo(page, new, "new.png")
    await expect(page.locator("#replying-text")).to_have_text("Replying to new.png")
    await page.get_by_role("button", name="Reply to old.png").click()
    await expect(page.locator("#replying-text")).to_have_text("Replying to old.png")
    await say(page, "/stylize greatwave")
    paint = await at.engine.order()
    assert (paint.photo, paint.recipe.styles[0].name) == (old, "greatwave")
    at.engine.finishes(paint, picture())
    await page.get_by_role("button", name="Reply to the newest photo instead").click()
    await say(page, "/stylize greatwave")
    assert (await at.engine.order()).photo == new


async def test_the_recipe_line_is_copied(browser: Browser, at: Site) -> None:
    for allowed in (["clipboard-read", "clipboard-write"], []):
        async with visit(browser, at.url, permissions=allowed) as page:
            await expect(page.locator("#line-state")).to_have_text("Connected")
            await send_photo(page)
            await say(page, "/stylize starrynight")
            at.engine.finishes(await at.engine.order(), picture())
            line = await page.locator(".recipe code").inner_text()
            if not allowed:
                # As on an address without https, where pages have no clipboard.
                await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
            await page.get_by_role("button", name="Copy the recipe line").click()
            await expect(page.get_by_text("Copied", exact=True)).to_be_visible()
            await page.focus("#text")
            await page.keyboard.press("Control+V")
            await expect(page.locator("#text")).to_have_value(line)
