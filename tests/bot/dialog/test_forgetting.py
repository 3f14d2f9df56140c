"""/forgetme: what is kept of a person, and its deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.core.jobs import State
from bot.core.messages import Text
from bot.engine_process.command import worker_command
from bot.engine_process.pool import Pool
from bot.engine_process.supervisor import Supervisor, Timings
from engine import wire
from tests.harness import Bot, ChatDouble, EngineDouble, as_the_power_fails, assembled, at_work, bot, waits
from tests.pictures import picture
from tests.waiting import PATIENCE


def _on_disk(journal: Path) -> bytes:
    """All that lies in the journal, and in the pictures' folder beside it."""
    found = (path for name in journal.parent.glob(f"{journal.name}*") for path in (name, *name.rglob("*")))
    return b"".join(path.read_bytes() for path in found if path.is_file())


async def _delivered(it: Bot, user: str, photo: bytes) -> str:
    job = await it.order(user=user, photo=photo)
    await it.until_state(job.id, State.DELIVERED)
    return job.id


async def test_first_it_says_what_is_kept() -> None:
    async with bot() as it:
        assert (await it.say("/forgetme")).text == "I keep nothing about you."
        job = await _delivered(it, "ann", b"cat")
        text = (await it.say("/forgetme")).text
        assert text.startswith("I keep 1 order with photos and pictures, ")
        assert "/forgetme yes" in text
        assert await it.store.photo(job) == b"cat"


async def test_then_all_of_ones_own_is_deleted_and_nothing_of_others(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with bot(path=journal) as it:
        mine = await _delivered(it, "ann", b"the cat of ann" * 50)
        others = await _delivered(it, "bob", b"the dog of bob" * 50)
        reply = await it.say("/forgetme yes")
        assert isinstance(reply, Text)
        assert reply.text.startswith("Deleted for good: 1 order with photos and pictures, ")
        assert await it.store.job(mine) is None
        assert await it.store.result(mine) is None
        assert await it.store.photo(others) is not None
        assert (await it.say("/again")).text.startswith("You have no order to repeat")
        await it.store.prune(0.0)  # as is done every few minutes: what was overwritten leaves the write-ahead log too
        left = _on_disk(as_the_power_fails(journal, tmp_path / "copy"))
    assert b"the cat of ann" not in left
    assert b"the dog of bob" in left


async def test_what_waits_is_cancelled_first() -> None:
    async with bot(waits) as it:
        job = await it.order()
        await it.engine.started(job.id)
        assert "1 order" in (await it.say("/forgetme yes")).text
        assert it.chat.notified == [(job.id, "Cancelled, as you asked.")]
        assert await it.store.job(job.id) is None


class Watched(Supervisor):
    """A supervisor whose engine's beats can be waited for."""

    def __init__(self, *command: str) -> None:
        super().__init__(command, timings=Timings(load_seconds=PATIENCE, hang_seconds=PATIENCE))
        self._beats: asyncio.Queue[int] = asyncio.Queue()

    def _on_event(self, event: wire.Event) -> None:
        super()._on_event(event)
        if isinstance(event, wire.Beat):
            self._beats.put_nowait(event.kept)

    async def until_kept(self, true: Callable[[int], bool]) -> None:
        """Until this is so of the bytes that it keeps of finished pictures."""
        async with asyncio.timeout(PATIENCE):
            while not true(await self._beats.get()):
                pass


async def test_an_engine_lets_go_of_the_fine_pictures_that_it_keeps_for_who_wants_more_of_them(tmp_path: Path) -> None:
    member = Watched(*worker_command(wire.EngineSettings(device="cpu", threads=1, cache=tmp_path)))
    async with Pool([member]) as engine, assembled(engine) as services:
        services.studio.add_chat(ChatDouble())
        async with at_work(services):
            it = Bot(services, EngineDouble(), ChatDouble())
            job = await it.order("/stylize starrynight mode=fine steps=2 size=64", photo=picture())
            await it.until_state(job.id, State.DELIVERED)
            await member.until_kept(lambda size: size > 0)
            await it.say("/forgetme yes")
            await member.until_kept(lambda size: size == 0)
