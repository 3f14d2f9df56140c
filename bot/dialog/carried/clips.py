"""The comment of a GIF or an MP4, in which a clip of ours says how it was made. As in `line`, nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterator

PARTS = 200  # blocks of a GIF, boxes of one level of an MP4: a comment of ours is among the first
LONGEST = 3000  # bytes
FRAME, EXTENSION, COMMENT = 0x2C, 0x21, 0xFE  # a GIF's blocks
PATH = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")  # the boxes of an MP4 that lead to it
BEFORE = {b"meta": 4, b"data": 8}  # bytes of these boxes before what they hold


def comment(data: bytes) -> str:
    """What there is; nothing in any other file."""
    if data.startswith((b"GIF87a", b"GIF89a")):
        found = _of_gif(data)
    elif data[4:8] == b"ftyp":
        found = _of_mp4(data)
    else:
        return ""
    return found[:LONGEST].decode("utf-8", "replace")


def _of_gif(data: bytes) -> bytes:
    """The first comment before its first frame."""
    colours = data[10] if len(data) > 10 else 0
    at = 13 + (3 << (colours & 7) + 1 if colours & 0x80 else 0)
    for _ in range(PARTS):
        kind, label = data[at : at + 1], data[at + 1 : at + 2]
        if kind != bytes([EXTENSION]):
            return b""
        text, at = _sub_blocks(data, at + 2)
        if label == bytes([COMMENT]):
            return text
    return b""


def _sub_blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """The text of an extension, and where the next block begins."""
    text = b""
    for _ in range(PARTS):
        length = data[at] if at < len(data) else 0
        text += data[at + 1 : at + 1 + length]
        at += 1 + length
        if not length:
            break
    return text, at


def _of_mp4(data: bytes) -> bytes:
    start, end = 0, len(data)
    for wanted in PATH:
        found = next((where for name, *where in _boxes(data, start, end) if name == wanted), None)
        if found is None:
            return b""
        start, end = found[0] + BEFORE.get(wanted, 0), found[1]
    return data[start : min(end, start + LONGEST)]


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: the name of each, where what it holds begins, and where it ends."""
    for _ in range(PARTS):
        size = int.from_bytes(data[start : start + 4], "big")
        head = 8
        if size == 1:  # the size stands behind the name
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        if size < head or start + head > end:
            return
        yield data[start + 4 : start + 8], start + head, min(start + size, end)
        start += size
