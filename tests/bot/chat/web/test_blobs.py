"""Parts of a room's pictures, as browsers ask for them that play an MP4."""

from __future__ import annotations

import pytest

from bot.chat.web.door import sending
from bot.chat.web.door.sending import wanted
from bot.chat.web.feed import room_of
from tests.bot.chat.web.harness import Site, Tab

FILM = bytes(range(256)) * 4


@pytest.fixture
async def film(tab: Tab, at: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sending, "PART", 100)
    return f"{tab.base}/blob/{await at.store.put_blob(room_of(tab.secret), 'video/mp4', FILM)}"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-1", 0, 2), ("bytes=0-", 0, 1024), ("bytes=300-700", 300, 701), ("bytes=-5", 1019, 1024)],
)
async def test_a_part_is_sent_as_one(tab: Tab, film: str, asked: str, start: int, stop: int) -> None:
    async with tab.session.get(film, headers={"Range": asked}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
        assert answer.content_length == stop - start
        assert await answer.read() == FILM[start:stop]


async def test_the_whole_says_that_there_are_parts(tab: Tab, film: str) -> None:
    async with tab.session.get(film) as answer:
        assert (answer.status, answer.headers["Accept-Ranges"]) == (200, "bytes")
        assert await answer.read() == FILM


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
async def test_beyond_its_end_there_is_nothing(tab: Tab, film: str, asked: str) -> None:
    async with tab.session.get(film, headers={"Range": asked}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */1024")


async def test_a_part_of_another_version_becomes_the_whole(tab: Tab, film: str) -> None:
    async with tab.session.get(film) as answer:
        tag = answer.headers["ETag"]
    for condition, status in ((tag, 206), ('"another"', 200)):
        async with tab.session.get(film, headers={"Range": "bytes=0-9", "If-Range": condition}) as answer:
            assert answer.status == status


async def test_a_part_needs_the_rooms_secret_too(tab: Tab, film: str) -> None:
    elsewhere = film.replace(tab.secret, "x" * 40)
    async with tab.session.get(elsewhere, headers={"Range": "bytes=0-9"}) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "header",
    ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "bytes=a-b", "items=0-1", f"bytes=0-{'9' * 5000}"],
)
def test_what_is_no_part_is_the_whole(header: str) -> None:
    assert wanted(header, 1024) is None
