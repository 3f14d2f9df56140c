"""Which files are taken for photos, and the sentences for those that are not; decoding happens in the engine."""

from __future__ import annotations

from engine.wire import ACCEPTED, AVIF, GIF, HEIC, JPEG, MOVING, MP4, PHOTO_FORMATS, PNG, WEBM, WEBP

ENDINGS = tuple(ending for kind in (*PHOTO_FORMATS, *MOVING) for ending in kind.endings)


def looks_like_photo(media_type: str, file_name: str) -> bool:
    """Whether a file may be a photo or a clip, by what its sender says of it."""
    return media_type.startswith(("image/", "video/")) or file_name.lower().endswith(ENDINGS)


def not_a_photo(what: str = "This file") -> str:
    """The sentence for a file that is not."""
    return f"{what} is not a supported picture. Send a {ACCEPTED}, or a short MP4 or WebM clip."


def media_type(data: bytes) -> str | None:
    """The type of an image file by its first bytes, or None for anything that a photo cannot be.

    Only browsers rely on it; the engine process finds out whether the picture can be painted.
    """
    for start, kind in ((b"\xff\xd8\xff", JPEG), (b"\x89PNG\r\n\x1a\n", PNG), (b"GIF8", GIF)):
        if data.startswith(start):
            return kind.media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP.media_type
    if data[4:8] == b"ftyp":
        brands = {data[at : at + 4] for at in (8, *range(16, min(int.from_bytes(data[:4]), 64), 4))}
        if brands & {b"avif", b"avis"}:
            return AVIF.media_type
        if brands & {b"heic", b"heix", b"mif1", b"msf1"}:
            return HEIC.media_type
        return MP4.media_type
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM.media_type
    return None


def not_taken(count: int, total: int, why: str) -> str:
    """What is said where several pictures were ordered at once and not all of them can be."""
    return f"{count} of your {total} pictures {'was' if count == 1 else 'were'} not taken. {why}"
