"""An engine process as the system has it: waiting for it, ending it, its log."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from engine import wire

PIPE_BYTES = 2**20  # of each pipe, instead of 64 KB: a picture takes as many turns of two processes fewer

T = TypeVar("T")
log = logging.getLogger("impasto.engine")


async def start(command: Sequence[str], env: Mapping[str, str]) -> Process:
    """A process that we speak with over wide pipes; raises OSError."""
    # Made here, for up to Python 3.11 asyncio makes a pair of sockets of it, which hold a fifth of that.
    its_end, ours = os.pipe()
    _widen(ours)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=its_end, stdout=PIPE, stderr=PIPE, env=env, limit=PIPE_BYTES
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(its_end)
    loop = asyncio.get_running_loop()
    writing, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(ours, "wb"))
    process.stdin = asyncio.StreamWriter(writing, protocol, None, loop)
    assert process.stdout
    reading = process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
    _widen(reading.get_extra_info("pipe").fileno())
    return process


def _widen(pipe: int) -> None:
    with suppress(OSError):  # more than a user may have
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


async def uncancelled(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """The result of ``work``, however often the caller is cancelled meanwhile; and whether it was."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled


async def wait_for_exit(process: Process, seconds: float) -> bool:
    """Wait for the end of ``process``; what it still says is thrown away, for a full pipe would hold it up."""
    assert process.stdout
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await process.stdout.read(2**20):
                pass
            await process.wait()
    return process.returncode is not None


async def keep_log(process: Process) -> None:
    """The engine's stderr into our log, at the level that a line begins with; what follows it keeps that level."""
    assert process.stderr
    levels = logging.getLevelNamesMapping()
    level = logging.INFO
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line longer than the buffer, dropped by the reader
            continue
        if not line:
            return
        text = line.decode("utf-8", "backslashreplace").rstrip()
        name, _, rest = text.partition(" ")
        if name in levels:
            level, text = levels[name], rest
        if text:
            log.log(level, "%s", text)


async def shut_down(
    process: Process, log: asyncio.Task[None] | None, *, stop_seconds: float, terminate_seconds: float
) -> None:
    """See the process to its end: asked first if it has ``stop_seconds`` for that, then told, then killed."""
    assert process.stdin
    if stop_seconds and not process.stdin.is_closing():
        process.stdin.write(wire.encode(wire.Stop()))
    process.stdin.close()
    if stop_seconds and not await wait_for_exit(process, stop_seconds):
        with suppress(ProcessLookupError):
            process.terminate()
        await wait_for_exit(process, terminate_seconds)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await wait_for_exit(process, terminate_seconds)
    if log:
        # The last words matter most; but a grandchild could hold the pipe open for ever.
        await asyncio.wait({log}, timeout=terminate_seconds)
        log.cancel()
