"""The web chat when many orders come at once: limits are looked at first, and few photos are loaded at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from bot.chat.web import conversation
from bot.chat.web.door import sending
from bot.chat.web.feed import room_of
from bot.core.journal.store import Blob, Store
from bot.core.limits import Limits
from tests.bot.chat.web.harness import LINE, Site, Tab, new_id, site, wire
from tests.pictures import picture
from tests.waiting import eventually


class Loads:
    """Counts the photos that are loaded, and those whose order is being taken."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = self.at_once = self.most_at_once = 0
        monkeypatch.setattr(store, "blob", self._counting(store.blob))
        monkeypatch.setattr(store, "add", self._ending(store.add))

    def _counting(self, load: Callable[[str], Awaitable[Blob | None]]) -> Any:
        async def counted(id: str) -> Blob | None:
            self.count += 1
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            return await load(id)

        return counted

    def _ending(self, add: Callable[..., Awaitable[Any]]) -> Any:
        async def added(*given: Any) -> Any:
            try:
                return await add(*given)
            finally:
                self.at_once -= 1

        return added


async def test_an_order_that_a_limit_forbids_loads_no_photo(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(limits=Limits(open_jobs=1)) as at:
        tab = Tab(session, at)
        photo = await tab.photo()
        loads = Loads(at.store, monkeypatch)
        for _ in range(5):
            assert (await tab.say(LINE, photo))[0] == 200
        refused = [entry for entry in await tab.entries() if entry.get("refused")]
    assert len(refused) == 4
    assert "the limit is 1" in refused[0]["text"]
    assert loads.count == 1


async def test_a_button_that_a_limit_forbids_loads_no_photo(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(id: str) -> bytes:
        pytest.fail("a photo was loaded for nothing")

    async with site(limits=Limits(open_jobs=1)) as at:
        tab = Tab(session, at)
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        monkeypatch.setattr(at.store, "photo", fails)
        await tab.press(f"{paint.job}:a")
        await tab.say("/again")
        answers = [entry["text"] for entry in await tab.entries() if entry["type"] == "answer"]
    assert ["the limit is 1" in text for text in answers] == [False, True, True]


async def test_of_one_room_one_order_is_taken_at_a_time(tab: Tab, at: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = await tab.photo()
    loads = Loads(at.store, monkeypatch)
    answers = await asyncio.gather(*(tab.say(LINE, photo) for _ in range(8)))
    assert [status for status, _ in answers] == [200] * 8
    assert (loads.count, loads.most_at_once) == (8, 1)


async def test_of_all_rooms_few_orders_are_taken_at_a_time(
    session: ClientSession, at: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tabs = [Tab(session, at) for _ in range(3 * conversation.AT_ONCE)]
    photos = [await tab.photo() for tab in tabs]
    loads = Loads(at.store, monkeypatch)
    answers = await asyncio.gather(*(tab.say(LINE, photo) for tab, photo in zip(tabs, photos, strict=True)))
    assert {status for status, _ in answers} == {200}
    assert loads.most_at_once <= conversation.AT_ONCE


async def test_a_flood_from_one_room_is_turned_away(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAITING", 3)
    bodies = [msgspec.json.encode({"id": new_id(), "text": "/help"}) for _ in range(30)]
    statuses = [status for status, _ in await asyncio.gather(*(tab.post("/say", body) for body in bodies))]
    assert set(statuses) == {200, 429}


async def test_a_picture_comes_in_parts_and_whole(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = await tab.photo()
    for part in (1000, len(picture()), len(picture()) - 1, 2**20):
        monkeypatch.setattr(sending, "PART", part)
        assert (await tab.get(f"/blob/{blob}"))[:2] == (200, picture())


async def test_who_takes_nothing_of_a_picture_is_dropped(tab: Tab, at: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PART_SECONDS", 0.1)
    blob = await at.store.put_blob(room_of(tab.secret), "image/png", bytes(30 * 2**20))
    async with wire(at, limit=1) as reader:
        reader.says(f"GET /r/{tab.secret}/blob/{blob} HTTP/1.1\nHost: localhost\n\n")
        await reader.reader.readexactly(1)

        async def dropped() -> bool:
            return b"impasto_web_connections 1.0" in await tab.metrics()  # the one that asks for it

        await eventually(dropped)
