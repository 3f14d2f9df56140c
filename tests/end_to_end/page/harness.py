"""The chat page in Chromium: opening it, and doing what people do there."""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.pictures import picture

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
SETTLED = 60_000  # ms until what must come is there, on a machine that may be busy with other things
PHONE = {"width": 375, "height": 812}

IN_A_BROWSER = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to open the page in"),
]
expect.set_options(timeout=SETTLED)


@asynccontextmanager
async def visit(browser: Browser, url: str, **options: object) -> AsyncIterator[Page]:
    """The page in a browser of its own; at the end nothing may have gone wrong in it, or have come from elsewhere."""
    async with AsyncExitStack() as stack:
        context: BrowserContext = await browser.new_context(**options)  # type: ignore[arg-type]
        stack.push_async_callback(context.close)
        wrong: list[str] = []
        context.on("request", lambda request: wrong.append(request.url) if _is_foreign(request.url, url) else None)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda line: wrong.append(line.text) if line.type in ("error", "warning") else None)
        page = await context.new_page()
        page.set_default_timeout(SETTLED)
        await page.goto(url)
        yield page
        # That an answer was a refusal, or that the connection was lost, is what some tests are about.
        expected = ("Failed to load resource", "WebSocket connection to")
        assert [text for text in wrong if not text.startswith(expected)] == []


def _is_foreign(address: str, url: str) -> bool:
    return not address.startswith(("blob:", "data:")) and urlsplit(address).netloc != urlsplit(url).netloc


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
    """Whether nothing sticks out sideways, but for the gallery's tags, which can be scrolled."""
    script = """() => [...document.querySelectorAll("html, #scroller, .bubble, .grid, dialog[open]")]
        .every((element) => element.scrollWidth <= element.clientWidth + 1)
        && [...document.querySelectorAll("button:not(#gallery-tags *), input, .bubble")]
            .every((element) => element.getBoundingClientRect().right <= innerWidth + 1)"""
    return bool(await page.evaluate(script))
