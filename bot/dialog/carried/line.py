"""The recipe line in one of our own pictures: text in a PNG, EXIF in a JPEG or WebP, the comment of a GIF or an MP4;
or in the message that shows it.

Nothing is decoded here, for a stranger's file is read: only lengths are followed, so far and no further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from bot.dialog.carried import clips

KEY = b"impasto"  # of the PNG text that carries the line
SOFTWARE = b"Software"  # and of the one that says which version made the picture
DESCRIPTION, MADE_WITH = 0x010E, 0x0131  # the same in EXIF: ImageDescription, Software
ASCII = 2  # type of an EXIF field
LONGEST = 2000  # characters of a line
PARTS = 1000  # chunks, segments or fields of a file that are looked at
LINE = re.compile(r"/stylize [\x20-\x7e]+")
SHOWN = re.compile(r"^`?(/stylize [^`\n]+?)`?$", re.MULTILINE)


class Carried(msgspec.Struct, frozen=True):
    """What a picture of ours says of itself."""

    line: str
    made_with: str = ""  # "impasto 0.1.0 ..."; pictures of the first version do not say it


def carried(data: bytes | None) -> Carried | None:
    """What a file carries; None where it carries no line."""
    texts = _texts(data or b"")
    line = texts.get(KEY, "")
    if len(line) > LONGEST or not LINE.fullmatch(line):
        return None
    made_with = texts.get(SOFTWARE, "")
    return Carried(line, made_with if made_with.startswith("impasto ") and made_with.isprintable() else "")


def line_shown(text: str) -> str:
    """The line in a message of ours that shows a picture, or nothing."""
    found = SHOWN.search(text)
    return found[1] if found else ""


def _texts(data: bytes) -> dict[bytes, str]:
    """The texts that a file has under our names."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _of_png(data)
    if data.startswith(b"\xff\xd8"):
        return _of_exif(next((part[6:] for part in _segments(data) if part.startswith(b"Exif\0\0")), b""))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        exif = next((part for name, part in _chunks(data, 12, "little") if name == b"EXIF"), b"")
        return _of_exif(exif.removeprefix(b"Exif\0\0"))
    comment = clips.comment(data)
    line, _, made_with = comment.partition("\n")
    return {KEY: line, SOFTWARE: made_with} if comment else {}


def _chunks(data: bytes, at: int, order: Literal["big", "little"]) -> Iterator[tuple[bytes, bytes]]:
    """Names and the beginnings of the parts of a PNG (length first, and a checksum behind) or a RIFF (name first)."""
    for _ in range(PARTS):
        head = data[at : at + 8]
        if len(head) < 8:
            return
        name, size = (head[4:], head[:4]) if order == "big" else (head[:4], head[4:])
        length = int.from_bytes(size, order)
        yield name, data[at + 8 : at + 8 + min(length, 2**16)]
        at += length + (12 if order == "big" else 8 + length % 2)


def _of_png(data: bytes) -> dict[bytes, str]:
    texts: dict[bytes, str] = {}
    for name, part in _chunks(data, 8, "big"):
        key, _, text = part.partition(b"\0")
        if name == b"tEXt" and key in (KEY, SOFTWARE):
            texts.setdefault(key, text.decode("latin-1"))
        elif name == b"iTXt" and key in (KEY, SOFTWARE) and text.startswith(b"\0"):  # which is not compressed
            _, _, text = text[2:].partition(b"\0")[2].partition(b"\0")
            texts.setdefault(key, text.decode("utf-8", "replace"))
    return texts


def _segments(data: bytes) -> Iterator[bytes]:
    """The segments of a JPEG of the kind that has EXIF, before the picture itself."""
    at = 2
    for _ in range(PARTS):
        if data[at : at + 1] != b"\xff" or data[at + 1 : at + 2] in (b"", b"\xda", b"\xd9"):
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xE1:
            yield data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _of_exif(tiff: bytes) -> dict[bytes, str]:
    """The fields of its first directory."""
    order: Literal["big", "little"] = "big" if tiff.startswith(b"MM") else "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    texts: dict[bytes, str] = {}
    start = number(4, 4)
    for field in range(min(number(start, 2), PARTS)):
        at = start + 2 + 12 * field
        key = {DESCRIPTION: KEY, MADE_WITH: SOFTWARE}.get(number(at, 2))
        if key and number(at + 2, 2) == ASCII:
            length = min(number(at + 4, 4), LONGEST + 1)
            where = number(at + 8, 4) if length > 4 else at + 8
            texts.setdefault(key, tiff[where : where + length].rstrip(b"\0").decode("utf-8", "replace"))
    return texts
