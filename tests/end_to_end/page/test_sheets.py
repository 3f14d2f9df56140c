"""The chat page in a real browser: the gallery on the person's own photo, and sheets to choose from."""

from __future__ import annotations

import io

from PIL import Image
from playwright.async_api import Page, expect

from engine import gallery
from engine.wire import Cell, Done, Paint, Preview
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, PHONE, fits, say, send_photo
from tests.pictures import picture

pytestmark = IN_A_BROWSER

NAMES = [style.name for style in gallery.default()]
GREEN, RED = (40, 160, 60), (200, 30, 30)


def drawn(color: tuple[int, int, int], shown: int, kind: str = "PNG") -> tuple[bytes, tuple[Cell, ...]]:
    """A sheet of all styles in rows of five, of which so many are painted in this colour, each with its name below."""
    sheet = Image.new("RGB", (500, 600), "white")
    cells = []
    for index, name in enumerate(NAMES[:shown]):
        x, y = index % 5 * 100, index // 5 * 100
        sheet.paste(color, (x, y, x + 100, y + 75))
        cells.append(Cell(name, (x / 500, y / 600, 1 / 5, 1 / 6), 75 / 600))
    file = io.BytesIO()
    sheet.save(file, kind)
    return file.getvalue(), tuple(cells)


def finishes(at: Site, paint: Paint) -> None:
    data, cells = drawn(RED, len(NAMES))
    at.engine.does(Done(paint.job, data, paint.recipe, 500, 600, 2.0, cells=cells))


# Of a copy: a browser remarks on a canvas that is read more than once.
MIDDLE = """canvas => {
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  pen.drawImage(canvas, 0, 0);
  return [...pen.getImageData(canvas.width / 2, canvas.height - 3, 1, 1).data];
}"""


def near(pixel: list[int], color: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(pixel, color, strict=False))


async def opened(page: Page) -> None:
    await page.locator(".photo .choose").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_the_gallery_becomes_the_persons_own_photo_as_its_pictures_arrive(page: Page, at: Site) -> None:
    await send_photo(page)
    await opened(page)
    paint = await at.engine.order(sheets=True)
    assert (paint.recipe.mode, paint.recipe.styles) == ("sheet", ())
    own = page.locator("#gallery-grid canvas.own")
    await expect(own).to_have_count(0)
    data, cells = drawn(GREEN, 6, "JPEG")
    at.engine.does(Preview(paint.job, data, cells))
    await expect(own).to_have_count(6)
    assert near(await page.locator("#gallery-grid [data-style=starrynight] canvas").evaluate(MIDDLE), GREEN)
    finishes(at, paint)
    await expect(own).to_have_count(len(NAMES))
    last = page.locator(f"#gallery-grid [data-style={NAMES[-1]}] canvas")
    assert near(await last.evaluate(MIDDLE), RED)
    await expect(page.locator(".job")).to_have_count(0)
    # It is kept over a reload, and is not ordered twice.
    await page.reload()
    await opened(page)
    await expect(own).to_have_count(len(NAMES))
    await page.locator("#gallery-grid [data-style=dore]").click()
    assert (await at.engine.order(sheets=True)).recipe.styles[0].name == "dore"


async def test_what_is_chosen_meanwhile_does_not_wait_for_the_rest_of_the_sheet(page: Page, at: Site) -> None:
    await send_photo(page)
    await opened(page)
    await at.engine.order(sheets=True)
    await page.locator("#gallery-grid [data-style=scream]").click()
    assert (await at.engine.order(sheets=True)).recipe.styles[0].name == "scream"
    await expect(page.locator(".job")).to_have_count(1)
    await expect(page.locator(".theirs:not(.job)")).to_have_count(0)


async def test_a_remark_brings_a_sheet_whose_pictures_can_be_clicked(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "Look at my new dog!")
    finishes(at, await at.engine.order(sheets=True))
    await expect(page.locator(".job.sheet .cell")).to_have_count(len(NAMES))
    seventh = page.get_by_role("button", name="Paint number 7, dore, in full")
    box, canvas = await seventh.bounding_box(), await page.locator(".job .canvas").bounding_box()
    assert box
    assert canvas
    assert abs(box["x"] - canvas["x"] - canvas["width"] / 5) < 2
    assert abs(box["y"] - canvas["y"] - canvas["height"] / 6) < 2
    await seventh.click()
    paint = await at.engine.order()
    assert (paint.recipe.styles[0].name, paint.recipe.mode, paint.photo) == ("dore", "fast", picture())
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert await fits(page)


async def test_a_sheet_is_walked_through_with_the_arrows(page: Page, at: Site) -> None:
    await send_photo(page)
    await say(page, "/sheet")
    finishes(at, await at.engine.order(sheets=True))
    cells = page.locator(".job.sheet .cell")
    await cells.first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        await page.keyboard.press(key)
    await expect(cells.nth(11)).to_be_focused()
    await page.keyboard.press("Enter")
    assert (await at.engine.order()).recipe.styles[0].name == NAMES[11]


def ladder(kind: str) -> tuple[bytes, tuple[Cell, ...]]:
    """A sheet of one style: green where it is weakest, red in all other strengths; the brush 1 is its only row."""
    sheet = Image.new("RGB", (500, 100), RED)
    sheet.paste(GREEN, (0, 0, 100, 100))
    file = io.BytesIO()
    sheet.save(file, kind, **({"quality": 100} if kind == "JPEG" else {}))
    cells = (Cell(f"brush 1, strength {20 * n}", ((n - 1) / 5, 0, 1 / 5, 1), 0.75) for n in range(1, 6))
    return file.getvalue(), tuple(cells)


async def test_a_picture_is_repainted_while_its_strength_is_dragged_and_in_full_when_it_is_let_go(
    page: Page, at: Site
) -> None:
    await send_photo(page)
    await say(page, "/stylize starrynight strength=50 seed=7")
    first = await at.engine.order()
    at.engine.finishes(first, picture())
    job = page.locator(f"[data-job='{first.job}']")
    slider = job.get_by_role("slider", name="Strength")
    await expect(slider).to_have_value("50")
    place = await slider.bounding_box()
    assert place
    y = place["y"] + place["height"] / 2
    await page.mouse.move(place["x"] + place["width"] / 2, y)
    await page.mouse.down()
    sheet = await at.engine.order(sheets=True)
    assert (sheet.recipe.mode, sheet.recipe.seed) == ("sheet", 7)
    assert [share.name for share in sheet.recipe.styles] == ["starrynight"]
    data, cells = ladder("JPEG")
    at.engine.does(Preview(sheet.job, data, cells))
    await page.mouse.move(place["x"] + place["width"] * 0.95, y, steps=3)
    live = job.locator("canvas.live")
    await expect(live).to_be_visible()
    assert near(await live.evaluate(MIDDLE), RED)
    data, cells = ladder("PNG")
    at.engine.does(Done(sheet.job, data, sheet.recipe, 500, 100, 2.0, cells=cells))
    await page.mouse.move(place["x"] + place["width"] * 0.2, y, steps=3)
    red, green, *_ = await live.evaluate(MIDDLE)  # between two strengths a mixture of both
    assert green > red
    chosen = int(await slider.input_value())
    await page.mouse.up()
    full = await at.engine.order()
    assert full.recipe.strength == chosen != 50
    assert (full.recipe.mode, full.recipe.seed, full.photo) == ("fast", 7, first.photo)
    await expect(live).to_have_count(0)
    await expect(page.locator(".job")).to_have_count(2)
    await expect(page.locator(".message")).to_have_count(1)
    # The sheet was the page's own: it is not among the person's pictures, and does not come back as one.
    await page.get_by_role("button", name="My pictures").click()
    await expect(page.locator("#album-count")).to_have_text("1 picture")
    await page.reload()
    await expect(page.locator(".job")).to_have_count(2)
