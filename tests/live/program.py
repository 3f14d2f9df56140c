"""The bot as a process of its own: started, watched, hit by signals, started again with the journal that it left."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from tests.fakes.discord.world import TOKEN as DISCORD_TOKEN
from tests.fakes.telegram.state import TOKEN as TELEGRAM_TOKEN
from tests.live.launch import Options
from tests.waiting import Board

ROOT = Path(__file__).parents[2]
START_SECONDS = 300.0  # for bot and engine, on a machine that may be busy with other things
LINES = 20_000  # of its output that are kept
# Nobody in a proof is to be refused for ordering much.
ENDLESS = {
    **{"IMPASTO_LIMITS_OPEN_JOBS": "100000", "IMPASTO_LIMITS_PER_MINUTE": "1000000"},
    **{
        "IMPASTO_LIMITS_BURST": "1000000",
        "IMPASTO_LIMITS_ENGINE_MINUTES": "1000000",
        "IMPASTO_LIMITS_QUEUE": "100000",
    },
}


class Program(Board):
    """The bot with its page and, where their addresses are given, Telegram and Discord.

    Args:
        folder: where its journal and its home are.
        settings: more of its environment.
        port: of its page; a free one where none is given.
    """

    def __init__(
        self,
        folder: Path,
        options: Options,
        *,
        telegram: str = "",
        settings: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        super().__init__()
        self.options = options
        self.patience = START_SECONDS
        self.lines: deque[str] = deque(maxlen=LINES)
        self.journal = folder / "journal.sqlite3"
        self.url = f"http://127.0.0.1:{port or free_port()}/"
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.ready = False
        ours = {name: value for name, value in os.environ.items() if not name.startswith("IMPASTO_")}
        self._environ = ours | {
            **{"PYTHONPATH": str(ROOT), "HOME": str(folder), "IMPASTO_STORE_PATH": str(self.journal)},
            **{"IMPASTO_WEB_PORT": self.url.rstrip("/").rpartition(":")[2]},
            **{"IMPASTO_ENGINE_DEVICE": "cpu", "IMPASTO_ENGINE_THREADS": "1", "IMPASTO_ENGINE_LOAD_SECONDS": "300"},
            **({"IMPASTO_TELEGRAM_TOKEN": TELEGRAM_TOKEN, "IMPASTO_TELEGRAM_API_URL": telegram} if telegram else {}),
            **({"IMPASTO_DISCORD_TOKEN": DISCORD_TOKEN} if options.discord else {}),
            **ENDLESS,
            **(settings or {}),
        }

    def seen(self) -> str:
        return "Its last words:\n" + "\n".join(list(self.lines)[-30:])

    # --- its life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Return when the process is there; `until_ready` waits for more."""
        self.ready = False
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.live.launch", msgspec.json.encode(self.options).decode()),
            cwd=ROOT,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def until_ready(self) -> None:
        """Return when its page can be opened; raises AssertionError with its last words where it ends instead."""
        await self.until(lambda: self.ready or self.gone)
        assert self.ready, f"it did not start. {self.seen()}"

    async def until_gone(self, seconds: float) -> int | None:
        """Its exit code, or None where it is still there after ``seconds``."""
        assert self._process
        assert self._reading
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
                await asyncio.wait({self._reading}, timeout=1.0)  # a grandchild may hold the pipe a moment longer
        return self._process.returncode

    async def stop(self, seconds: float = 30.0) -> int | None:
        """As an operator does; returns the exit code, None where it had to be killed."""
        self.hit(signal.SIGTERM)
        code = await self.until_gone(seconds)
        if code is None:
            self.hit(signal.SIGKILL)
            await self.until_gone(seconds)
        return code

    @property
    def gone(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def hit(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def hit_engine(self, number: signal.Signals) -> int | None:
        """The engine's process that was hit, if there was one."""
        pid = self.engine_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        while line := await process.stdout.readline():
            text = line.decode("utf-8", "replace").rstrip()
            self.lines.append(text)
            self.ready |= text.startswith("Impasto is ready")
            self.notice()
        await process.wait()
        self.notice()

    # --- its processes -----------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def engine_pid(self) -> int | None:
        """The engine that it has now; thumbnails and the like are processes of its, too."""
        with suppress(OSError):
            children = [
                int(child)
                for thread in Path(f"/proc/{self.pid}/task").iterdir()
                for child in (thread / "children").read_text().split()
            ]
            for pid in children:
                with suppress(OSError):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    if b"engine.worker" in words or b"tests.live.tiny_engine" in words:
                        return pid
        return None


def memory(pid: int, field: str = "VmRSS") -> float:
    """MB that a process has in memory (VmRSS), or had at most (VmHWM); 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1000
    return 0.0


def tiny_engine(seconds: float, *files: Path) -> tuple[str, ...]:
    """The command of an engine that paints quickly, see `tests.live.tiny_engine`."""
    return (sys.executable, "-P", "-m", "tests.live.tiny_engine", str(seconds), *map(str, files))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
