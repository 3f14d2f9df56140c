"""A cluster that Impasto starts itself: the same pictures, nothing open to other machines, nothing left behind."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.core.engine import Engine
from bot.engine_process.command import worker_command
from bot.engine_process.supervisor import Supervisor
from bot.engine_ray import frames
from engine import gallery, wire
from engine.recipe import complete, parse
from tests.bot.engine_process.harness import ENDLESS
from tests.bot.engine_ray.harness import FAULTY, WatchedEngine, family, kill, until_ended, with_ray
from tests.pictures import patch

pytestmark = with_ray
SECRET = "12345:a-token-of-the-bot"
BOT = """
import asyncio, sys
from bot.engine_ray import frames
from bot.engine_ray.engine import RayEngine
from tests.bot.engine_process.harness import order

async def main():
    async with RayEngine(frames.Plan(command=tuple(sys.argv[1:]))) as engine:
        async for event in engine.run(order("patient", "job")):
            print("painting", flush=True)

asyncio.run(main())
"""


async def painted(engine: Engine, text: str = "starrynight mode=fast") -> wire.Done:
    recipe = complete(parse(text, gallery.default()), gallery.default(), size=64, seed=7)
    async with asyncio.timeout(ENDLESS):
        events = [event async for event in engine.run(wire.Paint("job", patch(), recipe, preview_seconds=0))]
    assert isinstance(events[-1], wire.Done), events[-1]
    return events[-1]


async def test_it_paints_the_same_picture_as_one_process_does_in_the_same_cage_and_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    settings = wire.EngineSettings(device="cpu", threads=1, cache=tmp_path)
    environ = {**os.environ, "IMPASTO_TELEGRAM_TOKEN": SECRET}
    plan = frames.Plan(engine=wire.encode_settings(settings))
    async with WatchedEngine(plan, environ=environ) as engine:
        there = await painted(engine)
        assert engine.ready
        cage = engine.ready.cage
        processes = family(engine.link)
        assert not any(SECRET.encode() in environment(pid) for pid in processes)
        open_to = {address for pid in processes for address in listens_at(pid)}
        assert open_to
        assert {address for address in open_to if not is_loopback(address)} == set()
    await until_ended(processes)
    async with Supervisor(worker_command(settings)) as process:
        here = await painted(process)
        assert process.ready
        assert process.ready.cage == cage
    assert there.picture == here.picture
    assert there.recipe == here.recipe


async def test_what_a_painter_keeps_of_finished_pictures_is_let_go_when_it_is_asked_to(tmp_path: Path) -> None:
    settings = wire.EngineSettings(device="cpu", threads=1, cache=tmp_path)
    async with WatchedEngine(frames.Plan(engine=wire.encode_settings(settings))) as engine:
        fine = "starrynight mode=fine steps=2"
        await painted(engine, fine)
        assert (await painted(engine, f"{fine} then=1")).went_on
        await engine.forget()
        assert not (await painted(engine, f"{fine} then=2")).went_on


def test_when_the_bot_is_killed_its_cluster_ends_with_it(root: Path) -> None:
    bot = subprocess.Popen([sys.executable, "-c", BOT, *FAULTY], cwd=root, stdout=subprocess.PIPE)
    assert bot.stdout
    with bot:
        assert bot.stdout.readline() == b"painting\n"
        processes = family(bot.pid)
        assert len(processes) > 5
        kill(bot.pid)
    asyncio.run(until_ended(processes))


def is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def listens_at(pid: int) -> Iterator[str]:
    """The addresses that a process takes TCP connections at."""
    mine = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            mine.add(os.readlink(link))
        except OSError:
            continue
    for family_, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in mine:
                words = bytes.fromhex(local.partition(":")[0])
                yield socket.inet_ntop(family_, b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4)))
