"""The chat page in a real browser: My pictures, one picture enlarged, and pictures that are shared."""

from __future__ import annotations

import asyncio

from playwright.async_api import Browser, Locator, Page, expect

from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, PHONE, fits, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def painted(page: Page, at: Site, style: str, name: str = "harbour.png") -> Locator:
    """The bubble of a finished picture."""
    await send_photo(page, picture(size=(90, 60)), name)
    await say(page, f"/stylize {style}")
    paint = await at.engine.order()
    at.engine.finishes(paint, picture((20, 40, 120), (128, 85)))
    job = page.locator(f"[data-job='{paint.job}']")
    await expect(job.locator(".tools button")).to_have_count(2)
    return job


async def opened(page: Page) -> Locator:
    await page.get_by_role("button", name="My pictures").click()
    album = page.get_by_role("dialog", name="My pictures")
    await expect(album).to_be_visible()
    return album


async def test_my_pictures_are_those_of_all_tabs_and_are_found_by_style_and_star(page: Page, at: Site) -> None:
    await painted(page, at, "starrynight")
    other = await page.context.new_page()
    await other.goto(at.url)
    await expect(other.locator("#welcome")).to_be_visible()
    await painted(other, at, "greatwave", "cat.png")
    album = await opened(other)
    await expect(album.get_by_role("status").first).to_have_text("2 pictures")
    await album.get_by_role("searchbox").fill("gogh")
    await expect(album.get_by_role("listitem")).to_have_count(1)
    await expect(album.get_by_role("listitem")).to_contain_text("The Starry Night")
    await album.get_by_role("button", name="Star harbour-starrynight.png").click()
    await album.get_by_role("searchbox").fill("")
    await expect(album.get_by_role("listitem")).to_have_count(2)
    await album.get_by_role("button", name="Starred", exact=True).click()
    await expect(album.get_by_role("listitem")).to_have_count(1)
    async with other.expect_download() as download:
        await album.get_by_role("link", name="Download starred as ZIP").click()
    assert (await download.value).suggested_filename == "impasto-pictures.zip"


async def test_a_picture_deleted_in_my_pictures_is_gone_from_the_conversation(page: Page, at: Site) -> None:
    job = await painted(page, at, "starrynight")
    kept = await painted(page, at, "greatwave")
    album = await opened(page)
    await album.get_by_role("button", name="Delete harbour-starrynight.png").click()
    await (
        album.get_by_role("group", name="Delete harbour-starrynight.png for good?")
        .get_by_text("Delete", exact=True)
        .click()
    )
    await expect(album.get_by_role("listitem")).to_have_count(1)
    await expect(job).to_have_count(0)
    await expect(kept).to_have_count(1)
    await album.get_by_role("button", name="Delete all").click()
    await album.get_by_role("group", name="Delete all pictures").get_by_text("Delete", exact=True).click()
    await expect(album).to_contain_text("Nothing yet")
    await expect(page.locator(".job")).to_have_count(0)


async def test_a_link_shows_only_the_picture_with_its_line_until_it_is_revoked(
    page: Page, browser: Browser, at: Site
) -> None:
    await painted(page, at, "starrynight")
    album = await opened(page)
    await album.get_by_role("button", name="Get a link to harbour-starrynight.png").click()
    link = album.get_by_role("link", name="/shared/")
    address = await link.inner_text()
    async with visit(browser, address) as stranger:
        await expect(stranger.get_by_role("img", name="The Starry Night")).to_be_visible()
        await expect(stranger.locator("code")).to_contain_text("/stylize starrynight")
        async with stranger.expect_download() as download:
            await stranger.get_by_role("link", name="Download").click()
        assert (await download.value).suggested_filename == "harbour-starrynight.png"
    await album.get_by_role("button", name="Stop sharing harbour-starrynight.png").click()
    await expect(link).to_have_count(0)
    async with visit(browser, address) as stranger:
        await expect(stranger.locator("body")).to_contain_text("not shared")


async def test_a_picture_is_enlarged_and_shows_the_photo_while_a_button_is_held(page: Page, at: Site) -> None:
    job = await painted(page, at, "starrynight")
    hold = job.get_by_role("button", name="Hold to see the photo")
    await hold.focus()
    await page.keyboard.down("Enter")
    await expect(job.locator(".over")).to_have_css("clip-path", "inset(0px 0px 0px 100%)")
    await page.keyboard.up("Enter")
    await expect(job.locator(".over")).to_have_css("clip-path", "inset(0px 0px 0px 0%)")
    await job.get_by_role("button", name="Enlarge").click()
    zoom = page.get_by_role("dialog", name="harbour.png in the style of The Starry Night")
    before = zoom.locator(".before")
    await expect(before).to_be_hidden()
    await zoom.get_by_role("button", name="Hold to see the photo").hover()
    await page.mouse.down()
    await expect(before).to_be_visible()
    await page.mouse.up()
    await expect(before).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(zoom).to_be_hidden()


async def test_the_browsers_own_sharing_gets_the_picture_by_its_name(browser: Browser, at: Site) -> None:
    async with visit(browser, at.url) as page:
        await page.add_init_script(
            "navigator.canShare = () => true; window.shared = new Promise("
            "(done) => { navigator.share = async ({ files }) => done([files[0].name, files[0].type]); })"
        )
        await page.reload()
        await expect(page.locator("#line-state")).to_have_text("Connected")
        job = await painted(page, at, "starrynight")
        await job.get_by_role("button", name="Share", exact=True).click()
        async with asyncio.timeout(60):
            assert await page.evaluate("window.shared") == ["harbour-starrynight.png", "image/png"]


async def test_my_pictures_fit_on_a_phone_and_can_be_touched(browser: Browser, at: Site) -> None:
    async with visit(browser, at.url, viewport=PHONE, has_touch=True) as page:
        job = await painted(page, at, "starrynight", "a-very-long-name-of-a-photo-from-the-holidays.png")
        await expect(job.get_by_role("link", name="Download")).to_be_in_viewport(ratio=1)
        assert await fits(page)
        album = await opened(page)
        await album.get_by_role("button", name="Get a link").click()
        await expect(album.get_by_role("link", name="/shared/")).to_be_visible()
        assert await fits(page)
        small = """() => [...document.querySelectorAll("button, a.button, .replying button")]
            .filter((element) => element.checkVisibility() && !element.matches(".link, .cell"))
            .filter((element) => element.getBoundingClientRect().height < 44)
            .map((element) => element.outerHTML)"""
        still = "Promise.all(document.getAnimations().map((one) => one.finished))"  # what moves has another height
        await page.evaluate(still)
        assert await page.evaluate(small) == []
        await page.keyboard.press("Escape")
        await page.evaluate(still)
        assert await page.evaluate(small) == []
