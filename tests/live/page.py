"""What the page does in a browser, without the browser: it sends until it is answered, and goes on listening."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from aiohttp import ClientSession, WSMsgType

RETRY_SECONDS = 0.15
LOST = (aiohttp.ClientError, ConnectionError, TimeoutError)


class Room:
    """A tab of the page, with its conversation as the page shows it."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self.entries: dict[int, dict[str, Any]] = {}
        self._session = session
        self._base = f"{url}r/{os.urandom(18).hex()}"

    async def send(self, line: str, photo: bytes | None, name: str = "cat.png") -> tuple[str, str]:
        """Upload the photo and say the line, as often as it takes; the message's id, or a refusal at the door."""
        blob = None
        if photo is not None:
            status, answer = await self._insist(f"/photo?id={_id()}&name={quote(name)}", photo)
            if status != 200:
                return "", str(answer.get("error", answer))
            blob = answer["photo"]
        id = _id()
        said = msgspec.json.encode({"id": id, "text": line, "photo": blob})
        status, answer = await self._insist("/say", said)
        return ("", str(answer.get("error", answer))) if status != 200 else (id, "")

    async def _insist(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer to a request that is repeated as the page repeats it: with the same id, while nobody answers."""
        while True:
            try:
                async with self._session.post(self._base + path, data=io.BytesIO(body)) as answer:
                    if answer.status < 500 and answer.status != 429:
                        return answer.status, await answer.json()
            except LOST:
                pass
            await asyncio.sleep(RETRY_SECONDS)

    async def listen(self) -> None:
        """Keep `entries` up to date until cancelled, across restarts of the bot."""
        while True:
            with suppress(*LOST):
                await self._follow()
            await asyncio.sleep(RETRY_SECONDS)

    async def read_anew(self) -> None:
        """What a page that is opened now would show."""
        self.entries = {}
        await self._follow(until_now=True)

    async def _follow(self, *, until_now: bool = False) -> None:
        after = max(self.entries, default=0)
        async with self._session.ws_connect(f"{self._base}/events?after={after}") as socket:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    return
                event = msgspec.json.decode(message.data)
                if "anew" in event:
                    self.entries = {}
                if "entry" in event:
                    self.entries[event["seq"]] = event["entry"]
                if until_now and "now" in event:
                    return

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries.values() if entry["type"] == kind]

    async def picture(self, entry: dict[str, Any]) -> bytes:
        """The file of a finished job."""
        async with self._session.get(f"{self._base}/blob/{entry['picture']}") as answer:
            return await answer.read()


def _id() -> str:
    return os.urandom(8).hex()
