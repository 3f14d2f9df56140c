"""What somebody at the chat page waits for, from photo in to picture out: ``python -m tests.bench``.

Impasto is started as its users start it and spoken to over HTTP as the page does. Every round is a new tab: it sends
the photo, orders, waits for the picture and fetches it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import msgspec
from aiohttp import ClientSession, ClientWebSocketResponse
from PIL import Image
from rich.console import Console
from rich.table import Table

from bot.engine_process.command import clean_environment
from engine.recipe import MODES

ROOT = Path(__file__).parent.parent
WARM_UP = 2  # rounds that do not count
START_SECONDS = 300.0  # for the engine to load, on a busy machine
STOP_SECONDS = 20.0
ROUND_SECONDS = 1800.0


class Round(NamedTuple):
    """One picture's way, in seconds; together they are the whole of it."""

    upload: float  # until the photo is on disk
    engine: float  # as the entry says it
    around: float
    fetch: float


PARTS = ("the photo up, and on disk", "the engine", "order, journal, pipes, events", "the picture down")


@asynccontextmanager
async def impasto(folder: Path) -> AsyncIterator[str]:
    """A bot at work, its engine loaded, without the user's configuration and journal; yields the page's address."""
    (folder / "config.toml").touch()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")} | {
        "IMPASTO_CONFIG": str(folder / "config.toml"),
        "IMPASTO_STORE_PATH": str(folder / "journal.sqlite3"),
        "IMPASTO_WEB_PORT": "0",
        "IMPASTO_LIMITS_MAX_SIZE": "4096",
        "IMPASTO_LIMITS_MAX_PHOTO_MB": "60",
        "IMPASTO_LOG_LEVEL": "warning",
    }
    bot = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", cwd=ROOT, env=environ, stdout=PIPE)
    try:
        yield await up(bot)
    finally:
        with suppress(ProcessLookupError):
            bot.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await bot.wait()
        if bot.returncode is None:
            bot.kill()


async def up(bot: Process) -> str:
    """The page's address, once everything is ready."""
    try:
        async with asyncio.timeout(START_SECONDS):
            url = await address(bot)
            await until_ready(url)
            return url
    except TimeoutError:
        raise SystemExit(f"Impasto was not ready within {START_SECONDS:.0f} s.") from None


async def address(bot: Process) -> str:
    """Where the page is, as the bot says."""
    assert bot.stdout
    async for line in bot.stdout:
        if found := re.search(r"http://\S+", line.decode()):
            return found[0]
    raise SystemExit("Impasto did not start; the reason is above.")


async def until_ready(url: str) -> None:
    async with ClientSession(url) as session:
        while True:
            async with session.get("/health") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


class Tab:
    """A page in a room of its own."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._room = f"/r/{os.urandom(18).hex()}"

    async def paint(self, photo: bytes, line: str) -> tuple[Round, bytes]:
        """Order one picture: how long everything took, and the PNG."""
        async with self._session.ws_connect(f"{self._room}/events") as ws:
            begin = time.perf_counter()
            blob = (await self._post(f"/photo?id={os.urandom(8).hex()}", photo))["photo"]
            uploaded = time.perf_counter()
            say = msgspec.json.encode({"id": os.urandom(8).hex(), "text": line, "photo": blob})
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._post("/say", say))  # the picture may be there before this is answered
                entry = await _finished(ws)
                finished = time.perf_counter()
                picture = await self._get(f"/blob/{entry['picture']}")
                end = time.perf_counter()
        return Round(
            uploaded - begin, entry["seconds"], finished - uploaded - entry["seconds"], end - finished
        ), picture

    async def _get(self, path: str) -> bytes:
        async with self._session.get(self._room + path, raise_for_status=True) as answer:
            return await answer.read()

    async def _post(self, path: str, body: bytes) -> Any:
        async with self._session.post(self._room + path, data=body) as answer:
            content = await answer.json()
            if answer.status != 200:
                raise SystemExit(content["error"])
            return content


async def _finished(ws: ClientWebSocketResponse) -> dict[str, Any]:
    """The entry of the picture, once the room has it."""
    async for message in ws:
        entry = message.json().get("entry", {})
        if entry.get("type") == "finished":
            return entry
        if entry.get("refused") or entry.get("type") == "told":
            raise SystemExit(entry["text"])
    raise SystemExit("The connection to the room was lost.")


async def rounds(photo: bytes, line: str, count: int) -> list[Round]:
    """How long each of ``count`` pictures took, after the first few that do not count."""
    found = []
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as folder:
        async with impasto(Path(folder)) as url, ClientSession(url) as session:
            for _ in range(WARM_UP + count):
                async with asyncio.timeout(ROUND_SECONDS):
                    took, picture = await Tab(session).paint(photo, line)
                found.append(took)
    with Image.open(io.BytesIO(picture)) as image:
        Console().print(f"{line}: {image.width} x {image.height}, {len(picture) / 1000:.0f} kB of PNG")
    return found[WARM_UP:]


def table(found: Sequence[Round]) -> Table:
    """Medians and 90th percentiles, in seconds."""
    shown = Table("from photo in to picture out", "median", "90 %", title=f"seconds, of {len(found)} pictures")

    def row(name: str, seconds: Sequence[float]) -> None:
        shown.add_row(name, f"{median(seconds):.3f}", f"{quantiles(seconds, n=10, method='inclusive')[-1]:.3f}")

    row("the whole", [sum(took) for took in found])
    for name, seconds in zip(PARTS, zip(*found, strict=True), strict=True):
        row(f"  {name}", seconds)
    row("all but the engine", [sum(took) - took.engine for took in found])
    return shown


def split_engine(photo: bytes, size: int) -> None:
    """Print what the engine's seconds of a fast picture are spent on: alone, and in the engine's environment."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(photo)
        file.flush()
        command = [
            sys.executable,
            "-m",
            "engine.train",
            "bench",
            "--only",
            "parts",
            "--photo",
            file.name,
            "--sizes",
            str(size),
        ]
        subprocess.run(command, cwd=ROOT, env=clean_environment(os.environ), check=True)


def astronaut() -> bytes:
    """A photo, 512 x 512 as JPEG."""
    from skimage import data  # of the test extra, and not needed where a photo is given

    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", quality=90)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--photo", type=Path, help="file to paint; else scikit-image's astronaut")
    parser.add_argument("--style", default="starrynight")
    parser.add_argument("--mode", choices=MODES, default="fast")
    parser.add_argument("--size", type=int, default=512, help="long side in pixels")
    parser.add_argument("--rounds", type=int, default=15, help="at least 2")
    args = parser.parse_args()
    photo = args.photo.read_bytes() if args.photo else astronaut()
    line = f"/stylize {args.style} mode={args.mode} size={args.size}"
    Console().print(table(asyncio.run(rounds(photo, line, args.rounds))))
    if args.mode == "fast":
        split_engine(photo, args.size)


if __name__ == "__main__":
    main()
