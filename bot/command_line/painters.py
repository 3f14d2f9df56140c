"""Who paints: an engine of our own, or an Impasto that runs elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from bot.app import alone
from bot.chat import formats
from bot.chat.terminal import USER, TerminalChat
from bot.chat.web.api.schema import Format
from bot.config import Config
from bot.core.errors import InternalError
from bot.core.messages import Incoming, Result, Status
from bot.dialog.parse import parse_order
from bot.dialog.services import Services
from engine.recipe import rules_for


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A picture to be painted."""

    line: str
    photo: bytes | None = None
    style: bytes | None = None
    checked: bytes | None = None  # a picture that is to be held against it
    file: str = ""  # the photo's name
    format: Format | None = None


class NobodyPaints(InternalError):
    """Neither this picture nor any other can be painted at the moment."""


Show = Callable[[Status], None]
Paint = Callable[[Wanted, Show], Awaitable[Result]]
Painter = AbstractAsyncContextManager[Paint]


@asynccontextmanager
async def here(config: Config) -> AsyncIterator[Paint]:
    """An engine that is started for this, and the same path as in a chat."""
    async with alone(config) as (services, chat):
        over: list[str] = []  # jobs that are not deleted yet

        async def paint(wanted: Wanted, show: Show) -> Result:
            try:
                result, job = await _painted(services, chat, wanted, show)
            except InternalError as error:
                if services.studio.engine.ready is None:
                    raise NobodyPaints(f"{error} Run “impasto doctor” to find the cause.") from error
                raise
            # The journal is in memory. A job can be deleted once its delivery is noted, so the last one still waits.
            over[:] = [id for id in (*over, job) if not await services.store.delete(id)]
            return result

        yield paint


async def _painted(services: Services, chat: TerminalChat, wanted: Wanted, show: Show) -> tuple[Result, str]:
    recipe = parse_order(wanted.line, services.gallery)
    if "encoder" in rules_for(recipe, services.gallery).settings:
        await services.studio.engine.introduced()  # before that nobody knows which encoder it prefers
    with chat.expecting(formats.plays(wanted.format), show) as (place, finished):
        order = Incoming(user=USER, place=place, photo=wanted.photo, style=wanted.style, checked=wanted.checked)
        job = await services.studio.accept(order, recipe)
        return await finished, job.id


@asynccontextmanager
async def elsewhere(server: str, token: str) -> AsyncIterator[Paint]:
    """A running Impasto, by its API."""
    from bot.chat.web.api.client import Client, Unreachable  # late: aiohttp takes a third of a second
    from bot.chat.web.api.schema import Order

    async with Client.connected(server, token) as client:

        async def paint(wanted: Wanted, show: Show) -> Result:
            order = Order(recipe=wanted.line, photo=wanted.photo, style=wanted.style, format=wanted.format)
            try:
                return await client.paint(order, wanted.file, show)
            except Unreachable as error:
                raise NobodyPaints(str(error)) from error

        yield paint
