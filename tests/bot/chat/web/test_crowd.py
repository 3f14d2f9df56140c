"""The web chat when many connections are open, or slow: nobody is kept out by them."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession

from bot.chat.web.door import bodies, connections, intake
from tests.bot.chat.web.harness import Listener, Site, Tab, site, wire, wires
from tests.pictures import picture
from tests.waiting import PATIENCE

TOKEN = "correct horse battery"


async def is_alive(session: ClientSession, at: Site) -> bool:
    async with asyncio.timeout(PATIENCE), session.get(at.url + "health") as answer:
        return answer.status in (200, 503) and "ok" in await answer.json()


async def test_silent_connections_make_way(session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 20)
    async with site() as at, AsyncExitStack() as stack:
        first, *_ = await wires(stack, at, 50)
        assert await is_alive(session, at)
        assert await first.rest() == b""  # the one that had been silent for the longest was closed


async def test_a_request_that_trickles_in_makes_way_too(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 20)
    async with site() as at, AsyncExitStack() as stack:
        for trickle in await wires(stack, at, 50):
            trickle.says("GET / HTTP/1.1\nHost: localhost\nX-Slow: ")
        assert await is_alive(session, at)


async def test_more_than_can_be_answered_are_told_so(session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 16)
    async with site() as at:
        open_pages = []
        for _ in range(8):  # of the one address that there is here, half of all
            page = await session.ws_connect(Tab(session, at).base + "/events")
            await Listener(page).backlog()
            open_pages.append(page)
        async with wire(at) as one_more:
            one_more.says("GET /health HTTP/1.1\nHost: localhost\n\n")
            answer = await one_more.rest()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"Please try again in a few seconds" in answer
        await open_pages.pop().close()
        assert await is_alive(session, at)
        for page in open_pages:
            await page.close()


async def test_a_connection_that_never_asks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.05)
    async with site() as at, wire(at) as silent, wire(at) as trickle:
        trickle.says("GET / HTTP/1.1\nHost: localhost\nX-Slow: ")
        assert await silent.rest() == await trickle.rest() == b""


async def test_a_message_that_stops_halfway_is_given_up(at: Site, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MESSAGE_SECONDS", 0.05)
    async with wire(at) as slow:
        slow.says(f"POST /r/{tab.secret}/say HTTP/1.1\nHost: localhost\nContent-Length: 100\n\n", b'{"id": ')
        assert await slow.status() == 408


async def test_a_photo_that_stops_halfway_is_given_up(at: Site, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE_SECONDS", 0.05)
    async with wire(at) as slow:
        slow.says(_upload_head(tab, "slowphoto1", 2**20 - 1), bytes(3 * bodies.PIECE))
        assert await slow.status() == 408


async def test_slow_uploads_make_way_for_a_quick_one(session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 2)
    monkeypatch.setattr(bodies, "PIECE", 2**10)
    async with site(max_photo_bytes=2**20) as at, AsyncExitStack() as stack:
        tab = Tab(session, at)
        slow = await wires(stack, at, 12)
        for number, one in enumerate(slow):  # all but a bit of a large photo each
            one.says(_upload_head(tab, f"slowphoto{number}", 2**20), bytes(2**20 - 1))
        assert await tab.photo(picture()) != ""
        assert await slow[0].status() == 503


async def test_slow_sign_ins_keep_nobody_out(session: ClientSession) -> None:
    async with site(token=TOKEN) as at, AsyncExitStack() as stack:
        for slow in await wires(stack, at, 20):
            slow.says("POST /signin HTTP/1.1\nHost: localhost\nContent-Length: 100\n\ntoken=")
        async with session.post(at.url + "signin", data={"token": TOKEN}, allow_redirects=False) as answer:
            assert answer.status == 303


def test_descriptors_are_raised_and_some_are_kept_for_the_rest_of_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    for limits, capacity in (
        ((1024, 524288), connections.CONNECTIONS),
        ((1024, 1024), 1024 - connections.RESERVE),
        ((64, 64), connections.FEWEST),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), connections.CONNECTIONS),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        assert connections.raised_capacity() == capacity
    assert raised[0] == (connections.CONNECTIONS + connections.RESERVE, 524288)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (connections.address_of(one) == connections.address_of(other)) is same


def _upload_head(tab: Tab, id: str, size: int) -> str:
    return f"POST /r/{tab.secret}/photo?id={id}&name=a HTTP/1.1\nHost: localhost\nContent-Length: {size}\n\n"
