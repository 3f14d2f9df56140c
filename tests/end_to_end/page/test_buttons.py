"""The chat page in a real browser: the buttons under a picture."""

from __future__ import annotations

from playwright.async_api import Browser, Locator, Page, expect

from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, PHONE, file, fits, say, send_photo, visit
from tests.pictures import picture

pytestmark = IN_A_BROWSER


async def test_again_paints_the_same_photo_with_the_same_settings_and_another_seed(page: Page, at: Site) -> None:
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


async def test_finer_and_again_keep_both_pictures(page: Page, at: Site) -> None:
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


async def painted(page: Page, at: Site, line: str = "/stylize starrynight strength=50 seed=7") -> Locator:
    """The bubble of a picture that is finished."""
    await send_photo(page)
    await say(page, line)
    paint = await at.engine.order()
    at.engine.finishes(paint, picture())
    await expect(page.locator(f"[data-job='{paint.job}'].finished")).to_be_visible()
    return page.locator(f"[data-job='{paint.job}']")


async def test_a_fine_picture_goes_on(page: Page, at: Site) -> None:
    job = await painted(page, at, "/stylize starrynight mode=fine strength=50 seed=7")
    await job.get_by_role("button", name="+100 steps").click()
    more = await at.engine.order()
    assert [(then.steps, then.strength) for then in more.recipe.then or ()] == [(100, None)]
    at.engine.finishes(more, picture())
    later = page.locator(f"[data-job='{more.job}']")
    await later.get_by_role("button", name="Softer").click()
    assert [(then.steps, then.strength) for then in (await at.engine.order()).recipe.then or ()] == [
        (100, None),
        (16, 30),
    ]


async def test_every_button_changes_what_it_says(page: Page, at: Site) -> None:
    job = await painted(page, at)
    for label, setting, value in (
        ("Stronger", "strength", 70),
        ("Softer", "strength", 30),
        ("Photo's colours", "colors", "photo"),
        ("Larger", "size", 2048),
        ("Finer", "mode", "fine"),
    ):
        await job.get_by_role("button", name=label).click()
        paint = await at.engine.order()
        assert (getattr(paint.recipe, setting), paint.recipe.seed) == (value, 7)
        at.engine.finishes(paint, picture())
        made = page.locator(f"[data-job='{paint.job}']")
        await expect(made.locator(".recipe code")).to_contain_text(f"{setting}={value}")
        await expect(job.get_by_role("button", name=label)).to_be_enabled()
    await expect(made.get_by_role("button", name="Finer")).to_have_count(0)
    await expect(page.get_by_role("button", name="Painting's colours")).to_have_count(1)
    await expect(page.locator(".message")).to_have_count(1)


async def test_what_a_button_cannot_do_is_said(page: Page, at: Site) -> None:
    job = await painted(page, at, "/stylize starrynight strength=100")
    button = job.get_by_role("button", name="Stronger")
    await button.click()
    await expect(page.locator(".theirs.refused")).to_contain_text("strength=100 already")
    await expect(button).to_be_enabled()


async def test_a_press_while_offline_is_sent_when_the_page_is_connected_again(page: Page, at: Site) -> None:
    job = await painted(page, at)
    await page.context.set_offline(True)
    button = job.get_by_role("button", name="Again")
    await button.click()
    await expect(button).to_be_disabled()
    await button.click(force=True)
    await page.context.set_offline(False)
    await at.engine.order()
    await expect(button).to_be_enabled()
    await expect(page.locator(".job")).to_have_count(2)


async def test_a_deleted_picture_is_gone_from_the_page_and_stays_gone(page: Page, at: Site) -> None:
    first, second = await painted(page, at), await painted(page, at)
    await second.get_by_role("button", name="Delete").click()
    question = second.get_by_role("group", name="Delete this picture for good?")
    await expect(question).to_be_visible()
    await question.get_by_role("button", name="Keep").click()
    await expect(question).to_be_hidden()
    await second.get_by_role("button", name="Delete").click()
    await question.get_by_role("button", name="Delete").click()
    await expect(second).to_have_count(0)
    await expect(page.locator("#announcer")).to_have_text("The picture was deleted")
    await expect(first).to_be_visible()
    await expect(page.locator(".photo")).to_have_count(2)
    await page.reload()
    await expect(page.locator("#line-state")).to_have_text("Connected")
    await expect(first).to_be_visible()
    await expect(page.locator(".job")).to_have_count(1)


async def test_a_deleted_picture_is_gone_from_every_page_of_its_room(page: Page, at: Site) -> None:
    job = await painted(page, at)
    room = await page.evaluate("sessionStorage.getItem('impasto-room')")
    other = await page.context.new_page()
    # Without its first page's claim on the room, so that both are in it.
    await other.add_init_script(f"sessionStorage.setItem('impasto-room', '{room}'); delete window.BroadcastChannel;")
    await other.goto(at.url)
    await expect(other.locator(".job.finished")).to_be_visible()
    await job.get_by_role("button", name="Delete").click()
    await job.get_by_role("button", name="Delete").last.click()
    for either in (page, other):
        await expect(either.locator(".photo")).to_be_visible()
        await expect(either.locator(".job")).to_have_count(0)


async def test_all_of_a_page_can_be_deleted(page: Page, at: Site) -> None:
    await painted(page, at)
    await page.get_by_role("button", name="Delete all").click()
    question = page.get_by_role("group", name="Delete all that Impasto keeps of this page?")
    await question.get_by_role("button", name="Delete").click()
    for _ in range(2):
        await expect(page.locator(".photo, .job")).to_have_count(0)
        await expect(page.locator("#log article")).to_contain_text("Deleted for good: 1 order")
        await page.reload()
        await expect(page.locator("#line-state")).to_have_text("Connected")


async def test_a_picture_is_deleted_with_the_keyboard_and_not_by_pressing_enter_twice(page: Page, at: Site) -> None:
    job = await painted(page, at)
    delete = job.locator("[data-action=delete]")
    await delete.focus()
    await page.keyboard.press("Enter")
    await expect(job.get_by_role("button", name="Keep")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(delete).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(delete).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(job).to_have_count(0)
    await expect(page.locator("#scroller")).to_be_focused()


async def test_the_buttons_fit_on_a_phone_and_can_be_touched(browser: Browser, at: Site) -> None:
    async with visit(browser, at.url, viewport=PHONE, has_touch=True) as page:
        job = await painted(page, at)
        assert await fits(page)
        await job.locator("[data-action=delete]").tap()
        assert await fits(page)
        heights = await job.locator(".actions button:visible").evaluate_all(
            "buttons => buttons.map((button) => button.getBoundingClientRect().height)"
        )
        assert min(heights) >= 44
        await job.get_by_role("button", name="Delete").last.tap()
        await expect(job).to_have_count(0)
