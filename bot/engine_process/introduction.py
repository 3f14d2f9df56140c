"""An engine process that is started once, to hear what it says of itself."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress

from bot.engine_process.command import clean_environment
from engine import wire


async def introduce(command: Sequence[str], seconds: float) -> tuple[wire.Ready | None, str]:
    """What it says of itself, within so many seconds, or nothing and the last line of its log."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=clean_environment(os.environ)
        )
    except OSError as error:
        return None, f"{command[0]}: {error.strerror}"
    assert process.stdin
    assert process.stdout
    assert process.stderr
    # Read beside it, for a full pipe would hold the engine up.
    words = asyncio.create_task(process.stderr.read())
    ready: wire.Event | None = None
    last = f"nothing for {seconds:g} s (engine.load_seconds)"
    try:
        async with asyncio.timeout(seconds):
            ready = await wire.read_event(process.stdout)
    except TimeoutError:
        pass
    except (asyncio.IncompleteReadError, wire.WireError):
        last = ""
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        lines = (await words).decode("utf-8", "replace").strip().splitlines()
    return (ready if isinstance(ready, wire.Ready) else None), last or (lines[-1] if lines else "none")
