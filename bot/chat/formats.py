"""Which file an order is answered with, where it may say so: in the terminal and over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.core.errors import InternalError
from bot.engine_process import thumbnails
from engine.recipe import MODES
from engine.wire import APNG, GIF, JPEG, MOVING_RESULTS, MP4, PNG, WEBP, PhotoFormat

STEM_LENGTH = 80  # characters
EXPORTED = (JPEG, WEBP)  # stills that are made of the PNG
FORMATS: Mapping[str, PhotoFormat] = {
    kind.name.lower(): kind for kind in (PNG, *EXPORTED, GIF, APNG, MP4)
}  # by the name that people give


def format_of(file: str) -> str | None:
    """The format that a file's name ends in, if it is one of `FORMATS`."""
    ending = f".{file.lower().rpartition('.')[2]}"
    return next((name for name, kind in FORMATS.items() if ending in kind.endings), None)


def plays(wanted: str | None) -> tuple[str, ...]:
    """The media types of moving pictures that answer an order of this format; an order of none takes each."""
    if wanted is None:
        return tuple(kind.media_type for kind in MOVING_RESULTS)
    kind = FORMATS[wanted]
    return (kind.media_type,) if kind in MOVING_RESULTS else ()


def made(media_type: str) -> PhotoFormat:
    """The kind of file of a finished picture."""
    return next((kind for kind in FORMATS.values() if kind.media_type == media_type), PNG)


def handed_over(kind: PhotoFormat, wanted: str | None) -> PhotoFormat:
    """The kind of file that it is handed over as: an animation stays one, and a still becomes none."""
    still = kind is PNG and wanted and FORMATS[wanted] in (*EXPORTED, APNG)
    return FORMATS[wanted] if still and wanted else kind


def is_converted(kind: PhotoFormat, wanted: PhotoFormat) -> bool:
    """Whether it is another file then; a PNG is an APNG of one frame."""
    return wanted is not kind and wanted is not APNG


async def converted(picture: bytes, kind: PhotoFormat, wanted: PhotoFormat) -> bytes:
    """The picture as it is `handed_over`.

    Raises:
        InternalError: it could not be made.
    """
    if not is_converted(kind, wanted):
        return picture
    data = await thumbnails.exported(picture, wanted)
    if data is None:
        raise InternalError(f"The picture could not be written as {wanted.name}. Ask for a PNG instead.")
    return data


def file_name(photo: str, line: str, kind: PhotoFormat) -> str:
    """What a picture is saved as: ``harbour-starrynight.jpg``.

    Args:
        photo: its file's name, without the ending; nothing where there is none.
        line: that made the picture.
    """
    words = line.removeprefix("/stylize").split()
    styles = [share.partition(":")[0] for word in words if "=" not in word for share in word.split("+")]
    modes = [word.removeprefix("mode=") for word in words if word.startswith("mode=")]
    return "-".join(filter(None, (photo, *styles, *(mode for mode in modes if mode not in MODES)))) + kind.endings[0]


def stem(file: str) -> str:
    """The name of a file as a part of another's: without folders, ending and what a shell or a header chokes on."""
    name = re.split(r"[/\\]", file)[-1]
    name = name.rpartition(".")[0] or name
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:STEM_LENGTH]
