"""The web chat over HTTP: who may come in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from aiohttp import ClientSession

from bot.chat.web.door.access import AccessControl
from bot.config import Secret, Web
from bot.core.errors import ConfigError
from tests.bot.chat.web.harness import Listener, Site, Tab, site
from tests.pictures import picture
from tests.waiting import eventually


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.1.5", ""])
async def test_a_foreign_host_name_is_turned_away(tab: Tab, at: Site, host: str) -> None:
    async with tab.session.get(at.url, headers={"Host": host}) as answer:
        assert answer.status in (400, 403)  # 400 where the HTTP parser itself refuses it


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080"])
async def test_names_of_this_machine_are_welcome(tab: Tab, at: Site, host: str) -> None:
    async with tab.session.get(at.url, headers={"Host": host}) as answer:
        assert answer.status == 200


async def test_other_sites_pages_are_turned_away(tab: Tab, at: Site) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        foreign = {"Origin": origin}
        assert (await tab.post("/say", b"{}", headers=foreign))[0] == 403
        assert (await tab.post("/photo?id=foreignphoto", picture(), headers=foreign))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await tab.session.ws_connect(tab.base + "/events", headers=foreign)
    own = {"Origin": at.url.rstrip("/")}
    message = msgspec.json.encode({"id": "message001", "text": "/help"})
    assert (await tab.post("/say", message, headers=own))[0] == 200
    async with tab.session.ws_connect(tab.base + "/events", headers=own) as ws:
        assert len(await Listener(ws).backlog()) == 2


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "impasto.example"])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.access_token"):
        AccessControl(Web(host=host))
    assert AccessControl(Web(host=host, access_token=Secret("correct horse"))).knows_host("anything.example")


def test_behind_a_proxy_on_this_machine_a_token_lets_every_name_in() -> None:
    assert AccessControl(Web(access_token=Secret("correct horse"))).knows_host("impasto.example")
    assert not AccessControl(Web()).knows_host("impasto.example")


async def test_a_port_that_is_taken_is_a_sentence(at: Site) -> None:
    with pytest.raises(ConfigError, match=r"cannot be opened on 127\.0\.0\.1"):
        async with site(port=urlsplit(at.url).port or 0):
            pytest.fail("two bots on one port")


async def test_with_a_token_only_who_knows_it_comes_in(
    session: ClientSession,
) -> None:
    async with site(token="correct horse battery") as at:
        tab = Tab(session, at)
        for path in ("gallery.json", "api/v1/styles", "metrics", "style/starrynight.webp", f"r/{tab.secret}/blob/x"):
            async with session.get(at.url + path) as answer:
                assert answer.status == 401, path
        assert (await tab.say("/help"))[0] == 401
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await session.ws_connect(tab.base + "/events")

        async def healthy() -> bool:
            async with session.get(at.url + "health") as answer:
                return answer.status == 200

        await eventually(healthy)
        async with session.get(at.url + "static/style.css") as answer:
            assert answer.status == 200
        async with session.get(at.url) as answer:
            assert answer.status == 401
            assert 'type="password"' in await answer.text()
        async with session.post(at.url + "signin", data={"token": "wrong"}) as answer:
            assert answer.status == 401
            assert "That is not the access token" in await answer.text()
            assert not answer.cookies
        bearer = {"Authorization": "Bearer correct horse battery"}
        async with session.get(at.url + "metrics", headers=bearer) as answer:
            assert answer.status == 200


async def test_signing_in_leaves_a_ticket_that_is_not_the_token(at: Site) -> None:
    # aiohttp's cookie jar keeps cookies of bare IP addresses only when told to.
    async with (
        site(token="correct horse battery") as at,
        ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        async with session.post(at.url + "signin", data={"token": "correct horse battery"}) as answer:
            (first, *_) = answer.history
            cookie = first.headers["Set-Cookie"]
            assert 'id="log"' in await answer.text()
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "correct" not in cookie
        async with Tab(session, at).listening() as room:
            assert await room.backlog() == []


def test_tickets_end_and_die_with_the_token() -> None:
    access = AccessControl(Web(access_token=Secret("one")))
    ticket = access.ticket("abc", until=2000.0)
    assert access.sign_in_of(ticket, now=1999.0) == "abc"
    assert not access.sign_in_of(ticket, now=2001.0)
    until, id, sign = ticket.split(".")
    assert not access.sign_in_of(f"{int(until) + 1}.{id}.{sign}", now=1000.0)
    assert not access.sign_in_of(f"{until}.other.{sign}", now=1000.0)
    assert not AccessControl(Web(access_token=Secret("two"))).sign_in_of(ticket, now=1000.0)
    for forged in ("", ".", "..", "one", f"{until}.", f"{until}.{id}.", f"{until}.{id}.ö", f"²{until}.{id}.{sign}"):
        assert not access.sign_in_of(forged, now=1000.0)


async def test_other_platforms_post_to_their_hooks_without_a_token_and_under_any_name() -> None:
    posted: list[tuple[str, bytes]] = []

    async def hook(headers: Mapping[str, str], body: bytes) -> int:
        posted.append((headers["X-Secret"], body))
        return 202

    async with site(token="long enough to be a token", hooks={"/telegram": hook}) as at, ClientSession() as session:
        headers = {"X-Secret": "s", "Host": "example.org"}
        async with session.post(at.url + "telegram", data=b"news", headers=headers) as answer:
            assert answer.status == 202
        async with session.post(at.url + "telegram2", data=b"news", headers=headers) as answer:
            assert answer.status in (401, 403)
    assert posted == [("s", b"news")]
