"""The web chat over HTTP: the buttons under a picture, which are those of every platform."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from bot.chat.web.feed import room_of
from bot.core.jobs import State
from engine import wire
from tests.bot.chat.web.harness import LINE, Listener, Site, Tab, new_id
from tests.pictures import picture
from tests.waiting import eventually


async def painted(tab: Tab, at: Site, room: Listener, line: str = LINE) -> dict[str, Any]:
    """The entry of a picture that was ordered and delivered."""
    await tab.say(line, await tab.photo())
    return await delivered(at, room)


async def delivered(at: Site, room: Listener) -> dict[str, Any]:
    """The entry of the next picture."""
    at.engine.finishes(await at.engine.order(), picture())
    done = await room.entry("finished")

    async def noted() -> bool:
        job = await at.store.job(done["job"])
        return job is not None and job.state is State.DELIVERED

    await eventually(noted)
    return done


def data_of(done: dict[str, Any], action: str) -> str:
    (data,) = [button["data"] for button in done["buttons"] if button["action"] == action]
    return str(data)


async def test_a_picture_comes_with_its_buttons(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        assert [(button["action"], button["label"]) for button in done["buttons"]] == [
            ("again", "Again"),
            ("variations", "Variations"),
            ("stronger", "Stronger"),
            ("softer", "Softer"),
            ("colors", "Photo's colours"),
            ("finer", "Finer"),
            ("larger", "Larger"),
            ("delete", "Delete"),
        ]
        fine = await painted(tab, at, room, "/stylize starrynight mode=fine colors=photo")
    labels = [button["label"] for button in fine["buttons"]]
    assert "Finer" not in labels
    assert "Painting's colours" in labels


async def test_a_button_orders_the_same_photo_with_one_setting_changed(tab: Tab, at: Site) -> None:
    photo, tiles = picture(), picture((10, 200, 30))
    async with tab.listening() as room:
        blobs = await tab.photo(photo), await tab.photo(tiles, "tiles.png")
        await tab.say("/stylize mine strength=60 seed=7", blobs[0], style=blobs[1])
        assert (await room.entry("answer"))["job"]
        done = await delivered(at, room)
        await tab.photo(name="another.png")
        id = new_id()
        assert await tab.press(data_of(done, "stronger"), id) == (200, {})
        answer = await room.entry("answer")
        paint = await at.engine.order()
        assert (paint.photo, paint.style, paint.recipe.strength, paint.recipe.seed) == (photo, tiles, 80, 7)
        assert (answer["to"], answer["job"], answer["title"]) == (id, paint.job, "A picture of your own")
        assert (answer["photo"], answer["style"]) == blobs
        at.engine.finishes(paint, picture())
        again = await room.entry("finished")
        assert (again["photo"], again["style"]) == blobs


async def test_a_press_sent_twice_is_one_picture(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        id, data = new_id(), data_of(done, "again")
        posted = await asyncio.gather(*(tab.press(data, id) for _ in range(3)))
        assert {status for status, _ in posted} == {200}
        await tab.press(data, id)
        second = await at.engine.order()
        assert len(await at.store.jobs_of(f"web:{room_of(tab.secret)[:16]}")) == 2
        answers = [entry for entry in await tab.entries() if entry["type"] == "answer"]
        assert [entry["job"] for entry in answers] == [done["job"], second.job]


async def test_a_press_that_is_refused_is_answered_visibly(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room, "/stylize starrynight strength=100")
        await tab.press(data_of(done, "stronger"))
        answer = await room.entry("answer")
    assert (answer["refused"], answer["quiet"], answer["job"]) == (True, False, None)
    assert "strength=100 already" in answer["text"]


async def test_a_second_press_right_after_the_first_is_not_a_second_picture(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        for _ in range(2):
            await tab.press(data_of(done, "again"))
        assert (await room.entry("answer"))["job"]
        second = await room.entry("answer")
    assert (second["quiet"], second["job"]) == (True, None)


async def test_delete_takes_the_picture_out_of_the_journal_and_of_every_page(tab: Tab, at: Site) -> None:
    async with tab.listening() as room, tab.listening() as other:
        done = await painted(tab, at, room)
        last = room.last
        await tab.press(data_of(done, "delete"))
        for page in (room, other):
            deleted = await page.entry("deleted")
            assert deleted["job"] == done["job"]
        assert room.last > last
    assert await at.store.job(done["job"]) is None
    assert await at.store.result(done["job"]) is None
    assert (await tab.get(f"/blob/{done['picture']}"))[0] == 404
    assert (await tab.get(f"/blob/{done['photo']}"))[0] == 200, "the photo is a message of its own"
    assert [entry["type"] for entry in await tab.entries()] == ["photo", "said", "deleted"]
    async with tab.listening(last) as reconnected:
        events = await reconnected.backlog()
    assert [event["entry"]["type"] for event in events] == ["deleted"]


async def test_what_was_answered_before_its_picture_was_deleted_is_not_answered_again(tab: Tab, at: Site) -> None:
    message = msgspec.json.encode({"id": "samemessage1", "text": LINE, "photo": await tab.photo()})
    async with tab.listening() as room:
        await tab.post("/say", message)
        done = await delivered(at, room)
        id = new_id()
        await tab.press(data_of(done, "delete"), id)
        await tab.press(data_of(done, "delete"), id)
        await tab.post("/say", message)
    assert [entry["type"] for entry in await tab.entries()] == ["photo", "said", "deleted"]
    assert at.engine.orders.empty()


async def test_a_deletion_that_was_interrupted_is_finished_by_the_next_press(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        await at.store.delete(done["job"])
        await tab.press(data_of(done, "delete"))
        await room.entry("deleted")
    assert (await tab.get(f"/blob/{done['picture']}"))[0] == 404


async def test_a_picture_that_is_not_finished_is_not_deleted(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        await tab.say(LINE, await tab.photo())
        job = (await room.entry("answer"))["job"]
        await tab.press(f"{job}:d")
        answer = await room.entry("answer")
    assert answer["refused"]
    assert f"/cancel {job}" in answer["text"]
    assert await at.store.job(job)


async def test_the_buttons_of_a_deleted_picture_say_that_it_is_no_longer_kept(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        await at.store.delete(done["job"])
        await tab.press(data_of(done, "again"))
        answer = await room.entry("answer")
    assert answer["refused"]
    assert "no longer kept" in answer["text"]


@pytest.mark.parametrize("action", ["again", "stronger", "delete"])
async def test_a_picture_of_another_room_is_refused(tab: Tab, at: Site, session: ClientSession, action: str) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
    other = Tab(session, at)
    await other.press(data_of(done, action))
    (answer,) = await other.entries()
    assert (answer["type"], answer["refused"], answer["job"]) == ("answer", True, None)
    assert await at.store.job(done["job"])
    assert (await tab.get(f"/blob/{done['picture']}"))[0] == 200
    assert at.engine.orders.empty()


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b'{"id": "a b", "data": "x:a"}', 400), (b'{"id": "longenough"}', 400)]
)
async def test_broken_presses_are_refused(tab: Tab, body: bytes, status: int) -> None:
    assert (await tab.post("/press", body))[0] == status


@pytest.mark.parametrize("data", ["", ":", "x", "abcdefgh:q", "abcdefgh:" + "d" * 99])
async def test_a_button_that_is_unknown_is_answered_with_a_sentence(tab: Tab, data: str) -> None:
    assert await tab.press(data) == (200, {})
    (answer,) = await tab.entries()
    assert answer["refused"]


async def test_a_press_from_another_sites_page_is_turned_away(tab: Tab) -> None:
    assert (await tab.post("/press", b"{}", headers={"Origin": "http://evil.example"}))[0] == 403


# --- pictures of version 0.1.0 ---------------------------------------------------------------------------------------


def without_buttons(done: dict[str, Any], **changes: Any) -> bytes:
    """The entry as version 0.1.0 wrote it."""
    old = {name: value for name, value in done.items() if name != "buttons"}
    return msgspec.json.encode(old | changes)


async def test_a_picture_that_was_written_without_buttons_gets_them_from_its_job(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        await at.store.append(room_of(tab.secret), without_buttons(done))
        await at.store.append(room_of(tab.secret), without_buttons(done, job="longgone"))
    *_, old, lost = await tab.entries()
    assert old["buttons"] == done["buttons"]
    assert lost["buttons"] == []


# --- what is kept, and for how long ----------------------------------------------------------------------------------


async def test_a_room_forgets_its_pictures_only_when_nothing_of_it_is_unfinished(tab: Tab, at: Site) -> None:
    async with tab.listening() as room:
        done = await painted(tab, at, room)
        await tab.press(data_of(done, "again"))
        paint = await at.engine.order()
        later = (await at.store.job(done["job"])).created + 1e6  # type: ignore[union-attr]
        await at.store.prune(later)
        assert await at.store.job(done["job"]) is None
        assert [entry["type"] for entry in await tab.entries()] == ["photo", "said", "answer", "finished", "answer"]
        at.engine.does(wire.Failed(paint.job, "refused", "This photo cannot be read."))
        await room.entry("told")

    async def forgotten() -> bool:
        await at.store.prune(later)
        return await tab.entries() == []

    await eventually(forgotten)
