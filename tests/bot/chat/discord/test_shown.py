"""Pictures that a message shows without carrying them: GIFs behind links, stickers, and what is forwarded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from bot.chat.discord.shown import is_discords
from tests.bot.chat.discord.harness import CAT, ME, PHOTO, TILES, DiscordBot, on
from tests.fakes.discord.server import FakeDiscord
from tests.pictures import picture

TENOR = "https://tenor.com/view/dancing-cat-12345"
GIF = picture((200, 20, 20), (40, 40))


@pytest.mark.parametrize("kind", ["gifv", "image", "video", "rich"])
async def test_the_preview_of_a_link_is_a_photo(fake: FakeDiscord, kind: str) -> None:
    async with on(fake, message_content=True) as it:
        post = await it.says(TENOR, by=it.bob, embeds=[fake.preview(TENOR, GIF, kind)])
        await it.says(f"{ME} starrynight", reply_to=post)
        await it.answer()
        assert it.painted == [(GIF, None)]


async def test_the_menus_of_a_message_take_previews_and_stickers(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        link = await it.says(TENOR, by=it.bob, embeds=[fake.preview(TENOR, GIF)])
        shown = await it.shown(await it.menu("Stylize", link))
        await it.choose(shown, "starrynight")
        await fake.press(it.ann, shown, "Paint")
        await it.answer()
        wave = await it.says(by=it.bob, sticker_items=[fake.sticker("wave", TILES)])
        await it.told(await it.menu("Use this photo", wave), "three minutes")
        await it.slash("stylize", style="scream")
        await it.answer(2)
        assert [paint.photo for paint in it.pictures] == [GIF, TILES]


async def test_a_mention_with_a_link_waits_for_its_preview(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        order = await it.says(f"{ME} starrynight strength=80 {TENOR}")
        await fake.until(lambda: any(r.path.endswith(f"/messages/{order}") for r in fake.requests))
        fake.messages[order]["embeds"] = [fake.preview(TENOR, GIF)]
        assert "strength=80" in fake.text(await it.answer())
        assert it.painted == [(GIF, None)]


async def test_a_link_without_a_preview_is_asked_for_a_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        await it.says(f"{ME} starrynight https://example.org/page")
        await it.posted("photo")
        assert not it.engine.runs


async def test_a_forwarded_message_gives_its_files_its_previews_and_its_stickers(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        parts = [{"sticker_items": [fake.sticker("wave", TILES)]}, {"embeds": [fake.preview(TENOR, GIF)]}]
        sent = [await it.photo(), *[await it.says(by=it.bob, **part) for part in parts]]
        for number, message in enumerate(sent, 1):
            forwarded = await it.says(by=it.bob, message_snapshots=[fake.snapshot(message)])
            await it.says(f"{ME} starrynight", reply_to=forwarded)
            await it.answer(number)
        assert it.painted == [(PHOTO, None), (TILES, None), (GIF, None)]


async def test_an_attached_photo_comes_before_what_a_link_shows(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        post = await it.says(TENOR, CAT, by=it.bob, embeds=[fake.preview(TENOR, GIF)])
        await it.says(f"{ME} starrynight", reply_to=post)
        await it.answer()
        assert it.painted == [(PHOTO, None)]


async def test_a_sticker_in_private_is_a_photo(fake: FakeDiscord) -> None:
    async with on(fake) as it:
        private = fake.direct(it.ann)
        await it.says("starrynight", where=private, sticker_items=[fake.sticker("wave", TILES)])
        await it.answer(channel=private)
        assert it.painted == [(TILES, None)]


async def test_a_sticker_that_is_no_picture_is_refused_with_a_sentence(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        wave = await it.says(by=it.bob, sticker_items=[fake.sticker("wave", b"{}", format=3)])
        await it.told_alone(await it.menu("Stylize", wave), "not a picture")
        await it.says(f"{ME} starrynight", reply_to=wave)
        await it.posted("That sticker is a drawing")
        assert not it.engine.runs


async def test_what_a_spoilered_link_shows_stays_hidden(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        post = await it.says(f"look ||{TENOR}||", by=it.bob, embeds=[fake.preview(TENOR, GIF)])
        await it.says(f"{ME} starrynight", reply_to=post)
        assert it.file_name(await it.answer()).startswith("SPOILER_")


# --- what is fetched -------------------------------------------------------------------------------------------------


async def test_no_address_but_discords_is_ever_fetched(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it, elsewhere() as (url, asked):
        for named in ("proxy_url", "url"):
            there = {"url": url, "proxy_url": url, named: f"{url}/{named}"}
            embed = {"type": "image", "url": url, "thumbnail": there, "image": there, "video": there}
            post = await it.says(url, by=it.bob, embeds=[embed])
            await it.told_alone(await it.menu("Stylize", post), "no photo")
        assert not asked


async def test_a_redirect_is_not_followed(fake: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on(fake, message_content=True) as it, elsewhere() as (url, asked):

        async def away(request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": url})

        fake.cdn = away
        await ordered(it, TENOR)
        await it.posted("no longer has that picture")
        assert not asked


async def test_a_preview_that_is_too_large_is_not_read_to_its_end(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True, max_photo_bytes=2**17) as it:
        read: list[int] = []

        async def endless(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            with suppress(ConnectionError):  # the other side hangs up
                while True:
                    await answer.write(bytes(2**16))
                    read.append(2**16)
            return answer

        fake.cdn = endless
        await ordered(it, TENOR)
        await it.posted("is too large")
        assert sum(read) < 2**25


async def test_a_preview_that_is_gone_is_asked_for_as_a_file(fake: FakeDiscord) -> None:
    async with on(fake, message_content=True) as it:
        post = await it.says(TENOR, by=it.bob, embeds=[fake.preview(TENOR, GIF)])
        fake.files.clear()
        await it.says(f"{ME} starrynight", reply_to=post)
        await it.posted("no longer has that picture")


@pytest.mark.parametrize(
    "url",
    [
        "https://images-ext-1.discordapp.net/external/abc/https/media.tenor.com/x.mp4",
        "https://media.discordapp.net/stickers/1.gif",
        "https://cdn.discordapp.com/stickers/1.png",
    ],
)
def test_discords_servers_are_known(url: str) -> None:
    assert is_discords(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://media.discordapp.net/x.png",
        "https://media.discordapp.net:8443/x.png",
        "https://media.discordapp.net@127.0.0.1/x.png",
        "https://ann@media.discordapp.net/x.png",
        "https://127.0.0.1/media.discordapp.net/x.png",
        "https://evil.org\\.discordapp.net/x.png",
        "https://media.discordapp.net.evil.org/x.png",
        "https://evildiscordapp.net/x.png",
        "https://169.254.169.254/latest?.discordapp.net",
        "https://127.0.0.1#.discordapp.net",
        "file:///etc/passwd",
        "//media.discordapp.net/x.png",
        "https://[::1",
        "",
    ],
)
def test_other_addresses_are_not_discords(url: str) -> None:
    assert not is_discords(url)


async def ordered(it: DiscordBot, link: str) -> None:
    post = await it.says(link, by=it.bob, embeds=[it.fake.preview(link, GIF)])
    await it.says(f"{ME} starrynight", reply_to=post)


@asynccontextmanager
async def elsewhere() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that is not Discord's: its address, and what it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=GIF, content_type="image/png")

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()
