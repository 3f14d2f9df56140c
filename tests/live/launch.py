"""The bot as its operator starts it, but for what a proof must change: Discord's address, the painter, a watch.

``python -m tests.live.launch OPTIONS`` with `Options` as JSON. Everything else stands in the environment, as ever.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import discord
import msgspec
import yarl

from bot import app
from bot.command_line import main as program


class Options(msgspec.Struct, frozen=True):
    """What is different from an operator's bot."""

    discord: str = ""  # where Discord is, as discord.py has no setting for it
    engine: tuple[str, ...] = ()  # command of the engine process, instead of the real one's
    watch: str = ""  # file for what held the event loop up


HELD_SECONDS = 0.02  # steps of the loop that took so long are written down


def main() -> int:
    options = msgspec.json.decode(sys.argv[1], type=Options)
    if options.discord:
        discord.http.Route.BASE = f"{options.discord}/api/v10"
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{options.discord.replace('http', 'ws')}/gateway")
        discord.asset.Asset.BASE = options.discord
    if options.engine:
        setattr(app, "worker_command", lambda settings: list(options.engine))  # noqa: B010
    if options.watch:
        _watch_from_ready_on(Path(options.watch))
    return program.main([])


def _watch_from_ready_on(file: Path) -> None:
    """Until then the libraries of the chats are imported, and nobody is kept waiting."""
    say_ready = program.say_ready

    def ready(url: str) -> None:
        say_ready(url)
        _watch(file)

    program.say_ready = ready


def _watch(file: Path) -> None:
    """Write down every step of the event loop that takes long: the seconds by the clock, those of them in which the
    machine let other programs run, and what it was, with the share of Python's collector of garbage."""
    step: Callable[[Any], None] = asyncio.events.Handle._run
    out = file.open("a", buffering=1)
    statistics = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def waited() -> float:
        """Seconds that this thread was ready to run and was not let."""
        return int(os.pread(statistics, 64, 0).split()[1]) / 1e9

    collecting = since = 0.0  # seconds, of the step

    def collector(phase: str, info: dict[str, int]) -> None:
        nonlocal collecting, since
        if phase == "start":
            since = time.perf_counter()
        else:
            collecting += time.perf_counter() - since

    def watched(handle: asyncio.Handle) -> None:
        nonlocal collecting
        began, before, collecting = time.perf_counter(), waited(), 0.0
        step(handle)
        took = time.perf_counter() - began
        if took > HELD_SECONDS:
            what = f"{1000 * collecting:.0f} ms of garbage, {_described(handle)}"
            out.write(f"{took:.4f}\t{waited() - before:.4f}\t{what}\n")

    gc.callbacks.append(collector)
    asyncio.events.Handle._run = watched  # type: ignore[assignment,method-assign]


def _described(handle: asyncio.Handle) -> str:
    """What a step belongs to: of a task the coroutines that await each other, as they stand after it."""
    task = getattr(getattr(handle, "_callback", None), "__self__", None)
    if not isinstance(task, asyncio.Task):
        return repr(handle)
    names: list[str] = [task.get_name()]
    waiting: Any = task.get_coro()
    while (name := getattr(waiting, "__qualname__", None)) and len(names) < 12:
        names.append(name)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return " > ".join(names)


if __name__ == "__main__":
    sys.exit(main())
