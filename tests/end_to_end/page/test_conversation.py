"""The chat page in a real browser: orders in two halves, ordinary words, and what may have been meant."""

from __future__ import annotations

import torch
from playwright.async_api import Page, expect

from engine.images.encode import encode_png
from engine.recipe import line
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, attach, file, say, send_photo
from tests.pictures import picture

pytestmark = IN_A_BROWSER

LINE = "/stylize greatwave mode=fast strength=40 brush=1 colors=style faces=keep size=96 seed=7"
OURS = encode_png(torch.full((3, 64, 96), 0.5), LINE)


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
    await page.get_by_role("button", name="The laboratory").click()
    await expect(page.locator(".theirs").last).to_contain_text("/dream:")


async def test_a_picture_of_ours_is_known_again_and_a_press_paints_another_like_it(page: Page, at: Site) -> None:
    await send_photo(page, OURS, "from-a-friend.png")
    known = page.locator(".theirs", has_text="I know this picture")
    await expect(known).to_contain_text(LINE)
    async with page.expect_file_chooser() as asked:
        await known.get_by_role("button", name="Paint another like this").click()
    await (await asked.value).set_files([file(picture())])  # type: ignore[list-item]
    paint = await at.engine.order()
    assert line(paint.recipe) == LINE
    assert paint.photo == picture()


async def test_a_picture_of_ours_is_verified_from_the_photo_that_is_sent_next(page: Page, at: Site) -> None:
    await send_photo(page, OURS, "from-a-friend.png")
    await page.get_by_role("button", name="Verify").click()
    await expect(page.locator(".theirs").last).to_contain_text("Send the photo that it was painted from")
    await attach(page, picture())
    paint = await at.engine.order()
    assert (paint.photo, paint.checked) == (picture(), OURS)
