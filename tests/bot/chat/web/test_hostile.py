"""The web chat when requests are no HTTP, or say what no page says: a clear answer, and no trouble in the log."""

from __future__ import annotations

import logging

import pytest

from tests.bot.chat.web.harness import Listener, Site, Tab, wire

NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"\r\n\r\n\r\nhello\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n bad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /signin HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n",
    b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
]
STRANGE = [
    b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost:99999999\r\n\r\n",
    b"POST /signin HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[::1\r\nContent-Length: 0\r\n\r\n",
    b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /static/%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /style/%00/preview.webp HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: impasto=\xff\xfe; ;;;=\r\n\r\n",
    b'GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "\r\n\r\n',
    b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n\r\n",
    b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\ntoken=\xff\xfe",
]


@pytest.mark.parametrize("said", [*NO_HTTP, *STRANGE])
async def test_what_no_browser_says_is_answered_without_trouble(
    at: Site, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire(at) as stranger:
        stranger.writer.write(said.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        stranger.writer.write_eof()
        answer = await stranger.rest()
    first, _, _ = answer.partition(b"\r\n")
    assert not answer or 200 <= int(first.split()[1]) < 500, first
    for name in (b"Python", b"aiohttp"):
        assert name not in answer
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("body", [b'{"id": "\xff\xfe", "text": ""}', b'{"id": "abcdefgh", "text": "\xc3\x28"}'])
@pytest.mark.parametrize("path", ["/say", "/press"])
async def test_what_is_no_utf8_cannot_be_read(tab: Tab, path: str, body: bytes) -> None:
    status, answer = await tab.post(path, body)
    assert (status, answer["error"]) == (400, "This message cannot be read.")


@pytest.mark.parametrize("after", ["9" * 5000, "-1", "²", "1e9", ""])
async def test_a_number_that_no_entry_has_is_none(tab: Tab, after: str, caplog: pytest.LogCaptureFixture) -> None:
    await tab.say("/help")
    async with tab.session.ws_connect(f"{tab.base}/events?after={after}") as ws:
        kinds = [event["entry"]["type"] for event in await Listener(ws).backlog()]
    assert kinds == ["said", "answer"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("connection", ["keep-alive\r\nConnection: Upgrade", "Upgrade", "keep-alive, Upgrade"])
async def test_another_sites_page_cannot_listen_however_it_asks(at: Site, tab: Tab, connection: str) -> None:
    async with wire(at) as foreign:
        foreign.writer.write(
            f"GET /r/{tab.secret}/events HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
            f"Connection: {connection}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert await foreign.status() == 403
