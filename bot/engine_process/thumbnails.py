"""Other files of pictures, for platforms that take only so much: made in a process of their own, since they decode."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from bot.engine_process.command import clean_environment
from engine import wire
from engine.gallery import Style

log = logging.getLogger(__name__)

SECONDS = 60.0


async def jpeg(picture: bytes, most: int) -> bytes | None:
    """The best JPEG with at most ``most`` bytes; None where there is none."""
    return await _made("thumbnails", "jpeg", str(most), given=picture)


async def small(picture: bytes, side: int) -> bytes | None:
    """A JPEG whose long side has at most so many pixels; of a clip its first frame."""
    return await _made("thumbnails", "small", str(side), given=picture)


async def exported(picture: bytes, kind: wire.PhotoFormat) -> bytes | None:
    """A finished picture as JPEG or WebP, of full size and with its recipe line."""
    return await _made("export", kind.name.lower(), given=picture)


async def sheet(styles: Iterable[Style]) -> bytes | None:
    """A contact sheet of these styles, JPEG."""
    tiles = [(style.name, style.title, str(style.preview)) for style in styles]
    return await _made("thumbnails", "sheet", given=msgspec.json.encode(tiles))


async def parts(picture: bytes, cells: Iterable[wire.Cell]) -> bytes | None:
    """Some of a sheet's pictures as a sheet of their own, JPEG."""
    return await _made(
        "thumbnails", "parts", given=msgspec.json.encode([cell.box for cell in cells]) + b"\n" + picture
    )


async def preview(style: Style, most: int) -> bytes | None:
    """What a style looks like, JPEG with at most ``most`` bytes; None where its picture is missing."""
    if not style.preview.is_file():
        return None
    return await jpeg(style.preview.read_bytes(), most)


async def _made(program: str, *words: str, given: bytes = b"") -> bytes | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", f"engine.images.{program}", *words),  # see `command.worker_command`
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=clean_environment(os.environ),
    )
    try:
        async with asyncio.timeout(SECONDS):
            made, _ = await process.communicate(given)
    except TimeoutError:
        made = b""
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode or not made:
        log.warning("no other file was made of a picture (%s)", words[0])
        return None
    return made
