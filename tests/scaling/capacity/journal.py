"""How many jobs a second the journal takes from order to delivery, on this disk, with the journal's own code."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import msgspec

from bot.core.jobs import Job, Place, State
from bot.core.journal.store import Store
from engine import gallery, recipe


class Pace(msgspec.Struct, frozen=True):
    jobs: int
    at_once: int
    per_second: float
    processor: float  # seconds of it for a job, both threads together
    megabytes: float  # written a second, pictures only


async def measure(jobs: int, at_once: int, folder: Path, *, photo: int, picture: int) -> Pace:
    """Every job is written down, begun, finished, read once and delivered, as the studio does it."""
    styles = gallery.default()
    complete = recipe.complete(recipe.parse("starrynight", styles), styles, size=512, seed=1, encoder="slim")
    draw = random.Random(1)
    data = draw.randbytes(max(photo, picture))  # of which each job makes pictures of its own
    turns = iter(range(jobs))

    async with Store.open(folder / "journal.sqlite3") as store:

        async def one_after_the_other() -> None:
            for turn in turns:
                id = f"job{turn:06}"
                own = turn.to_bytes(8, "big")
                job = Job(id=id, user=f"{turn}", created=time.time(), place=Place("web", "r"), recipe=complete, cost=1)
                await store.add(job, b"photo" + own + data[:photo])
                await store.photo(id)
                await store.move(id, State.PAINTING)
                finished = b"picture" + own + data[:picture]
                await store.finish(id, finished, recipe=complete, width=512, height=384, seconds=0.3)
                await store.result(id)
                await store.move(id, State.DELIVERED)

        began, spent = time.perf_counter(), time.process_time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(one_after_the_other())
        seconds = time.perf_counter() - began
        spent = time.process_time() - spent
    return Pace(jobs, at_once, jobs / seconds, spent / jobs, jobs * (photo + picture) / seconds / 1e6)
