"""The chat page in a real browser: what goes wrong, and that nothing is lost by it."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from engine import wire
from tests.bot.chat.web.harness import Site, site
from tests.end_to_end.page.harness import IN_A_BROWSER, attach, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_what_cannot_be_taken_is_refused_at_once(page: Page, at: Site) -> None:
    failure = page.locator(".failure")
    await attach(page, b"just words", "letter.txt", "text/plain")
    await expect(failure.last).to_contain_text("This file is not a supported picture")
    await attach(page, b"just words", "letter.png")
    await expect(failure).to_have_count(2)
    await expect(failure.last).to_contain_text(
        "This file is not a supported picture. Send a JPEG, PNG, WebP, GIF, AVIF or HEIC, or a short MP4 or WebM clip."
    )
    await attach(page, picture() + bytes(2**20), "large.png")
    await expect(failure.last).to_contain_text("1 MB is the limit")
    await say(page, "/stylize starynite")
    await expect(page.locator(".theirs.refused")).to_contain_text("Did you mean starrynight")
    await send_photo(page)
    await say(page, "/stylize starrynight")
    assert (await at.engine.order()).photo == picture()


async def test_a_file_that_is_gone_holds_up_nothing(page: Page, tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    gone.write_bytes(picture())
    await page.context.set_offline(True)
    await page.set_input_files("#file", gone)
    await expect(page.locator(".sending")).to_have_count(1)
    gone.unlink()
    await page.context.set_offline(False)
    await expect(page.locator(".failure")).to_contain_text("This file cannot be read here")
    await say(page, "/help")
    await expect(page.locator(".theirs")).to_have_count(1)


async def test_a_request_that_is_lost_while_the_page_is_connected_is_sent_again(page: Page) -> None:
    await expect(page.locator("#line-state")).to_have_text("Connected")
    lost: list[str] = []

    async def lose_one(route: Route) -> None:
        if lost:
            await route.continue_()
        else:
            lost.append(route.request.url)
            await route.fulfill(status=502, body="no such gateway")

    await page.route("**/say", lose_one)
    await say(page, "/help")
    await expect(page.locator(".theirs")).to_have_count(1)
    assert lost


async def test_nothing_is_lost_when_the_bot_is_restarted_in_the_middle(browser: Browser, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    async with AsyncExitStack() as stack:
        async with site(journal) as at:
            page = await stack.enter_async_context(visit(browser, at.url))
            await expect(page.locator("#line-state")).to_have_text("Connected")
            await send_photo(page)
            await say(page, "/stylize starrynight seed=7")
            first = await at.engine.order()
            at.engine.does(wire.Progress(first.job, 0.5, "step 50 of 100"))
            await expect(page.locator(".job .words")).to_contain_text("step 50 of 100")
        await expect(page.locator("#line-state")).to_have_text("Offline, reconnecting…")
        await expect(page.locator("#notice")).to_contain_text("nothing is lost")
        await say(page, "/queue")
        await expect(page.locator(".message.sending")).to_contain_text("/queue")
        async with site(journal, port=urlsplit(at.url).port or 0) as at:
            await expect(page.locator("#line-state")).to_have_text("Connected")
            await expect(page.locator("#notice")).to_be_hidden()
            await expect(page.locator(".theirs", has_text="In all, 1 picture is in the queue")).to_be_visible()
            paint = await at.engine.order()
            assert paint.job == first.job
            at.engine.finishes(paint, picture())
            await expect(page.locator(".job .credit")).to_be_visible()
            bubbles = page.locator(".bubble")
            await expect(bubbles).to_have_count(5)
            await page.reload()
            await expect(page.locator(".job .recipe code")).to_contain_text("seed=7")
            await expect(bubbles).to_have_count(5)


async def test_a_reload_keeps_the_room_and_other_tabs_have_their_own(page: Page, at: Site) -> None:
    await send_photo(page)
    await page.reload()
    await expect(page.locator(".photo")).to_have_count(1)
    other = await page.context.new_page()
    await other.goto(at.url)
    await expect(other.locator("#welcome")).to_be_visible()
    # A duplicated tab starts with a copy of the first one's memory.
    async with page.expect_popup() as opening:
        await page.evaluate("window.open(location.href)")
    copy = await opening.value
    await expect(copy.locator("#welcome")).to_be_visible()
    await send_photo(copy, name="second.png")
    await expect(page.locator(".photo")).to_have_count(1)


async def test_a_page_behind_a_token_opens_for_who_has_it(browser: Browser) -> None:
    async with site(token="correct horse battery") as at, visit(browser, at.url) as page:
        await page.get_by_label("Access token").fill("correct horse")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("That is not the access token")
        await page.get_by_label("Access token").fill("correct horse battery")
        await page.keyboard.press("Enter")
        await expect(page.locator("#line-state")).to_have_text("Connected")
        assert "correct" not in await page.evaluate("document.cookie")
        await send_photo(page)


async def test_a_photo_with_too_many_pixels_is_refused_when_it_is_dropped(page: Page, at: Site) -> None:
    huge = io.BytesIO()
    Image.new("1", (9000, 7000)).save(huge, "PNG")
    await attach(page, huge.getvalue(), "huge.png")
    bubble = page.locator(".photo")
    await expect(bubble).to_contain_text("9000 x 7000 pixels; the limit is 50 megapixels")
    await expect(bubble.locator("img")).to_have_count(0)
    await expect(page.get_by_role("button", name="Choose a style")).to_have_count(0)
    await expect(page.locator("#replying")).to_be_hidden()
    await page.reload()
    await expect(bubble).to_contain_text("Send a smaller version.")


async def test_a_drawing_is_refused_without_an_empty_picture(page: Page, at: Site) -> None:
    await attach(page, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.svg", "image/svg+xml")
    await expect(page.locator(".mine")).to_contain_text("is not a supported picture")
    await expect(page.locator(".mine img")).to_have_count(0)
