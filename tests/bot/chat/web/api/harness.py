"""A program that orders pictures over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from aiohttp import ClientSession, FormData

from tests.bot.chat.web.harness import Site
from tests.pictures import picture
from tests.waiting import PATIENCE

PHOTO = picture()


class Script:
    """What somebody writes with any HTTP library."""

    def __init__(self, session: ClientSession, at: Site, **headers: str) -> None:
        self.session = session
        self.at = at
        self.headers = headers

    async def ask(
        self, method: str, path: str, data: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        """Status, body (of JSON what it says), and the rest."""
        url = self.at.url.rstrip("/") + path
        async with self.session.request(method, url, data=data, headers=self.headers | (headers or {})) as answer:
            body: Any = await answer.read()
            if body and answer.content_type.endswith("json"):
                body = msgspec.json.decode(body)
            return answer.status, body, answer

    async def order(self, key: str = "", photo: bytes | None = PHOTO, **fields: str) -> tuple[int, Any]:
        form = FormData(quote_fields=False, default_to_multipart=True)
        if photo is not None:
            form.add_field("photo", photo, filename="my harbour.jpg", content_type="image/jpeg")
        for name, value in ({"recipe": "starrynight seed=7"} | fields).items():
            form.add_field(name, value)
        status, body, _ = await self.ask(
            "POST", "/api/v1/pictures", form, headers={"Idempotency-Key": key} if key else None
        )
        return status, body

    async def verify(self, key: str = "", **pictures: bytes) -> tuple[int, Any]:
        form = FormData(quote_fields=False, default_to_multipart=True)
        for name, data in pictures.items():
            form.add_field(name, data, filename=f"{name}.png", content_type="image/png")
        headers = {"Idempotency-Key": key} if key else None
        status, body, _ = await self.ask("POST", "/api/v1/verifications", form, headers=headers)
        return status, body

    async def verified(self, **pictures: bytes) -> Any:
        status, body = await self.verify(**pictures)
        assert status == 202, body
        return body

    async def accepted(self, **fields: str) -> Any:
        status, body = await self.order(**fields)
        assert status == 202, body
        return body

    async def get(self, path: str) -> Any:
        status, body, _ = await self.ask("GET", path)
        assert status == 200, body
        return body

    @asynccontextmanager
    async def listening(self, ordered: Any) -> AsyncIterator[Stream]:
        url = self.at.url.rstrip("/") + ordered["links"]["events"]
        async with self.session.get(url, headers=self.headers) as answer:
            assert answer.content_type == "text/event-stream"
            yield Stream(answer.content)


class Stream:
    """Server-sent events."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self.content = content

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            event = (await self.content.readuntil(b"\n\n")).decode()
        found = re.fullmatch(r"event: picture\ndata: (.*)\n\n", event)
        assert found, event
        return msgspec.json.decode(found[1])

    async def until(self, state: str) -> Any:
        while (picture := await self.next())["state"] != state:
            pass
        return picture

    async def ended(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self.content.read() == b""
