"""The real engine process under a studio, and what may not stop either."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bot.core.limits import Limits
from bot.core.studio import Studio
from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor, Timings
from engine import gallery, recipe, wire
from tests.engine.fixtures_images import bad_files
from tests.harness import ChatDouble, assembled, at_work, message


def photo() -> bytes:
    data = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 64)).save(data, "JPEG")
    return data.getvalue()


class Bot(NamedTuple):
    """A studio with a real engine, and a chat that keeps what it is handed."""

    studio: Studio
    engine: Supervisor
    chat: ChatDouble
    happened: list[str]  # to the engine's processes

    async def order(self, picture: bytes, line: str = "starrynight size=64 steps=2 seed=1") -> str:
        job = await self.studio.accept(message(photo=picture), recipe.parse(line, gallery.default()))
        return job.id


@asynccontextmanager
async def real_bot(tmp_path: Path) -> AsyncIterator[Bot]:
    command = worker_command(wire.EngineSettings(threads=1, cache=tmp_path))
    limits, chat, happened = Limits(open_jobs=100, burst=100), ChatDouble(), list[str]()
    timings = Timings(load_seconds=300, hang_seconds=300)
    async with (
        Supervisor(command, timings=timings, observer=happened.append) as engine,
        assembled(engine, path=tmp_path / "journal.sqlite3", limits=limits) as services,
    ):
        services.studio.add_chat(chat)
        async with at_work(services):
            yield Bot(services.studio, engine, chat, happened)


async def test_every_bad_file_gets_a_clear_answer_and_the_next_photo_is_painted(tmp_path: Path) -> None:
    bad = bad_files()
    assert len(bad) >= 20
    async with real_bot(tmp_path) as bot:
        jobs = {await bot.order(data): name for name, data in bad.items()}
        good = await bot.order(photo())
        async with asyncio.timeout(240):
            await bot.chat.answered(*jobs, good)
        for job, name in jobs.items():
            (text,) = [text for id, text in bot.chat.notified if id == job]
            assert text.endswith("."), (name, text)
            assert len(text) < 300, (name, text)
            assert not any(word in text for word in ("Traceback", "Error", "went wrong")), (name, text)
        assert [job for job, _ in bot.chat.delivered] == [good]
        assert bot.happened == ["started", "ready"]


async def test_an_engine_killed_in_mid_job_costs_the_person_nothing(tmp_path: Path) -> None:
    async with real_bot(tmp_path) as bot:
        job = await bot.order(photo(), "starrynight size=64 steps=30 seed=1")
        async with asyncio.timeout(240):
            await bot.chat.until(lambda: any(text.startswith("step ") for text in bot.chat.texts(job)))
            assert bot.engine.pid is not None
            os.kill(bot.engine.pid, signal.SIGKILL)
            await bot.chat.answered(job)
        ((_, result),) = bot.chat.delivered
        assert result.picture.startswith(b"\x89PNG")
        assert bot.happened.count("started") == 2
        assert "The engine failed; trying again." in bot.chat.texts(job)
