"""A finished picture, made to fit a platform's upload limit."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

from bot.errors import Breakage
from bot.supervisor import clean_environment

SECONDS = 60.0


async def fit(picture: bytes, limit: int) -> bytes:
    """The picture itself where it has at most ``limit`` bytes, or else a JPEG of it that has.

    Raises:
        Breakage: it cannot be made so small.
    """
    if len(picture) <= limit:
        return picture
    command = (sys.executable, "-m", "engine.shrink", str(limit))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=clean_environment(os.environ)
    )
    try:
        async with asyncio.timeout(SECONDS):
            small, trouble = await process.communicate(picture)
    except TimeoutError:
        raise Breakage("Making the picture small enough took too long.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = trouble.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Breakage(f"I cannot make the picture small enough: {''.join(last)}")
    return small
