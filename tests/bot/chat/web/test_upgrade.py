"""The web chat over HTTP: a room of version 0.1.0 is shown by this one, and goes on."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.bot.chat.web.harness import Site, Tab, site
from tests.pictures import picture

WRITTEN = Path(__file__).parents[3] / "data" / "version-0.1.0" / "journal.sqlite3"
SECRET = "fixtureroom0" * 3
YEARS = 24.0 * 365 * 100  # in hours: nothing of that time is pruned


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Site]:
    journal = Path(shutil.copyfile(WRITTEN, tmp_path / "journal.sqlite3"))
    async with site(journal, keep_hours=YEARS) as at:
        yield at


@pytest.fixture
def tab(session: ClientSession, at: Site) -> Tab:
    return Tab(session, at, SECRET)


async def test_every_entry_is_shown_and_pictures_have_the_buttons_of_their_jobs(tab: Tab) -> None:
    entries = (await tab.entries())[:37]  # those of version 0.1.0
    assert {entry["type"] for entry in entries} == {"photo", "said", "answer", "finished", "told"}
    pictures = {entry["job"]: entry for entry in entries if entry["type"] == "finished"}
    assert set(pictures) >= {"webdvd22", "webdvd23", "webdvd24", "webdvd25"}
    labels = {job: [button["label"] for button in entry["buttons"]] for job, entry in pictures.items()}
    usual = ["Again", "Variations", "Stronger", "Softer", "Photo's colours", "Finer", "Larger", "Delete"]
    assert labels["webdvd22"] == usual
    assert "Finer" not in labels["webdvd25"], "which is finely painted already"
    for entry in pictures.values():
        assert (await tab.get(f"/blob/{entry['picture']}"))[0] == 200


async def test_the_buttons_of_an_old_picture_work(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await room.backlog()
        await tab.press("webdvd23:p")
        answer = await room.entry("answer")
        assert (answer["photo"], answer["style"]) == ("fixtureblob0000000000001", "fixtureblob0000000000003")
        await tab.press("webdvd22:d")
        assert (await room.entry("deleted"))["job"] == "webdvd22"
    assert not [
        entry for entry in await tab.entries() if entry.get("job") == "webdvd22" and entry["type"] != "deleted"
    ]


async def test_what_was_unfinished_is_painted_and_delivered(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        jobs = set()
        for _ in range(3):
            paint = await at.engine.order()
            jobs.add(paint.job)
            at.engine.finishes(paint, picture())
        assert jobs == {"webpng22", "webque22", "webque23"}
        while not {"webpng22", "webque22"} <= {entry.get("job") for entry in await tab.entries()}:
            await room.entry("finished")


async def test_again_repeats_the_newest_order_of_the_room(tab: Tab) -> None:
    async with tab.listening() as room:
        await room.backlog()
        await tab.say("/again strength=33")
        answer = await room.until(
            lambda event: event.get("entry", {}).get("job") and "order" in event["entry"].get("text", "")
        )
    entry = answer["entry"]
    assert (entry["photo"], entry["style"]) == ("fixtureblob0000000000001", "fixtureblob0000000000003")
