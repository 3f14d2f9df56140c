"""The chat page in a real browser: what people see and do, from dropping a photo to the finished picture."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, async_playwright, expect

from bot.engine_process.supervisor import Supervisor, Timings, worker_command
from engine import gallery, wire
from tests.bot.chat.web.house import House, house, picture, swatches

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
SETTLED = 60_000  # ms until what must come is there, on a machine that may be busy with other things
PHONE = {"width": 375, "height": 812}

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open the page in"),
]
expect.set_options(timeout=SETTLED)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    swatches(tmp_path, monkeypatch)
    async with house() as at:
        yield at


@asynccontextmanager
async def visit(browser: Browser, url: str, **options: object) -> AsyncIterator[Page]:
    """The page in a browser of its own; at the end nothing may have gone wrong in it, or have come from elsewhere."""
    async with AsyncExitStack() as stack:
        context: BrowserContext = await browser.new_context(**options)  # type: ignore[arg-type]
        stack.push_async_callback(context.close)
        wrong: list[str] = []
        context.on("request", lambda request: wrong.append(request.url) if _is_foreign(request.url, url) else None)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page = await context.new_page()
        page.set_default_timeout(SETTLED)
        await page.goto(url)
        yield page
        # That an answer was a refusal, or that the line was down, is what some tests are about.
        expected = ("Failed to load resource", "WebSocket connection to")
        assert [text for text in wrong if not text.startswith(expected)] == []


def _is_foreign(address: str, url: str) -> bool:
    return not address.startswith(("blob:", "data:")) and urlsplit(address).netloc != urlsplit(url).netloc


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, at: House) -> AsyncIterator[Page]:
    async with visit(browser, at.url) as page:
        await expect(page.locator("#welcome")).to_be_visible()
        yield page


def file(data: bytes, name: str = "cat.png", kind: str = "image/png") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": data}


async def attach(page: Page, data: bytes, name: str = "cat.png", kind: str = "image/png") -> None:
    await page.set_input_files("#file", [file(data, name, kind)])  # type: ignore[list-item]


async def send_photo(page: Page, data: bytes | None = None, name: str = "cat.png") -> None:
    before = await page.locator(".photo:not(.sending)").count()
    await attach(page, data or picture(), name)
    await expect(page.locator(".photo:not(.sending)")).to_have_count(before + 1)


GIVE = """([kind, data, name]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
    : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


async def give(page: Page, kind: str, data: bytes, name: str = "cat.png") -> None:
    """Drag, drop or paste a file, as far as a page can tell."""
    await page.evaluate(GIVE, [kind, base64.b64encode(data).decode(), name])


async def say(page: Page, line: str) -> None:
    await page.fill("#text", line)
    await page.press("#text", "Enter")


async def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways, but for the gallery's words, which can be swept aside."""
    script = """() => [...document.querySelectorAll("html, #scroller, .bubble, .grid, dialog[open]")]
        .every((element) => element.scrollWidth <= element.clientWidth + 1)
        && [...document.querySelectorAll("button:not(#gallery-tags *), input, .bubble")]
            .every((element) => element.getBoundingClientRect().right <= innerWidth + 1)"""
    return bool(await page.evaluate(script))


# --- from photo to picture -------------------------------------------------------------------------------------------


async def test_a_dropped_photo_becomes_a_picture_with_its_recipe(page: Page, at: House) -> None:
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
    assert saved.suggested_filename == f"starrynight-{paint.job[:4]}.png"
    with open(await saved.path(), "rb") as kept:  # noqa: ASYNC230
        assert kept.read() == painting


async def test_photo_and_painting_lie_over_each_other_with_a_slider_for_the_keyboard(page: Page, at: House) -> None:
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


async def test_a_cancelled_picture_says_so_in_its_bubble(page: Page, at: House) -> None:
    await send_photo(page)
    await say(page, "/stylize starrynight")
    await at.engine.order()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".job.ended")).to_contain_text("Cancelled, as you asked.")
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    await expect(page.locator(".theirs")).to_have_count(1)


async def test_again_paints_the_same_photo_with_the_same_settings_and_another_seed(page: Page, at: House) -> None:
    await send_photo(page)
    await say(page, "/stylize starrynight strength=80 seed=7")
    first = await at.engine.order()
    at.engine.finishes(first, picture())
    await send_photo(page, picture((1, 2, 3)), "other.png")
    await page.get_by_role("button", name="Again").click()
    second = await at.engine.order()
    assert second.photo == first.photo
    assert second.recipe.strength == 80
    assert second.recipe.seed != 7
    await expect(page.locator(".job")).to_have_count(2)


async def test_a_reply_goes_to_the_photo_that_was_chosen_and_else_to_the_newest(page: Page, at: House) -> None:
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


async def test_the_recipe_line_is_copied(browser: Browser, at: House) -> None:
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


# --- a picture of one's own as the style ----------------------------------------------------------------------------


async def test_of_two_pictures_the_second_is_the_style_unless_they_are_swapped(page: Page, at: House) -> None:
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
    await expect(page.locator(".said img")).to_have_count(2)
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


async def test_finer_and_again_keep_both_pictures(page: Page, at: House) -> None:
    cat, tiles = picture(size=(90, 60)), picture((10, 200, 30), (60, 60))
    await page.set_input_files("#file", [file(cat), file(tiles, "tiles.png")])  # type: ignore[list-item]
    await page.press("#text", "Enter")
    first = await at.engine.order()
    at.engine.finishes(first, picture())
    await send_photo(page, name="another.png")
    await page.get_by_role("button", name="Finer").click()
    finer = await at.engine.order()
    assert (finer.photo, finer.style, finer.recipe.mode) == (cat, tiles, "fine")
    assert finer.recipe.seed == first.recipe.seed
    at.engine.finishes(finer, picture())
    await expect(page.locator(".job.finished")).to_have_count(2)
    await expect(page.get_by_role("button", name="Finer")).to_have_count(1)
    await page.get_by_role("button", name="Again").last.click()
    again = await at.engine.order()
    assert (again.photo, again.style, again.recipe.mode) == (cat, tiles, "fine")


async def test_a_picture_sent_in_reply_to_a_photo_is_its_style(page: Page, at: House) -> None:
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
    # The style stays at hand for the next photo, and asks for nothing where the line does not name it.
    await send_photo(page, dog, "hound.png")
    await say(page, "/stylize starrynight")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (dog, None)
    at.engine.finishes(paint, picture())
    await say(page, "/stylize mine")
    assert (await at.engine.order()).style == tiles


async def test_the_picture_menu_takes_a_picture_of_ones_own(page: Page, at: House) -> None:
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


async def test_a_photo_may_be_the_style_of_one_that_is_still_to_come(page: Page, at: House) -> None:
    tiles, cat = picture((10, 200, 30)), picture()
    await send_photo(page, tiles, "tiles.png")
    await page.get_by_role("button", name="Take tiles.png as the style").click()
    await expect(page.locator("#replying-text")).to_have_text("Which photo in the style of tiles.png?")
    await send_photo(page, cat)
    await expect(page.locator("#replying-text")).to_have_text("cat.png in the style of tiles.png")
    await page.press("#text", "Enter")
    paint = await at.engine.order()
    assert (paint.photo, paint.style) == (cat, tiles)


async def test_mine_without_a_style_picture_is_asked_for_before_and_after(page: Page, at: House) -> None:
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


# --- choosing --------------------------------------------------------------------------------------------------------


async def test_one_click_in_the_picture_menu_starts_the_order(page: Page, at: House) -> None:
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
    await expect(page.locator(".said")).to_contain_text("/stylize greatwave strength=70 colors=photo")


async def test_a_style_is_chosen_and_a_line_sent_without_a_mouse(page: Page, at: House) -> None:
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


async def test_a_style_is_looked_at_closely_before_it_is_used(page: Page, at: House) -> None:
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
    await details.get_by_role("button", name="Styles filed under sea").click()
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


async def test_a_style_chosen_before_the_photo_is_painted_when_the_photo_comes(page: Page, at: House) -> None:
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
    await expect(page.locator(".said")).to_have_count(0)


async def test_only_pictures_that_are_looked_at_are_fetched_and_only_once(browser: Browser, at: House) -> None:
    fetched: list[str] = []
    async with visit(browser, at.url, viewport=PHONE) as page:
        page.on("response", lambda answer: fetched.append(answer.url) if "/style/" in answer.url else None)
        await page.get_by_role("button", name="Gallery").click()
        await expect(page.locator("#gallery-grid img").first).to_have_js_property("complete", True)
        assert not any("haystack" in url for url in fetched)
        await page.locator("#gallery-grid [data-style=haystack]").scroll_into_view_if_needed()
        await expect(page.locator("#gallery-grid [data-style=haystack] img")).to_have_js_property("naturalWidth", 64)
        assert any("haystack" in url for url in fetched)


async def test_an_answer_with_many_styles_leads_to_the_gallery(page: Page, at: House) -> None:
    await send_photo(page)
    await say(page, "/styles woodblock")
    await expect(page.locator(".with-cards .style")).to_have_count(2)
    await expect(page.get_by_role("button", name="in the gallery")).to_have_count(0)
    await say(page, "/styles")
    await page.get_by_role("button", name=f"See all {len(gallery.default())} in the gallery").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.locator("#gallery-grid [data-style=udnie]").click()
    assert (await at.engine.order()).recipe.styles[0].name == "udnie"


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


# --- what goes wrong -------------------------------------------------------------------------------------------------


async def test_what_cannot_be_taken_is_said_at_once(page: Page, at: House) -> None:
    trouble = page.locator(".trouble")
    await attach(page, b"just words", "letter.txt", "text/plain")
    await expect(trouble.last).to_contain_text("This is no picture")
    await attach(page, b"just words", "letter.png")
    await expect(trouble).to_have_count(2)
    await expect(trouble.last).to_contain_text("no picture that I can read")
    await attach(page, picture() + bytes(2**20), "large.png")
    await expect(trouble.last).to_contain_text("the limit is 1 MB")
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
    await expect(page.locator(".trouble")).to_contain_text("This file cannot be read here")
    await say(page, "/help")
    await expect(page.locator(".theirs")).to_have_count(1)


async def test_a_request_that_is_lost_while_the_line_is_up_is_sent_again(page: Page) -> None:
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
        async with house(journal) as at:
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
        await expect(page.locator(".said.sending")).to_contain_text("/queue")
        async with house(journal, port=urlsplit(at.url).port or 0) as at:
            await expect(page.locator("#line-state")).to_have_text("Connected")
            await expect(page.locator("#notice")).to_be_hidden()
            await expect(page.locator(".theirs", has_text="In all, 1 picture is in the line")).to_be_visible()
            paint = await at.engine.order()
            assert paint.job == first.job
            at.engine.finishes(paint, picture())
            await expect(page.locator(".job .credit")).to_be_visible()
            bubbles = page.locator(".bubble")
            await expect(bubbles).to_have_count(5)
            await page.reload()
            await expect(page.locator(".job .recipe code")).to_contain_text("seed=7")
            await expect(bubbles).to_have_count(5)


async def test_a_reload_keeps_the_room_and_other_tabs_have_their_own(page: Page, at: House) -> None:
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
    async with house(token="correct horse battery") as at, visit(browser, at.url) as page:
        await page.get_by_label("Access token").fill("correct horse")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("That is not the access token")
        await page.get_by_label("Access token").fill("correct horse battery")
        await page.keyboard.press("Enter")
        await expect(page.locator("#line-state")).to_have_text("Connected")
        assert "correct" not in await page.evaluate("document.cookie")
        await send_photo(page)


# --- looks -----------------------------------------------------------------------------------------------------------


async def test_nothing_sticks_out_on_a_phone(browser: Browser, at: House) -> None:
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
        assert await fits(page)


async def test_every_control_has_a_name_and_progress_does_not_chatter(page: Page, at: House) -> None:
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


# --- with the real engine --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not gallery.default()["starrynight"].swatch.exists(), reason="the swatches are not made yet")
async def test_a_real_photo_is_painted_by_the_real_engine(browser: Browser, tmp_path: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image brings the photo")
    photo = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((200, 200)).save(photo, "JPEG")
    command = worker_command(threads=1, cache=tmp_path / "cache")
    async with (
        Supervisor(command, timings=Timings(load_seconds=300, hang_seconds=300)) as engine,
        house(tmp_path / "journal.sqlite3", engine=engine) as at,
        visit(browser, at.url) as page,
    ):
        await expect(page.locator("#welcome")).to_be_visible()  # from here on the page takes what is dropped
        await give(page, "drop", photo.getvalue(), "astronaut.jpg")
        await expect(page.locator(".photo:not(.sending)")).to_be_visible()
        await say(page, "/stylize starrynight size=96 steps=12 seed=7")
        line = page.locator(".job .recipe code")
        await expect(line).to_contain_text("/stylize starrynight mode=fine", timeout=5 * SETTLED)
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download").click()
        painted = await asyncio.to_thread(Path(await (await download.value).path()).read_bytes)
        with Image.open(io.BytesIO(painted)) as painting:
            painting.load()
            assert (painting.format, painting.size) == ("PNG", (96, 96))
            assert await line.inner_text() in str(painting.info)
            original = Image.open(photo).resize((96, 96)).convert("RGB")
            differing = sum(a != b for a, b in zip(original.tobytes(), painting.convert("RGB").tobytes(), strict=True))
        assert differing > 96 * 96
        said = await line.text_content()
        assert said is not None
    assert painted == await in_the_terminal(tmp_path, photo.getvalue(), said)


async def in_the_terminal(folder: Path, photo: bytes, line: str) -> bytes:
    """What the same photo and line give there."""
    (folder / "photo.jpg").write_bytes(photo)
    command = ("stylize", str(folder / "photo.jpg"), line, "-o", str(folder / "out.png"))
    environ = os.environ | {"IMPASTO_ENGINE_THREADS": "1", "IMPASTO_ENGINE_DEVICE": "cpu"}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.__main__", *command, env=environ, stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(240):
        assert await program.wait() == 0
    return (folder / "out.png").read_bytes()
