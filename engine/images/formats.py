"""Which kind of file it is, by its first bytes; what to do instead with a kind that is not accepted."""

from __future__ import annotations

import re

from engine import wire

KINDS = {  # Pillow's name of each format
    "JPEG": wire.JPEG,
    "PNG": wire.PNG,
    "GIF": wire.GIF,
    "WEBP": wire.WEBP,
    "AVIF": wire.AVIF,
    "HEIF": wire.HEIC,
}
ACCEPTED = wire.listed(wire.ALWAYS_READ)


class ImageRefused(ValueError):
    """A picture that cannot be used; the message tells its sender why, and what to do."""


_SAVE = "Save it as JPEG or PNG and send that."
_EXPORT = "Export the page you want as JPEG or PNG and send that."
_STILL = "Send a still from it as JPEG or PNG."

_SIGNATURES = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)
# Not accepted, but recognised, so that the refusal can say what to do instead.
_FOREIGN = tuple(
    (re.compile(signature, re.DOTALL), name, advice)
    for signature, name, advice in (
        (rb"II[*+]\0|MM\0[*+]", "a TIFF or camera raw picture", _SAVE),
        (rb"BM.{4}\0\0\0\0", "a BMP picture", _SAVE),
        (rb"\0\0[\x01\x02]\0", "an icon or cursor", _SAVE),
        (rb"8BPS", "a Photoshop document", _SAVE),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture", _SAVE),
        (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture", _SAVE),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing", _SAVE),
        (rb"\s*%PDF-", "a PDF document", _EXPORT),
        (
            rb"\s*<(?i:!doctype html|html|head|body)",
            "a web page",
            "Open the picture itself, save it and send that file.",
        ),
        (rb"\s*<(.*<)?(?i:svg)", "an SVG drawing", _SAVE),
        (rb"PK\x03\x04", "a ZIP archive or an office document", "Take the picture out of it and send that."),
        (rb"\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]", "a video", _STILL),
    )
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def kind_of(data: bytes) -> str:
    """Pillow's name for the format, a key of `KINDS`.

    Raises:
        ImageRefused: the format is not accepted.
    """
    if not data:
        raise ImageRefused(f"The file is empty. Send the picture again, as {ACCEPTED}.")
    for kind, signature in _SIGNATURES:
        if signature.match(data):
            return kind
    if brands := _brands(data):
        # An AVIF names HEIF's common brand as well, so it is checked first.
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
        raise ImageRefused(f"This is a video, not a picture. {_STILL}")
    raise _not_accepted(data)


def video_kind(data: bytes) -> wire.PhotoFormat | None:
    """MP4 or WebM, for what reads videos; None for anything else."""
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return wire.WEBM
    brands = _brands(data)
    return wire.MP4 if brands and not brands & (_HEIF_BRANDS | {b"avif", b"avis"}) else None


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO base media file, major and compatible; none for any other file."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    return {box[i : i + 4] for i in range(0, len(box), 4) if i != 4}  # the second word is a version number


def _not_accepted(data: bytes) -> ImageRefused:
    head = data[:1024].removeprefix(b"\xef\xbb\xbf")
    for signature, name, advice in _FOREIGN:
        if signature.match(head):
            return ImageRefused(f"This is {name}, which I cannot read. {advice}")
    if re.fullmatch(r"[^\0-\x08\x0e-\x1a\x7f\ufffd]+\ufffd?", head.decode("utf-8", "replace")):
        return ImageRefused(f"This is text, not a picture. Send the picture itself, as {ACCEPTED}.")
    return ImageRefused(f"I do not recognise this file as a picture. Send it as {ACCEPTED}.")
