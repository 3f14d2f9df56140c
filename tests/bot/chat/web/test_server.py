"""The web chat over HTTP: the page's files and headers, and what operators ask for."""

from __future__ import annotations

import re

import pytest

from bot.chat.web.pages import STATIC
from tests.bot.chat.web.harness import LINE, Site, Tab
from tests.pictures import picture


async def test_every_answer_forbids_what_the_page_does_not_need(tab: Tab, at: Site) -> None:
    blob = await tab.photo()
    for path in ("", "static/chat.js", "gallery.json", "nothing", f"r/{tab.secret}/blob/{blob}"):
        async with tab.session.get(at.url + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for path in (path for path in STATIC.rglob("*") if path.is_file() and path.suffix != ".jpg"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", text), f"{path.name} names an address"
        assert "<script>" not in text
        assert " style=" not in text


async def test_the_page_is_asked_for_again_only_when_it_has_changed(tab: Tab, at: Site) -> None:
    async with tab.session.get(at.url + "static/chat.js") as answer:
        assert answer.content_type == "text/javascript"
        tag = answer.headers["ETag"]
    async with tab.session.get(at.url + "static/chat.js", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304


@pytest.mark.parametrize("name", ["index.html", "signin.html", "..%2fweb.py", "%2e%2e/web.py", "web.py"])
async def test_only_the_pages_own_files_are_served(tab: Tab, at: Site, name: str) -> None:
    async with tab.session.get(f"{at.url}static/{name}") as answer:
        assert answer.status == 404


async def test_health_says_whether_an_order_would_be_painted(tab: Tab, at: Site) -> None:
    await tab.say("/help")  # once answered, the studio is up
    await tab.say(LINE, await tab.photo())
    async with tab.session.get(at.url + "health") as answer:
        assert (answer.status, (await answer.json())["ok"]) == (200, True)
    at.engine.ready = None
    async with tab.session.get(at.url + "health") as answer:
        found = await answer.json()
        assert (answer.status, found["ok"]) == (503, False)
        assert found["checks"]["engine"] is False


async def test_metrics_count_the_open_pages(tab: Tab) -> None:
    assert b"impasto_web_tabs 0.0" in await tab.metrics()
    async with tab.listening() as room:
        await room.backlog()
        assert b"impasto_web_tabs 1.0" in await tab.metrics()


async def test_our_own_failure_is_a_sentence_without_a_trace(
    tab: Tab, at: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("secret path /etc/shadow")

    monkeypatch.setattr(at.store, "append", broken)
    status, answer = await tab.post("/photo?id=photo0001&name=a", picture())
    assert status == 500
    assert "try again" in answer["error"]
    assert "shadow" not in str(answer)
