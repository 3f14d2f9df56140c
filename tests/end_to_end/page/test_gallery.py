"""The chat page in a real browser: finding and choosing styles."""

from __future__ import annotations

from playwright.async_api import Browser, Locator, Page, expect

from engine import gallery
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, PHONE, give, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_one_click_in_the_picture_menu_starts_the_order(page: Page, at: Site) -> None:
    await send_photo(page)
    await page.locator(".photo").get_by_role("button", name="Choose a style").click()
    menu = page.get_by_role("dialog")
    await expect(menu.locator(".style")).to_have_count(1 + len(gallery.default()))
    await menu.get_by_role("slider", name="Strength").fill("70")
    await menu.get_by_text("of the photo").click()
    await menu.locator("[data-style=greatwave]").click()
    await expect(menu).to_be_hidden()
    paint = await at.engine.order()
    assert [share.name for share in paint.recipe.styles] == ["greatwave"]
    assert (paint.recipe.strength, paint.recipe.colors) == (70, "photo")
    await expect(page.locator(".message")).to_contain_text("/stylize greatwave strength=70 colors=photo")


async def test_a_style_is_chosen_and_a_line_sent_without_a_mouse(page: Page, at: Site) -> None:
    await give(page, "paste", picture())
    await expect(page.locator(".photo:not(.sending)")).to_be_visible()
    await page.locator("#scroller").focus()
    button = page.locator(".photo .choose")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await button.evaluate("element => element === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.locator("#gallery-search")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowRight")
    second = page.locator("#gallery-grid .style").nth(1)
    await expect(second).to_be_focused()
    await page.keyboard.press("Enter")
    paint = await at.engine.order()
    assert paint.recipe.styles[0].name == await second.get_attribute("data-style")
    at.engine.finishes(paint, picture())
    await expect(page.locator(".credit")).to_be_visible()

    await page.locator("#replying-style").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("munch")
    await page.keyboard.press("Enter")
    paint = await at.engine.order()
    assert paint.recipe.styles[0].name == "scream"


async def test_the_menu_finds_styles_by_painter_and_says_when_there_are_none(page: Page) -> None:
    await page.locator("#welcome").get_by_role("button", name="The Starry Night").wait_for()
    await send_photo(page)
    await page.locator("#replying-style").click()
    search, shown = page.locator("#gallery-search"), page.locator("#gallery-grid .style:visible")
    await search.fill("Gogh 1889")
    assert await names(shown) == ["starrynight", "wheatfield"]
    await expect(page.locator("#gallery-count")).to_have_text("2 styles")
    await search.fill("cafe")  # as nobody's keyboard has é
    assert await names(shown) == ["nightcafe"]
    await search.fill("zzz")
    await expect(page.locator("#gallery-none")).to_contain_text("No style for “zzz”")
    await page.get_by_role("button", name="Show them all").click()
    await expect(shown).to_have_count(1 + len(gallery.default()))
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def names(tiles: Locator) -> list[str]:
    found: list[str] = await tiles.evaluate_all("tiles => tiles.map((tile) => tile.dataset.style)")
    return found


async def test_a_word_narrows_the_gallery_and_the_search_narrows_it_further(page: Page) -> None:
    await page.get_by_role("button", name="Gallery").click()
    shown = page.locator("#gallery-grid .style:visible")
    chip = page.get_by_role("toolbar").get_by_role("button", name="woodblock")
    await chip.click()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    assert await names(shown) == [style.name for style in gallery.default() if "woodblock" in style.tags]
    await page.locator("#gallery-search").fill("utamaro")
    assert await names(shown) == ["utamaro"]
    await page.locator("#gallery-search").fill("")
    await chip.click()
    await expect(shown).to_have_count(1 + len(gallery.default()))


async def test_a_style_is_looked_at_closely_before_it_is_used(page: Page, at: Site) -> None:
    await send_photo(page)
    await page.get_by_role("button", name="Gallery").click()
    await page.locator("#gallery-search").fill("hokusai")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="About The Great Wave off Kanagawa")).to_be_focused()
    await page.keyboard.press("Enter")
    details = page.get_by_role("region", name="One style")
    await expect(details).to_contain_text("Katsushika Hokusai, c. 1831")
    await expect(details).to_contain_text("Public domain: the artist died in 1849.")
    await expect(details.get_by_role("img")).to_have_attribute(
        "alt", "A picture in the style of The Great Wave off Kanagawa, Katsushika Hokusai, c. 1831"
    )
    await details.get_by_role("button", name="Styles tagged sea").click()
    shown = page.locator("#gallery-grid .style:visible")
    await expect(page.locator("#gallery-count")).to_have_text("1 style")
    await page.locator("#gallery-search").fill("")
    assert await names(shown) == [style.name for style in gallery.default() if "sea" in style.tags]
    await page.get_by_role("button", name="About Impression, Sunrise").click()
    await page.keyboard.press("Escape")
    await expect(page.locator("#gallery-grid [data-style=sunrise]")).to_be_focused()
    await page.get_by_role("button", name="About Impression, Sunrise").click()
    await page.get_by_role("button", name="Paint this photo").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await at.engine.order()).recipe.styles[0].name == "sunrise"


async def test_a_style_chosen_before_the_photo_is_painted_when_the_photo_comes(page: Page, at: Site) -> None:
    for wanted in ("dore", "scream"):
        await page.get_by_role("button", name="Gallery").click()
        async with page.expect_file_chooser():
            await page.locator(f"#gallery-grid [data-style={wanted}]").click()
        await expect(page.locator("#text")).to_have_value(f"/stylize {wanted}")
    await expect(page.locator("#wanted")).to_have_text("The Scream: now add your photo.")
    await send_photo(page)
    paint = await at.engine.order()
    assert [share.name for share in paint.recipe.styles] == ["scream"]
    await expect(page.locator("#text")).to_have_value("")


async def test_a_line_changed_meanwhile_is_left_to_the_person(page: Page) -> None:
    await page.get_by_role("button", name="Gallery").click()
    async with page.expect_file_chooser():
        await page.locator("#gallery-grid [data-style=dore]").click()
    await page.fill("#text", "/stylize dore seed=5")
    await expect(page.locator("#wanted")).to_be_hidden()
    await send_photo(page)
    await expect(page.locator("#text")).to_have_value("/stylize dore seed=5")
    await expect(page.locator(".message")).to_have_count(0)


async def test_only_pictures_that_are_looked_at_are_fetched_and_only_once(browser: Browser, at: Site) -> None:
    fetched: list[str] = []
    async with visit(browser, at.url, viewport=PHONE) as page:
        page.on("response", lambda answer: fetched.append(answer.url) if "/style/" in answer.url else None)
        await page.get_by_role("button", name="Gallery").click()
        await expect(page.locator("#gallery-grid img").first).to_have_js_property("complete", True)
        assert not any("haystack" in url for url in fetched)
        await page.locator("#gallery-grid [data-style=haystack]").scroll_into_view_if_needed()
        await expect(page.locator("#gallery-grid [data-style=haystack] img")).to_have_js_property("naturalWidth", 64)
        assert any("haystack" in url for url in fetched)


async def test_an_answer_with_many_styles_leads_to_the_gallery(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "/styles woodblock")
    await expect(page.locator(".with-cards .style")).to_have_count(2)
    await expect(page.get_by_role("button", name="in the gallery")).to_have_count(0)
    await say(page, "/styles")
    await page.get_by_role("button", name=f"See all {len(gallery.default())} in the gallery").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.locator("#gallery-grid [data-style=udnie]").click()
    assert (await at.engine.order()).recipe.styles[0].name == "udnie"
