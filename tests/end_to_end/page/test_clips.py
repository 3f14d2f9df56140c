"""Moving pictures on the page: sent, and shown as what they come back as."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from playwright.async_api import Page, expect

from engine import wire
from tests.bot.chat.web.harness import Site
from tests.end_to_end.page.harness import IN_A_BROWSER, attach, say, send_photo
from tests.pictures import clip
from tests.scenes import as_bytes, pan

pytestmark = IN_A_BROWSER


def mp4() -> bytes:
    pytest.importorskip("av")
    from engine.images.video import QUALITIES, encode_mp4

    return encode_mp4(as_bytes(pan(4)), [Fraction(1, 10)] * 4, QUALITIES[0], b"")


async def test_an_animation_is_painted_and_shown_as_one(page: Page, at: Site) -> None:
    await send_photo(page, clip(), "wave.gif")
    await say(page, "/stylize starrynight")
    paint = await at.engine.order()
    at.engine.finishes(paint, clip("WEBP"), media_type="image/webp")
    job = page.locator(f"[data-job='{paint.job}']")
    await expect(job.locator("img.over")).to_be_visible()
    await expect(job.get_by_role("link", name="Download")).to_have_attribute("download", "wave-starrynight.webp")


async def test_a_video_comes_in_and_a_video_goes_out(page: Page, at: Site) -> None:
    data = mp4()
    await attach(page, data, "wave.mp4", "video/mp4")
    await expect(page.locator(".photo:not(.sending) video")).to_be_visible()
    await say(page, "/stylize starrynight")
    paint = await at.engine.order()
    assert paint.photo == data
    at.engine.does(wire.Done(paint.job, data, paint.recipe, 96, 64, 1.0, media_type="video/mp4"))
    video = page.locator(f"[data-job='{paint.job}'] video.over")
    await expect(video).to_be_visible()
    await expect(video).to_have_js_property("muted", True)
    async with asyncio.timeout(60):
        await video.evaluate(
            "video => video.readyState >= 2 || new Promise(done => { video.onloadeddata = () => done(); })"
        )
