"""Telegram and Discord at once, each of which tells when the bot has asked something of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.discord.rest import Request
from tests.fakes.discord.server import FakeDiscord, running
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.state import Call


class Telegram(FakeTelegram):
    """``on_request`` is called when a request has been carried out, before the bot is told so."""

    on_request: Callable[[], None] = staticmethod(lambda: None)

    def _do(self, call: Call) -> Any:
        try:
            return super()._do(call)
        finally:
            self.on_request()


class Discord(FakeDiscord):
    """The same."""

    on_request: Callable[[], None] = staticmethod(lambda: None)

    async def _route(self, request: Request, raw: web.Request) -> Any:
        try:
            return await super()._route(request, raw)
        finally:
            self.on_request()


@dataclass
class Doubles:
    """Both platforms."""

    telegram: Telegram
    discord: Discord

    def listen(self, heard: Callable[[], None]) -> None:
        """Have ``heard`` called with every request of either platform."""
        self.telegram.on_request = self.discord.on_request = heard

    def violations(self) -> list[str]:
        """The rules that were broken since this was asked last."""
        found = [f"Telegram: {text}" for text in self.telegram.violations]
        found += [f"Discord: {text}" for text in self.discord.violations]
        self.telegram.violations.clear()
        self.discord.violations.clear()
        return found


@asynccontextmanager
async def doubles() -> AsyncIterator[Doubles]:
    # A bot that is killed breaks off its requests; that is no fault of theirs.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    async with Telegram().serve() as telegram, running(Discord()) as discord:
        assert isinstance(telegram, Telegram)
        assert isinstance(discord, Discord)
        discord.add_guild()
        discord.add_channel()
        yield Doubles(telegram, discord)
