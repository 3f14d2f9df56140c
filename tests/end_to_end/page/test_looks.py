"""The chat page in a real browser: on a phone, and for screen readers."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from engine import wire
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, PHONE, file, fits, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_nothing_sticks_out_on_a_phone(browser: Browser, at: Site) -> None:
    async with visit(browser, at.url, viewport=PHONE, has_touch=True, color_scheme="dark") as page:
        await expect(page.locator("#welcome")).to_be_visible()
        assert await fits(page)
        await send_photo(page, picture(size=(640, 200)), "a-photo-with-" + "a-very-" * 12 + "long-name.png")
        assert await fits(page)
        await page.fill("#text", "/stylize mine")
        assert await fits(page)
        await page.set_input_files("#file", [file(picture(), f"{n}-{'long-' * 9}name.png") for n in (1, 2)])  # type: ignore[list-item]
        await expect(page.locator("#swap")).to_be_visible()
        assert await fits(page)
        await page.fill("#text", "")
        await page.locator(".photo .choose").first.click()
        assert await fits(page)
        await page.get_by_role("button", name="About The Scream").click()
        await expect(page.locator(".details .large img")).to_be_visible()
        assert await fits(page)
        await page.get_by_role("button", name="All styles").click()
        await page.locator("#gallery-grid [data-style=starrynight]").click()
        paint = await at.engine.order()
        at.engine.does(wire.Preview(paint.job, picture(kind="JPEG")))
        await expect(page.locator(".so-far")).to_be_visible()
        assert await fits(page)
        at.engine.finishes(paint, picture(size=(320, 100)), ("A note " + "that is long " * 20,))
        await expect(page.locator(".compare")).to_be_visible()
        assert await fits(page)
        await say(page, "/stylize " + "x" * 300)
        await expect(page.locator(".refused")).to_be_visible()
        await say(page, "/styles")
        await expect(page.locator(".with-cards")).to_be_visible()
        await expect(page.locator(".refused")).to_have_count(1)  # of two pictures one was the style
        assert await fits(page)


async def test_every_control_has_a_name_and_progress_is_announced_in_quarters(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "/stylize starrynight")
    paint = await at.engine.order()
    at.engine.does(wire.Progress(paint.job, 0.3, "step 30 of 100"))
    await expect(page.locator("#announcer")).to_have_text("Painting, 25 percent")
    assert (
        await page.locator(".job [role=progressbar]").evaluate("bar => bar.closest('[aria-live]').ariaLive") == "off"
    )
    at.engine.finishes(paint, picture())
    await expect(page.locator("#announcer")).to_contain_text("Finished: The Starry Night")
    nameless = """() => [...document.querySelectorAll("button, a, input:not([hidden]), img, dialog, [role]")]
        .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.alt !== undefined || e.hidden
            || e.getAttribute("aria-labelledby") || ["alert", "status", "listbox"].includes(e.role)))
        .map((e) => e.outerHTML)"""
    assert await page.evaluate(nameless) == []
