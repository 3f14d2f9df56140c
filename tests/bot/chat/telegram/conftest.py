"""What every test of the Telegram chat stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.telegram.server import FakeTelegram


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    """Telegram. At the end nothing may have been against its rules."""
    async with FakeTelegram().serve() as it:
        yield it
        assert not it.at_the_end()
