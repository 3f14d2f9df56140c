"""The addresses of jobs that version 0.1.0 wrote are read by the platforms' own structs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.chat.discord.places import DiscordAddress
from bot.chat.telegram.messages import TelegramAddress
from bot.chat.web.entries import WebAddress
from bot.core.jobs import Address
from bot.core.journal.store import Store

WRITTEN = Path(__file__).parents[2] / "data" / "version-0.1.0" / "journal.sqlite3"


@pytest.mark.parametrize(
    ("user", "struct", "jobs"),
    [
        ("telegram:800000008", TelegramAddress, 6),
        ("telegram:700000007", TelegramAddress, 10),
        ("discord:1551605589606400017", DiscordAddress, 11),
        ("discord:1551605589606400018", DiscordAddress, 4),
        ("web:fad7e4c52a03288f", WebAddress, 10),
    ],
)
async def test_every_field_of_an_old_address_is_still_known(
    tmp_path: Path, user: str, struct: type[Address], jobs: int
) -> None:
    async with Store.open(Path(shutil.copyfile(WRITTEN, tmp_path / "journal"))) as store:
        found = await store.jobs_of(user, 100)
    assert len(found) == jobs
    for job in found:
        address = struct.of(job.place)
        assert {name: getattr(address, name) for name in job.place.address} == dict(job.place.address)
