"""The web chat over HTTP: neither a lost connection, a restart nor a message sent twice loses or doubles anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from aiohttp import ClientSession

from bot.chat.web import events
from bot.chat.web.chat import WebChat
from bot.chat.web.feed import room_of
from bot.config import Web
from bot.core.errors import StoreError
from bot.core.messages import Result
from engine import wire
from tests.bot.chat.web.harness import LINE, Site, Tab, new_id, only_job, site
from tests.harness import ManualEngine, assembled, at_work
from tests.pictures import picture
from tests.waiting import eventually


async def test_a_lost_connection_loses_nothing(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        await room.entry("answer")
        paint = await at.engine.order()
        room.ws._response.connection.transport.abort()  # type: ignore[union-attr]
    at.engine.does(wire.Progress(paint.job, 0.7, "step 70 of 100"))
    async with tab.listening(room.last) as again:
        assert (
            "step 70"
            in (await again.until(lambda event: "step 70" in event.get("live", {}).get("text", "")))["live"]["text"]
        )
        at.engine.finishes(paint, picture())
        await again.entry("finished")
    async with tab.listening(again.last) as third:
        assert await third.backlog() == []


async def test_a_restart_of_the_bot_loses_nothing(session: ClientSession, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    async with site(journal) as at:
        tab = Tab(session, at)
        async with tab.listening() as room:
            await tab.say(LINE, await tab.photo())
            first = await at.engine.order()
            await room.entry("answer")
    async with site(journal) as at:
        tab.base = f"{at.url}r/{tab.secret}"
        paint = await at.engine.order()
        assert (paint.job, paint.recipe) == (first.job, first.recipe)
        async with tab.listening(room.last) as again:
            at.engine.finishes(paint, picture())
            done = await again.entry("finished")
        async with tab.listening() as fresh:
            entries = [event["entry"] for event in await fresh.backlog() if "entry" in event]
        assert [entry["type"] for entry in entries] == ["photo", "said", "answer", "finished"]
        assert (await tab.get(f"/blob/{done['picture']}"))[:2] == (200, picture())


async def test_an_order_while_the_bot_stops_is_kept_by_the_page(
    session: ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, engine, writing = tmp_path / "journal.sqlite3", ManualEngine(), asyncio.Event()

    async def never_written(*_: Any) -> None:
        writing.set()
        await asyncio.Event().wait()

    async with assembled(engine, path=journal) as services:
        web = WebChat(Web(port=0), services)
        services.studio.add_chat(web)
        async with web.serve() as url:
            tab = Tab(session, Site(url, engine, web, services.store))
            async with at_work(services):
                photo = await tab.photo()
                messages = [msgspec.json.encode({"id": new_id(), "text": LINE, "photo": photo}) for _ in range(2)]
                monkeypatch.setattr(services.store, "add", never_written)
                saying = asyncio.create_task(tab.post("/say", messages[0]))
                await writing.wait()
            for status, answer in (await saying, await tab.post("/say", messages[1])):  # in the middle, and afterwards
                assert (status, "is being restarted" in answer["error"]) == (503, True)
            assert [entry["type"] for entry in await tab.entries()] == ["photo", "said", "said"]
    async with site(journal) as at:
        tab.at, tab.base = at, f"{at.url}r/{tab.secret}"
        for message in messages:
            assert (await tab.post("/say", message))[0] == 200
        kinds = [entry["type"] for entry in await tab.entries()]
        assert sorted(kinds) == ["answer", "answer", "photo", "said", "said"]
        assert len(await at.store.unfinished()) == 2


async def test_a_page_that_remembers_more_than_the_journal_starts_over(tab: Tab) -> None:
    await tab.say("/help")
    async with tab.listening(after=1000) as room:
        events = await room.backlog()
    assert "anew" in events[0]
    assert [entry["entry"]["type"] for entry in events[1:]] == ["said", "answer"]


async def test_a_picture_delivered_twice_is_posted_once(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        paint = await at.engine.order()
        at.engine.finishes(paint, picture())
        await room.entry("finished")
        job = await at.store.job(paint.job)
        assert job is not None
        await at.web.deliver(job, Result(picture=b"", width=1, height=1, credit="", line="", seconds=1.0))
        await at.web.notify(job, "It failed after all.")
        await tab.say("/help")
        assert (await room.until(lambda event: "entry" in event))["entry"]["type"] == "said"


async def test_a_message_sent_twice_is_taken_once(tab: Tab, at: Site) -> None:
    photo = await tab.photo()
    message = msgspec.json.encode({"id": "samemessage1", "text": LINE, "photo": photo})
    answers = await asyncio.gather(*(tab.post("/say", message) for _ in range(3)))
    assert [status for status, _ in answers] == [200, 200, 200]
    await tab.post("/say", message)
    assert len(await at.store.jobs_of((await only_job(at)).user)) == 1
    ids = [(await tab.post("/photo?id=samephoto1&name=a", picture()))[1]["photo"] for _ in range(2)]
    assert ids[0] == ids[1]


async def test_a_message_whose_answer_was_lost_is_painted_once(tab: Tab, at: Site, monkeypatch) -> None:
    photo = await tab.photo()
    message = msgspec.json.encode({"id": "samemessage1", "text": LINE, "photo": photo})

    async def lost(*_: Any) -> None:
        raise StoreError("the disk was full for a moment")

    with monkeypatch.context() as patch:
        patch.setattr(at.web._feed, "append", lost_after(at.web._feed.append, lost))
        await tab.post("/say", message)
    await tab.post("/say", message)
    assert len(await at.store.jobs_of((await only_job(at)).user)) == 1


def lost_after(append: Any, lost: Any) -> Any:
    """The first entry, the message, is written; the second, the answer, is not."""
    calls = iter([append, lost, append])

    async def instead(*given: Any) -> Any:
        return await next(calls)(*given)

    return instead


async def test_a_reader_that_takes_nothing_is_dropped(tab: Tab, at: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW_SECONDS", 0.2)
    for number in range(30):
        await at.store.append(
            room_of(tab.secret), msgspec.json.encode({"type": "told", "job": str(number), "text": "x" * 2**20})
        )
    address = urlsplit(at.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1)
    writer.write(
        f"GET /r/{tab.secret}/events HTTP/1.1\r\nHost: {address.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.read(1)

    async def dropped() -> bool:
        return b"impasto_web_tabs 0.0" in await tab.metrics()

    await eventually(dropped)
    writer.transport.abort()
