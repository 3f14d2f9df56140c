"""My pictures: a browser's pictures from all of its tabs, starred, shared, deleted, and as one file."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from PIL import Image

from bot.core.journal.rows.albums import Mark
from tests.bot.chat.web.harness import Site, Tab, site
from tests.pictures import picture


class Browser:
    """One person's, with the cookie that the page gives it."""

    def __init__(self, session: aiohttp.ClientSession, at: Site) -> None:
        self.session = session
        self.at = at

    def tab(self) -> Tab:
        return Tab(self.session, self.at)

    async def get(self, path: str) -> tuple[int, bytes, Mapping[str, str]]:
        async with self.session.get(self.at.url + path.lstrip("/")) as answer:
            return answer.status, await answer.read(), answer.headers

    async def post(self, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.at.url + path.lstrip("/"), data=msgspec.json.encode(body)) as answer:
            return answer.status, await answer.json()

    async def pictures(self) -> list[dict[str, Any]]:
        status, body, _ = await self.get("album.json")
        assert status == 200
        found: list[dict[str, Any]] = msgspec.json.decode(body)["pictures"]
        return found


@asynccontextmanager
async def browser(at: Site) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # "unsafe" are cookies of addresses that are numbers
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        found = Browser(session, at)
        await found.get("/")
        yield found


async def painted(tab: Tab, result: bytes, *, name: str = "harbour.jpg", style: str = "starrynight") -> None:
    """A picture, from the photo to its place in the tab's conversation."""
    photo = await tab.photo(picture(), name)
    async with tab.listening() as room:
        await room.backlog()
        await tab.say(f"/stylize {style} seed=7", photo)
        tab.at.engine.finishes(await tab.at.engine.order(), result)
        await room.entry("finished")


async def test_a_browsers_pictures_are_those_of_all_its_tabs_and_nobody_elses(at: Site) -> None:
    async with browser(at) as one, browser(at) as other:
        first, second = picture((1, 2, 3)), picture((3, 2, 1))
        await painted(one.tab(), first)
        await painted(one.tab(), second, name="a cat.png", style="greatwave")
        newest, oldest = await one.pictures()
        assert (oldest["file"], newest["file"]) == ("harbour-starrynight.png", "a-cat-greatwave.png")
        assert "/stylize starrynight" in oldest["line"]
        status, body, headers = await one.get(oldest["src"] + "?download")
        assert (status, body) == (200, first)
        assert 'filename="harbour-starrynight.png"' in headers["Content-Disposition"]
        assert await other.pictures() == []
        assert (await other.get(oldest["src"]))[0] == 404
        assert (await other.post(f"album/{oldest['id']}", starred=True))[0] == 404
        assert (await other.post("album/delete", pictures=[oldest["id"]]))[1] == {"deleted": 0}
        assert len(await one.pictures()) == 2


async def test_without_a_cookie_there_are_no_pictures(at: Site) -> None:
    async with browser(at) as one, aiohttp.ClientSession(cookies={"impasto-album": "../"}) as nobody:
        await painted(one.tab(), picture())
        stranger = Browser(nobody, at)
        assert await stranger.pictures() == []
        assert (await stranger.get((await one.pictures())[0]["src"]))[0] == 404


async def test_a_star_and_a_deletion_are_kept(at: Site) -> None:
    async with browser(at) as one:
        tab = one.tab()
        await painted(tab, picture((1, 1, 1)))
        await painted(tab, picture((2, 2, 2)))
        newest, oldest = await one.pictures()
        assert await one.post(f"album/{oldest['id']}", starred=True) == (200, {"starred": True, "share": None})
        assert [kept["starred"] for kept in await one.pictures()] == [False, True]
        assert await one.post("album/delete", pictures=[newest["id"]]) == (200, {"deleted": 1})
        assert [kept["id"] for kept in await one.pictures()] == [oldest["id"]]
        shown = [entry["picture"] for entry in await tab.entries() if entry["type"] == "finished"]
        assert shown == [oldest["id"]]
        assert (await one.get(newest["src"]))[0] == 404


async def test_a_shared_picture_is_open_to_who_has_its_address_until_that_is_revoked() -> None:
    async with site(token="secret-of-the-page") as at:
        headers = {"Authorization": "Bearer secret-of-the-page"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session, browser(at) as stranger:
            one = Browser(session, at)
            await one.get("/")
            await painted(one.tab(), result := picture((9, 8, 7)))
            (kept,) = await one.pictures()
            _, answer = await one.post(f"album/{kept['id']}", shared=True)
            share = answer["share"]
            assert (await one.pictures())[0]["share"] == share
            status, body, headers_seen = await stranger.get(share)
            page = body.decode()
            assert status == 200
            assert "The Starry Night" in page
            assert "/stylize starrynight" in page
            assert headers_seen["Cache-Control"] == "no-store"
            status, body, _ = await stranger.get(f"{share}/{kept['file']}")
            assert (status, body) == (200, result)
            for closed in ("album.json", kept["src"], "gallery.json"):
                assert (await stranger.get(closed))[0] == 401
            await one.post(f"album/{kept['id']}", shared=False)
            assert (await stranger.get(share))[0] == 404
            assert (await stranger.get(f"{share}/{kept['file']}"))[0] == 404
            _, again = await one.post(f"album/{kept['id']}", shared=True)
            assert again["share"] != share


async def test_a_deleted_picture_is_not_shared_any_more(at: Site) -> None:
    async with browser(at) as one, browser(at) as stranger:
        tab = one.tab()
        await painted(tab, picture())
        (kept,) = await one.pictures()
        _, answer = await one.post(f"album/{kept['id']}", shared=True)
        await tab.say("/forgetme yes")
        assert (await stranger.get(answer["share"]))[0] == 404
        assert await one.pictures() == []
        await painted(tab, picture())
        assert len(await one.pictures()) == 1


async def test_the_zip_holds_every_picture_under_a_name_of_its_own(at: Site) -> None:
    async with browser(at) as one:
        tab = one.tab()
        large = picture((5, 5, 5), (3000, 2000)) + bytes(300_000)  # more than one part of a file
        await painted(tab, large)
        await painted(tab, picture((6, 6, 6)))
        newest, oldest = await one.pictures()
        status, body, headers = await one.get("album.zip")
        assert status == 200
        assert headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == ["harbour-starrynight-2.png", "harbour-starrynight.png"]
            assert archive.read("harbour-starrynight-2.png") == large
        assert (await one.get("album.zip?starred"))[0] == 404
        await one.post(f"album/{newest['id']}", starred=True)
        _, body, _ = await one.get("album.zip?starred")
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.namelist() == ["harbour-starrynight.png"]
        assert oldest["id"] != newest["id"]


async def test_a_mark_goes_with_its_picture(at: Site) -> None:
    async with browser(at) as one:
        tab = one.tab()
        await painted(tab, picture())
        (kept,) = await one.pictures()
        await one.post("album/delete", pictures=[kept["id"]])
        await at.store.mark(kept["id"], Mark(starred=True, share="x" * 24))
        assert await at.store.shared("x" * 24) is None


async def test_a_picture_comes_small_and_as_a_jpeg_too(at: Site) -> None:
    async with browser(at) as one:
        await painted(one.tab(), picture((1, 200, 3), (900, 600)))
        (kept,) = await one.pictures()
        status, data, headers = await one.get(f"{kept['src']}?small")
        with Image.open(io.BytesIO(data)) as small:
            assert (status, headers["Content-Type"], small.format, small.size) == (
                200,
                "image/jpeg",
                "JPEG",
                (480, 320),
            )
        assert (await one.get(f"{kept['src']}?small"))[1] == data
        status, data, headers = await one.get(f"{kept['src']}?download&jpeg")
        with Image.open(io.BytesIO(data)) as jpeg:
            assert (status, jpeg.format, jpeg.size) == (200, "JPEG", (900, 600))
        assert headers["Content-Disposition"] == 'attachment; filename="harbour-starrynight.jpg"'
        _, shared = await one.post(f"/album/{kept['id']}", shared=True)
        address = f"{shared['share']}/{kept['file']}?download&jpeg"
        assert address.replace("&", "&amp;") in (await one.get(shared["share"]))[1].decode()
        assert (await one.get(address))[1] == data


async def test_what_is_starred_or_shared_outlives_the_rest(at: Site) -> None:
    async with browser(at) as one:
        for number in range(3):
            await painted(one.tab(), picture((number, 2, 3)), name=f"{number}.png")
        newest, middle, _ = await one.pictures()
        await one.post(f"/album/{newest['id']}", starred=True)
        await one.post(f"/album/{middle['id']}", shared=True)
        now = time.time() + 1
        await at.store.prune(now, now - 3600)
        assert [kept["id"] for kept in await one.pictures()] == [newest["id"], middle["id"]]
        assert (await one.get(newest["src"]))[0] == 200
        await one.post(f"/album/{middle['id']}", shared=False)
        await at.store.prune(now, now - 3600)
        assert [kept["id"] for kept in await one.pictures()] == [newest["id"]]
        await at.store.prune(now, now)
        assert not await one.pictures()
