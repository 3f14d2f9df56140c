"""The real engine process under a studio, and what may not stop either."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from PIL import Image

from bot.core.journal.store import Store
from bot.core.limits import Limits
from bot.core.queue import FairQueue
from bot.core.studio import Studio
from bot.engine_process.supervisor import Supervisor, Timings, worker_command
from engine import gallery, recipe
from tests.engine.fixtures_images import bad_files
from tests.harness import BRISK, ChatDouble, message


def photo() -> bytes:
    data = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(data, "JPEG")
    return data.getvalue()


class House:
    """A studio with a real engine, and a chat that keeps what it is handed."""

    def __init__(self, studio: Studio, engine: Supervisor, chat: ChatDouble) -> None:
        self.studio, self.engine, self.chat = studio, engine, chat

    async def order(self, picture: bytes, line: str = "starrynight size=64 steps=2 seed=1") -> str:
        job = await self.studio.accept(message("", photo=picture), recipe.parse(line, gallery.default()))
        return job.id


@asynccontextmanager
async def open_house(tmp_path: Path) -> AsyncIterator[House]:
    chat, limits = ChatDouble(), Limits(open_jobs=100, burst=100)
    timings = Timings(load_seconds=300, hang_seconds=300)
    async with (
        Store.open(tmp_path / "journal.sqlite3") as store,
        Supervisor(worker_command(threads=1, cache=tmp_path), timings=timings) as engine,
    ):
        studio = Studio(store, engine, FairQueue(capacity=100), limits, gallery.default(), pace=BRISK)
        studio.add_chat(chat)
        running = asyncio.create_task(studio.run())
        try:
            yield House(studio, engine, chat)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_every_bad_file_gets_a_clear_answer_and_the_next_photo_is_painted(tmp_path: Path) -> None:
    bad = bad_files()
    assert len(bad) >= 20
    async with open_house(tmp_path) as house:
        jobs = {await house.order(data): name for name, data in bad.items()}
        good = await house.order(photo())
        async with asyncio.timeout(240):
            await house.chat.answered(*jobs, good)
        for job, name in jobs.items():
            (told,) = [text for id, text in house.chat.told if id == job]
            assert told.endswith("."), (name, told)
            assert len(told) < 300, (name, told)
            assert not any(word in told for word in ("Traceback", "Error", "went wrong")), (name, told)
        assert [job for job, _ in house.chat.delivered] == [good]
        assert house.engine.restarts == 0


async def test_an_engine_killed_in_mid_job_costs_the_person_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job = await house.order(photo(), "starrynight size=96 steps=150 seed=1")
        async with asyncio.timeout(240):
            await house.chat.until(lambda: any(text.startswith("step ") for text in house.chat.texts(job)))
            assert house.engine.pid is not None
            os.kill(house.engine.pid, signal.SIGKILL)
            await house.chat.answered(job)
        ((_, result),) = house.chat.delivered
        assert result.picture.startswith(b"\x89PNG")
        assert house.engine.restarts == 1
        assert "The engine stumbled; trying once more." in house.chat.texts(job)
