"""The web chat over HTTP: which photos and messages are taken, and what is refused with a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from bot.dialog.pictures import media_type
from tests.bot.chat.web.harness import Tab, site
from tests.pictures import picture


async def test_too_large_a_photo_is_refused_with_the_limit(session: ClientSession) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1000)

    async with site(max_photo_bytes=10_000) as at:
        tab = Tab(session, at)
        for number, body in enumerate([b"\xff\xd8\xff" + bytes(10_000), in_chunks()]):
            status, answer = await tab.post(f"/photo?id=largephoto{number}&name=a", body)
            assert status == 413
            assert "0.00954 MB is the limit" in answer["error"]
        async with tab.listening() as room:
            assert await room.backlog() == []


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"<html>"])
async def test_what_is_no_picture_is_refused_before_it_is_kept(tab: Tab, data: bytes) -> None:
    status, answer = await tab.post("/photo?id=nopicture1&name=a", data)
    assert status == 415
    assert "JPEG, PNG, WebP" in answer["error"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_pictures_are_known_by_their_first_bytes(kind: str) -> None:
    assert media_type(picture(kind=kind)) == f"image/{kind.lower()}"


def test_a_heic_is_left_to_the_engine() -> None:
    assert media_type(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)) == "image/heic"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"id": "a b", "text": ""}', 400), (b'{"id": 7}', 400), (b"\xff\xfe", 400), (b" " * 2**17, 413)],
)
async def test_broken_messages_are_refused(tab: Tab, body: bytes, status: int) -> None:
    async with tab.session.post(tab.base + "/say", data=body) as answer:
        assert answer.status == status


async def test_a_very_long_line_is_refused(tab: Tab) -> None:
    status, answer = await tab.say("/stylize " + "x" * 3000)
    assert (status, "2000 characters" in answer["error"]) == (413, True)


async def test_photo_names_lose_what_cannot_be_shown(tab: Tab) -> None:
    await tab.photo(name="a%00%0Ab%E2%80%AE" + "c" * 200)
    async with tab.listening() as room:
        (event,) = await room.backlog()
    assert event["entry"]["name"] == "ab" + "c" * 78
