"""What every test of Discord begins with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.chat.discord.harness import fake_discord
from tests.fakes.discord.server import FakeDiscord
from tests.pictures import swatches


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    async with fake_discord(monkeypatch) as fake:
        yield fake


@pytest.fixture(autouse=True)
def _small_swatches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swatches(tmp_path, monkeypatch)
