"""The chat page in a real browser: a picture of one's own as the style."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, file, say, send_photo
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_of_two_pictures_the_second_is_the_style_unless_they_are_swapped(page: Page, at: Site) -> None:
    cat, tiles = picture(size=(90, 60)), picture((10, 200, 30), (60, 60))
    await page.set_input_files("#file", [file(cat), file(tiles, "tiles.png")])  # type: ignore[list-item]
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of tiles.png")
    for label in ("photo", "style"):
        await expect(page.locator("#replying figcaption", has_text=label)).to_be_visible()
    await expect(page.locator("#text")).to_be_focused()
    await expect(page.locator("#text")).to_have_value("/stylize mine ")
    await page.keyboard.press("Enter")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (cat, tiles)
    await expect(page.locator(".message img")).to_have_count(2)
    at.engine.finishes(paint, picture())
    job = page.locator(".job")
    await expect(job.get_by_role("img", name="cat.png in the style of tiles.png")).to_be_visible()
    await expect(job.locator(".credit")).to_have_text("A picture of your own")

    await page.fill("#text", "/stylize mine strength=80")
    await page.get_by_role("button", name="Swap photo and style").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#replying-text")).to_have_text("tiles.png in the style of cat.png")
    await page.press("#text", "Enter")
    paint = await at.engine.order()
    assert (paint.photo, paint.style, paint.recipe.strength) == (tiles, cat, 80)


async def test_a_picture_sent_in_reply_to_a_photo_is_its_style(page: Page, at: Site) -> None:
    cat, dog, tiles = picture(), picture((9, 9, 9)), picture((10, 200, 30))
    await send_photo(page, cat)
    await send_photo(page, dog, "dog.png")
    await page.get_by_role("button", name="Reply to cat.png").click()
    await send_photo(page, tiles, "tiles.png")
    await expect(page.locator("#replying-text")).to_have_text("Replying to tiles.png")
    await page.fill("#text", "/stylize starrynight:50+mine:50")
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of tiles.png")
    await page.press("#text", "Enter")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (cat, tiles)
    at.engine.finishes(paint, picture())
    # The style is kept for the next photo, and is left out where the line does not name it.
    await send_photo(page, dog, "hound.png")
    await say(page, "/stylize starrynight")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (dog, None)
    at.engine.finishes(paint, picture())
    await say(page, "/stylize mine")
    assert (await at.engine.order()).style == tiles


async def test_the_picture_menu_takes_a_picture_of_ones_own(page: Page, at: Site) -> None:
    cat, tiles = picture(), picture((10, 200, 30))
    await send_photo(page, cat)
    await page.locator(".photo .choose").click()
    menu = page.get_by_role("dialog")
    await menu.get_by_text("of the photo").click()
    async with page.expect_file_chooser() as opening:
        await menu.get_by_role("button", name="A picture of your own").click()
    chooser = await opening.value
    assert not chooser.is_multiple()
    await chooser.set_files(file(tiles, "tiles.png"))  # type: ignore[arg-type]
    paint = await at.engine.order()
    assert (paint.photo, paint.style, paint.recipe.colors) == (cat, tiles, "photo")


async def test_a_photo_may_be_the_style_of_one_that_is_still_to_come(page: Page, at: Site) -> None:
    tiles, cat = picture((10, 200, 30)), picture()
    await send_photo(page, tiles, "tiles.png")
    await page.get_by_role("button", name="Use tiles.png as the style").click()
    await expect(page.locator("#replying-text")).to_have_text("Which photo in the style of tiles.png?")
    await send_photo(page, cat)
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of tiles.png")
    await page.press("#text", "Enter")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (cat, tiles)


async def test_mine_without_a_style_picture_is_asked_for_before_and_after(page: Page, at: Site) -> None:
    await send_photo(page)
    await page.fill("#text", "/stylize mine")
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of which picture?")
    await page.press("#text", "Enter")
    await expect(page.locator(".theirs.refused")).to_contain_text("Which picture is the style?")
    await page.fill("#text", "/stylize mine")
    async with page.expect_file_chooser() as opening:
        await page.get_by_role("button", name="Add the style").click()
    await (await opening.value).set_files(file(picture((10, 200, 30)), "tiles.png"))  # type: ignore[arg-type]
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of tiles.png")
    await page.get_by_role("button", name="Without a style picture").click()
    await expect(page.locator("#text")).to_have_value("")
