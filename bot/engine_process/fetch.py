"""Getting the full encoder ahead of time: a process of the engine's does it, and says how far it is."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress

from bot.core.errors import InternalError
from bot.engine_process import command
from engine import wire

SILENCE_SECONDS = 300.0  # between two frames; a cold disk takes a minute to load torch, and a slow one a whole VGG-19
STOP_SECONDS = 5.0  # from SIGTERM to SIGKILL
BROKEN = (
    "The process that fetches the full encoder failed; what it said is above. “impasto doctor” may find the cause."
)


async def fetch(settings: wire.EngineSettings, show: Callable[[float, str], None]) -> wire.Fetched:
    """Have the full encoder's weights in the cache; ``show`` is told the share that is done, and a few words.

    Cancelled, or failed, it leaves nothing behind.

    Raises:
        InternalError: they could not be had, and why.
    """
    process = await asyncio.create_subprocess_exec(
        *command.fetch_command(settings), stdin=DEVNULL, stdout=PIPE, env=command.fetching_environment(os.environ)
    )
    try:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                assert process.stdout
                event = await wire.read_event(process.stdout)
            match event:
                case wire.Progress():
                    show(event.done, event.text)
                case wire.Fetched():
                    return event
                case wire.Failed():
                    raise InternalError(event.message)
    except TimeoutError as error:
        raise InternalError(f"Nothing was heard of the full encoder for {SILENCE_SECONDS:.0f} s.") from error
    except (asyncio.IncompleteReadError, wire.WireError) as error:
        raise InternalError(BROKEN) from error
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    """It removes what is half written when it is asked to end."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.communicate()  # a full pipe would hold it up
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
