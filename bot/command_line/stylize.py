"""“impasto stylize”: pictures of photos, one after the other, by one engine or by one server."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.app import gallery_of
from bot.chat import formats
from bot.chat.terminal import painting_bar
from bot.command_line.inputs import Words, check_order, check_there, read_picture, sorted_out
from bot.command_line.outputs import Outputs, outputs
from bot.command_line.painters import NobodyPaints, Paint, Wanted, elsewhere, here
from bot.command_line.report import Report
from bot.config import Config
from bot.core.errors import InternalError, Refusal
from bot.core.messages import Result, Status

LARGEST_MB = 60  # of a photo for a server, which has a limit of its own


async def stylize(config: Config, args: Namespace) -> bool:
    """Paint what was ordered; whether every picture is finished.

    Raises:
        Refusal: nothing can be painted of this; or of the only photo.
        InternalError: there is no picture.
    """
    styles = gallery_of(config)
    words = sorted_out(args.words, styles)
    if not words.line and args.style:
        words = words._replace(line="mine")
    check_order(words, args.words, args.style, None if args.server else styles)
    check_there(words.photos)
    places = outputs(args.output, args.format, words, force=args.force)
    limit = LARGEST_MB if args.server else config.limits.max_photo_mb
    style = read_picture(args.style, limit, "style picture") if args.style else None
    wanted = Wanted(line=words.line, style=style, format=places.wanted)  # type: ignore[arg-type]
    report = Report(max(1, len(words.photos)), as_json=args.json, beside=places.standard)
    try:
        async with elsewhere(args.server, args.token) if args.server else here(config) as paint:
            well = await _paint_all(words, wanted, places, paint, limit, report)
    except asyncio.CancelledError:
        report.stopped()
        raise
    report.ended()
    if args.open:
        show(report.files)
    return well


async def _paint_all(words: Words, wanted: Wanted, places: Outputs, paint: Paint, limit: int, report: Report) -> bool:
    """One after the other; where there are several, one that cannot be painted does not stop the others."""
    well = True
    photos: Sequence[str | None] = words.photos or [None]
    for number, photo in enumerate(photos, 1):
        about = f"{number} of {len(photos)}, {photo}: " if len(photos) > 1 else ""
        try:
            data = await asyncio.to_thread(read_picture, photo, limit) if photo else None
            one = msgspec.structs.replace(wanted, photo=data, file=_file_name(photo) if photo else "")
            result = await _watched(paint, one, about)
            file = await _written(result, places, photo)
        except (Refusal, InternalError) as error:
            if len(photos) == 1 or isinstance(error, NobodyPaints):
                report.ended()
                raise
            report.failed(photo, error)
            well = False
        else:
            report.painted(photo, file, result)
    return well


def _file_name(photo: str) -> str:
    """The photo's name as a server may be told it."""
    return formats.stem(Path(photo).name) + Path(photo).suffix


async def _watched(paint: Paint, wanted: Wanted, about: str) -> Result:
    with painting_bar() as bar:

        def show(status: Status) -> None:
            bar(about + status.text, status.done)

        return await paint(wanted, show)


async def _written(result: Result, places: Outputs, photo: str | None) -> Path | None:
    made = formats.made(result.media_type)
    kind = places.kind(made, photo)
    picture = await formats.converted(result.picture, made, kind)
    return await asyncio.to_thread(places.put, picture, kind, result, photo)


def show(files: Sequence[Path]) -> None:
    """Open a picture, or the folder of several, with what the desktop opens such files with."""
    opener = next(filter(None, map(shutil.which, ("xdg-open", "open"))), None)
    if opener is None:
        print("impasto: There is no desktop here to open pictures on (xdg-open).", file=sys.stderr)
        return
    for target in files if len(files) == 1 else dict.fromkeys(file.parent for file in files):
        subprocess.Popen(
            [opener, str(target.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
