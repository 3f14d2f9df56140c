"""Orders that come together share a commit, are acknowledged after it, and none of them costs another."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import LimitReached, StoreError
from bot.core.jobs import Job, Place, State
from bot.core.journal.store import Store
from bot.core.journal.sweep import Quota
from engine.recipe import Recipe, Share

MANY = 24


def job(id: str) -> Job:
    recipe = Recipe(styles=(Share("starrynight"),), seed=7)
    return Job(id=id, user=f"of {id}", created=time.time(), place=Place("web", "r"), recipe=recipe, cost=1)


def photo(id: str) -> bytes:
    return f"photo of {id}".encode() * 500


def files(folder: Path) -> int:
    return sum(1 for _ in (folder / "journal-pictures").iterdir())


class Statements:
    """What SQLite is told, and what had been acknowledged when it was told to commit."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.acknowledged: set[str] = set()
        self.at_commit: list[set[str]] = []

    def __call__(self, statement: str) -> None:
        self.said.append(statement)
        if statement == "COMMIT":
            self.at_commit.append(set(self.acknowledged))


async def test_orders_that_come_together_share_commits_and_are_acknowledged_after_theirs(tmp_path: Path) -> None:
    ids = [f"{number}" for number in range(MANY)]
    async with Store.open(tmp_path / "journal") as store:
        statements = Statements()
        await store._do(lambda db: db.set_trace_callback(statements))
        statements.at_commit.clear()

        async def order(id: str) -> None:
            await store.add(job(id), photo(id))
            statements.acknowledged.add(id)

        async with asyncio.TaskGroup() as people:
            for id in ids:
                people.create_task(order(id))
        assert len(statements.at_commit) < MANY / 2
        assert statements.at_commit[0] == set()
        assert statements.acknowledged == set(ids)
        for id in ids:
            assert await store.photo(id) == photo(id)


async def test_only_what_nobody_was_promised_is_not_waited_for(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        statements = Statements()
        await store._do(lambda db: db.set_trace_callback(statements))
        statements.at_commit.clear()

        async def synchronous(work: Any) -> str:
            statements.said.clear()
            await work
            [said] = [word for word in statements.said if "synchronous" in word]
            return said.rpartition(" ")[2]

        assert await synchronous(store.add(job("a"), b"photo")) == "FULL"
        assert await synchronous(store.move("a", State.PAINTING)) == "NORMAL"
        finished = store.finish("a", b"picture", recipe=job("a").recipe, width=1, height=1, seconds=1)
        assert await synchronous(finished) == "FULL"
        assert await synchronous(store.move("a", State.DELIVERED)) == "FULL"


async def test_an_order_that_is_refused_undoes_nothing_of_the_others_and_leaves_no_picture(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal", Quota(person=len(photo("1")))) as store:
        orders = [store.add(job(f"{number}"), photo(f"{number}")) for number in range(5)]
        refused = store.add(job("large"), b"x" * 10_000)
        *written, error = await asyncio.gather(*orders, refused, return_exceptions=True)
        assert isinstance(error, LimitReached)
        assert [one.id for one in written if isinstance(one, Job)] == ["0", "1", "2", "3", "4"]
        assert await store.job("large") is None
        assert files(tmp_path) == 5


async def test_two_orders_of_the_same_picture_of_which_one_is_refused_keep_it(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal", Quota(person=150)) as store:
        await store.add(job("full"), b"y" * 100)
        same = b"x" * 100
        again = Job(**{name: getattr(job("again"), name) for name in Job.__struct_fields__} | {"user": "of full"})
        kept, error = await asyncio.gather(store.add(job("a"), same), store.add(again, same), return_exceptions=True)
        assert isinstance(kept, Job)
        assert isinstance(error, LimitReached)
        assert await store.photo("a") == same
        assert files(tmp_path) == 2


async def test_work_that_the_journal_fails_at_costs_no_other_that_came_with_it(tmp_path: Path) -> None:
    def broken(db: sqlite3.Connection) -> None:
        db.execute("SELECT nothing FROM nowhere")

    async with Store.open(tmp_path / "journal") as store:
        orders = [store.add(job(f"{number}"), photo(f"{number}")) for number in range(5)]
        results = await asyncio.gather(store._do(broken), *orders, store._do(broken), return_exceptions=True)
        assert isinstance(results[0], StoreError)
        assert isinstance(results[-1], StoreError)
        assert [found.id for found in await store.unfinished()] == ["0", "1", "2", "3", "4"]


async def test_an_order_that_was_given_up_before_its_turn_is_not_written(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "journal") as store:
        writing = asyncio.create_task(store.add(job("a"), photo("a")))
        given_up = asyncio.create_task(store.add(job("b"), photo("b")))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait({writing, given_up})
        assert await store.job("a")
        assert await store.job("b") is None
    async with Store.open(tmp_path / "journal") as store:
        assert files(tmp_path) == 1


ORDERS = """
import asyncio, sys
from pathlib import Path
from bot.core.journal.store import Store
from bot.core.jobs import State
from tests.bot.core.test_writer import job, photo

async def main():
    async with Store.open(Path(sys.argv[1])) as store:
        async def orders(person):
            for number in range(10**6):
                id = f"{person}-{number}"
                await store.add(job(id), photo(id))
                print("accepted", id, flush=True)
                await store.move(id, State.PAINTING)
                await store.finish(id, photo("picture " + id), recipe=job(id).recipe, width=1, height=1, seconds=1)
                print("painted", id, flush=True)
        async with asyncio.TaskGroup() as people:
            for person in range(8):
                people.create_task(orders(person))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 10, 40])
async def test_whatever_was_acknowledged_is_there_after_the_bot_was_killed(
    tmp_path: Path, root: Path, acknowledged: int
) -> None:
    """With eight people at once, after so many answers: somewhere between two steps of all the others' orders."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORDERS, str(tmp_path / "journal")), cwd=root, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    lines = [await process.stdout.readline() for _ in range(acknowledged)]
    process.kill()
    lines += [line for line in (await process.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
    said = [line.decode().split() for line in lines]
    await process.wait()
    async with Store.open(tmp_path / "journal") as store:
        for word, id in said:
            assert await store.photo(id) == photo(id)
            assert word == "accepted" or await store.result(id) == photo("picture " + id)
        named = [found.id for found in await store.unfinished()]
        assert all([await store.photo(id) == photo(id) for id in named])
