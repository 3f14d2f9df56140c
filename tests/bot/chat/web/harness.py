"""The web chat with everything behind it but the engine, whose part a test plays by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from bot.chat.web.chat import WebChat
from bot.config import Secret, Web
from bot.core.admission import Rules
from bot.core.engine import Engine
from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.messages import Hook
from tests.harness import ManualEngine, assembled, at_work
from tests.pictures import picture
from tests.waiting import PATIENCE

LINE = "/stylize starrynight seed=7"


class Site(NamedTuple):
    """A bot with its page up."""

    url: str
    engine: ManualEngine
    web: WebChat
    store: Store


@asynccontextmanager
async def site(
    journal: Path | None = None,
    *,
    port: int = 0,
    token: str = "",
    max_photo_bytes: int = 2**20,
    keep_hours: float = 24.0,
    engine: Engine | None = None,
    hooks: Mapping[str, Hook] | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Site]:
    """A bot on a free port, at work; its journal in memory where no file is named."""
    manual = ManualEngine()
    config = Web(host="127.0.0.1", port=port, access_token=Secret(token))
    rules = Rules(max_photo_bytes=max_photo_bytes, keep_hours=keep_hours)
    more = {"limits": limits} if limits else {}
    async with assembled(engine or manual, path=journal, rules=rules, **more) as services:
        web = WebChat(config, services, hooks=hooks)
        services.studio.add_chat(web)
        services.studio.add_chat(web.api)
        async with web.serve() as url, at_work(services):
            yield Site(url, manual, web, services.store)


class Tab:
    """A browser's tab without the browser."""

    def __init__(self, session: ClientSession, at: Site, secret: str = "") -> None:
        self.session = session
        self.at = at
        self.secret = secret or os.urandom(18).hex()
        self.base = f"{at.url}r/{self.secret}"

    async def post(self, path: str, data: Any, **more: Any) -> tuple[int, dict[str, Any]]:
        async with self.session.post(self.base + path, data=data, **more) as answer:
            return answer.status, await answer.json()

    async def photo(self, data: bytes | None = None, name: str = "cat.png") -> str:
        path = f"/photo?id={new_id()}&name={name}"
        status, answer = await self.post(path, data if data is not None else picture())
        assert status == 200, answer
        return str(answer["photo"])

    async def say(self, text: str, photo: str | None = None, **more: Any) -> tuple[int, dict[str, Any]]:
        message = {"id": new_id(), "text": text, "photo": photo, **more}
        return await self.post("/say", msgspec.json.encode(message))

    async def press(self, data: str, id: str = "") -> tuple[int, dict[str, Any]]:
        return await self.post("/press", msgspec.json.encode({"id": id or new_id(), "data": data}))

    @asynccontextmanager
    async def listening(self, after: int = 0) -> AsyncIterator[Listener]:
        async with self.session.ws_connect(f"{self.base}/events?after={after}") as ws:
            yield Listener(ws)

    async def entries(self) -> list[dict[str, Any]]:
        """What a page that is opened now would get."""
        async with self.listening() as room:
            return [event["entry"] for event in await room.backlog() if "entry" in event]

    async def get(self, path: str) -> tuple[int, bytes, aiohttp.ClientResponse]:
        async with self.session.get(self.base + path) as answer:
            return answer.status, await answer.read(), answer

    async def metrics(self) -> bytes:
        async with self.session.get(self.at.url + "metrics") as answer:
            return await answer.read()

    async def styles(self) -> list[dict[str, Any]]:
        async with self.session.get(self.at.url + "api/v1/styles") as answer:
            styles: list[dict[str, Any]] = await answer.json()
            return styles


class Listener:
    """What the room sends to a page."""

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self.ws = ws
        self.last = 0

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message = await self.ws.receive()
        assert message.type is WSMsgType.TEXT, message
        event: dict[str, Any] = msgspec.json.decode(message.data)
        self.last = event.get("seq", self.last)
        return event

    async def until(self, fits: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        while True:
            event = await self.next()
            if fits(event):
                return event

    async def entry(self, kind: str) -> dict[str, Any]:
        """The next entry of this kind."""
        event = await self.until(lambda event: event.get("entry", {}).get("type") == kind)
        entry: dict[str, Any] = event["entry"]
        return entry

    async def backlog(self) -> list[dict[str, Any]]:
        """Everything up to the present."""
        found = []
        while "now" not in (event := await self.next()):
            found.append(event)
        return found


class Wire(NamedTuple):
    """A connection that speaks HTTP by hand, or does not speak at all."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def says(self, text: str, body: bytes = b"") -> None:
        self.writer.write(text.replace("\n", "\r\n").encode() + body)

    async def rest(self) -> bytes:
        """All that the server still says, once it has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def status(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return int((await self.reader.readuntil(b"\r\n")).split()[1])


@asynccontextmanager
async def wire(at: Site, limit: int = 2**16) -> AsyncIterator[Wire]:
    """One that reads ``limit`` bytes ahead."""
    address = urlsplit(at.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=limit)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def wires(stack: AsyncExitStack, at: Site, count: int) -> list[Wire]:
    return [await stack.enter_async_context(wire(at)) for _ in range(count)]


def new_id() -> str:
    """A name such as the page gives its messages."""
    return os.urandom(8).hex()


async def only_job(at: Site) -> Any:
    """The one job that is not finished."""
    (job,) = await at.store.unfinished()
    return job
