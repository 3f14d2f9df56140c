"""The web chat over HTTP: every tab has a room of its own, which others cannot look into."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession, WSMsgType

from bot.chat.web import conversation, events, feed, uploads
from bot.chat.web.feed import room_of
from tests.bot.chat.web.harness import LINE, Listener, Site, Tab, only_job
from tests.pictures import picture
from tests.waiting import PATIENCE


async def test_two_tabs_are_two_people(session: ClientSession, at: Site) -> None:
    one, two = Tab(session, at), Tab(session, at)
    for tab in (one, two):
        await tab.say(LINE, await tab.photo())
    jobs = await at.store.unfinished()
    assert len({job.user for job in jobs}) == len({job.place.room for job in jobs}) == 2
    async with two.listening() as room:
        entries = [event["entry"]["type"] for event in await room.backlog() if "entry" in event]
    assert entries == ["photo", "said", "answer"]


async def test_the_store_does_not_hold_the_key_to_a_room(tab: Tab, at: Site) -> None:
    await tab.say(LINE, await tab.photo())
    job = await only_job(at)
    assert tab.secret not in str(job)
    assert job.place.room == room_of(tab.secret)


async def test_a_photo_is_shown_and_lent_to_its_own_room_only(session: ClientSession, at: Site) -> None:
    mine, other = Tab(session, at), Tab(session, at)
    blob = await mine.photo()
    assert (await mine.get(f"/blob/{blob}"))[:2] == (200, picture())
    assert (await other.get(f"/blob/{blob}"))[0] == 404
    status, answer = await other.say(LINE, blob)
    assert status == 404
    assert "This photo is no longer kept" in answer["error"]
    assert at.engine.orders.empty()


async def test_a_room_takes_so_many_pages_and_no_more(tab: Tab) -> None:
    open_pages = [await tab.session.ws_connect(tab.base + "/events") for _ in range(feed.LISTENERS_PER_ROOM)]
    for page in open_pages:
        await Listener(page).backlog()
    one_more = await tab.session.ws_connect(tab.base + "/events")
    async with asyncio.timeout(PATIENCE):
        assert (await one_more.receive()).type is WSMsgType.CLOSE
    assert one_more.close_code == events.TOO_MANY
    for page in open_pages:
        await page.close()


async def test_a_full_room_says_so(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ENTRIES", 2)
    monkeypatch.setattr(uploads, "PHOTOS", 1)
    await tab.photo()
    assert (await tab.post("/photo?id=secondphoto&name=b", picture()))[0] == 429
    await tab.say("/help")
    status, answer = await tab.say("/help")
    assert (status, "This room is full" in answer["error"]) == (429, True)


async def test_all_that_a_room_has_can_be_deleted_in_every_tab(session: ClientSession, at: Site) -> None:
    tab, other = Tab(session, at), Tab(session, at)
    kept = await other.photo()
    photo = await tab.photo()
    await tab.say(LINE, photo)
    paint = await at.engine.order()
    async with tab.listening() as room:
        at.engine.finishes(paint, picture())
        picture_of_job = (await room.entry("finished"))["picture"]
        await tab.say("/forgetme yes", quiet=True)
        assert "Deleted for good: 1 order" in (await room.entry("forgotten"))["text"]
    assert [entry["type"] for entry in await tab.entries()] == ["forgotten"]
    for blob in (photo, picture_of_job):
        assert (await tab.get(f"/blob/{blob}"))[0] == 404
    assert (await other.get(f"/blob/{kept}"))[0] == 200
    assert await at.store.jobs_of(f"web:{room_of(tab.secret)[:16]}") == []
