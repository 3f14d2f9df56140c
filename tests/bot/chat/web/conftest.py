"""A site and a tab for every test of the web chat."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from tests.bot.chat.web.harness import Site, Tab, site


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def at() -> AsyncIterator[Site]:
    async with site() as at:
        yield at


@pytest.fixture
def tab(session: ClientSession, at: Site) -> Tab:
    return Tab(session, at)
