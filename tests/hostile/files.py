"""Files that nobody should send: of every family as many as are wanted, each drawn from a seed."""

from __future__ import annotations

import io
import itertools
import random
import struct
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.engine.fixtures_images import (
    bad_files,
    cmyk_profile,
    good_files,
    png,
    quarters,
    saved,
)
from tests.hostile.bombs import BOMBS
from tests.hostile.kinds import Hostile, Maker, whole


def hostile_files(count: int, seed: int) -> Iterator[Hostile]:
    """The families by turns, so that a few files already are of many."""
    makers = itertools.cycle(FAMILIES)
    for number in range(count):
        yield next(makers)(random.Random(f"{seed} {number}"))


# --- damage ----------------------------------------------------------------------------------------------------------


def _cut(rng: random.Random) -> Hostile:
    kind, data = whole(rng)
    at = rng.randrange(1, len(data) - 40)
    return Hostile("cut off", f"{kind} of {at} of {len(data)} bytes", data[:at], "either")


def _flipped(rng: random.Random) -> Hostile:
    kind, data = whole(rng)
    spoilt, count = bytearray(data), rng.choice([1, 3, 30, 300])
    for _ in range(count):
        spoilt[rng.randrange(12, len(spoilt))] ^= 1 << rng.randrange(8)
    return Hostile("flipped bits", f"{count} in a {kind}", bytes(spoilt), "either")


def _holes(rng: random.Random) -> Hostile:
    kind, data = whole(rng)
    at, length = rng.randrange(12, len(data)), rng.randrange(1, 2000)
    middle = rng.choice([b"", bytes(length), b"\xff" * length, rng.randbytes(length), data[12 : 12 + length]])
    return Hostile("parts replaced", f"{kind}, {length} bytes", data[:at] + middle + data[at + length :], "either")


def _tail(rng: random.Random) -> Hostile:
    kind, data = whole(rng, rng.choice(["JPEG", "PNG", "GIF", "WEBP"]))
    tail = rng.choice([rng.randbytes(5000), bytes(10**6), data, b"<script>alert(1)</script>" * 100])
    return Hostile("more behind the end", f"{kind} and {len(tail)} bytes", data + tail, "picture")


MAGIC = {
    **{"JPEG": b"\xff\xd8\xff\xe0", "PNG": b"\x89PNG\r\n\x1a\n", "GIF": b"GIF89a"},
    **{"WEBP": b"RIFF\xff\xff\0\0WEBPVP8 ", "AVIF": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"},
    **{"MP4": b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "WebM": b"\x1a\x45\xdf\xa3"},
    **{"HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "lossless WEBP": b"RIFF\xff\xff\0\0WEBPVP8L"},
}


def _magic(rng: random.Random) -> Hostile:
    kind = rng.choice(list(MAGIC))
    data = MAGIC[kind] + rng.choice([b"", bytes(3000), rng.randbytes(3000), rng.randbytes(10**6)])
    return Hostile("magic, then noise", kind, data, "refusal")


def _nothing(rng: random.Random) -> Hostile:
    length = rng.choice([0, 0, 1, 2, 3, 11, 12])
    return Hostile("next to nothing", f"{length} bytes", rng.choice([bytes(length), rng.randbytes(length)]), "refusal")


# --- what is no picture ----------------------------------------------------------------------------------------------


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("../../etc/passwd"), bytes(10**7), zipfile.ZIP_DEFLATED)  # of no date
    return file.getvalue()


OTHERS: dict[str, Callable[[], bytes]] = {
    "SVG": lambda: b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "SVG that includes a file": lambda: (
        b"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg xmlns='http://www.w3.org/2000/svg'>&x;</svg>"
    ),
    "HTML": lambda: b"<!DOCTYPE html><script>fetch('/r/')</script>" * 50,
    "ZIP": _archive,
    "PDF": lambda: b"%PDF-1.7\n1 0 obj\n<< /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>\nendobj\n",
    "ELF": lambda: b"\x7fELF\x02\x01\x01" + bytes(5000),
    "JSON": lambda: b'{"photo": "' + b"[" * 100_000 + b'"}',
    "MP3": lambda: b"ID3\x04\0\0\0\0\x0f\x76" + b"\xff\xfb\x90\x64" * 1000,
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n(/etc/passwd) (r) file\n",
    "a TAR archive": lambda: b"../../x".ljust(257, b"\0") + b"ustar".ljust(255, b"\0"),
    "a pickle": lambda: b"\x80\x04cos\nsystem\n(S'touch /tmp/x'\ntR.",
    "NUL and Unicode": lambda: "\0\ufeff\u202e☃".encode() * 1000,
    "TIFF": lambda: saved(quarters(), "TIFF"),
    "BMP": lambda: saved(quarters(), "BMP"),
    "PPM": lambda: b"P6 64 48 255\n" + bytes(64 * 48 * 3),
    "ICO": lambda: saved(quarters(), "ICO"),
}


def _other(rng: random.Random) -> Hostile:
    about = rng.choice(list(OTHERS))
    return Hostile("no picture, but named so", about, OTHERS[about](), "refusal")


def _polyglot(rng: random.Random) -> Hostile:
    about, inner = rng.choice(list(OTHERS.items()))
    kind = rng.choice(["JPEG", "PNG", "GIF"])
    _, picture = whole(rng, kind)
    if kind == "JPEG":
        comment = inner()[:60_000]
        data = picture[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(comment)) + comment + picture[2:] + inner()
    else:
        data = picture + inner()
    return Hostile("two files in one", f"{kind} and {about}", data, "picture", f"photo.html.{kind.lower()}")


def _name(rng: random.Random) -> Hostile:
    """A good picture whose name and media type are not its own."""
    kind, data = whole(rng)
    name = rng.choice(["a.svg", "a.png\0.exe", "..\\..\\a.jpg", "a" * 300 + ".gif", "CON", "a.jpg;b", "'\"<img>.png"])
    return Hostile("names", f"{kind} as {name[:20]!r}", data, "either", name)  # Discord goes by the name


# --- what is rare, and yet a picture ---------------------------------------------------------------------------------


def _rare(rng: random.Random) -> Hostile:
    picture = quarters()
    grey = np.asarray(picture.convert("L"))[..., None]
    makers: dict[str, Callable[[], bytes]] = {
        "CMYK JPEG": lambda: saved(picture.convert("CMYK"), "JPEG"),
        "CMYK JPEG with a profile": lambda: saved(picture.convert("CMYK"), "JPEG", icc_profile=cmyk_profile()),
        "grey JPEG": lambda: saved(picture.convert("L"), "JPEG"),
        "grey PNG with alpha": lambda: saved(picture.convert("LA"), "PNG"),
        "PNG of one bit": lambda: saved(picture.convert("1"), "PNG"),
        "PNG of two bits": lambda: png(grey // 64, 2, 0),
        "PNG of 16 grey bits": lambda: png(grey.astype(np.uint16) * 257, 16, 0),
        "PNG with nothing to see": lambda: saved(Image.new("RGBA", (96, 64)), "PNG"),
        "PNG with a transparent colour": lambda: saved(picture, "PNG", transparency=(220, 30, 40)),
        "PNG with a palette of one": lambda: saved(picture.quantize(1), "PNG"),
        "interlaced GIF": lambda: saved(picture, "GIF", interlace=1),
        "GIF of one colour": lambda: saved(Image.new("P", (96, 64)), "GIF"),
        "JPEG of quality 1": lambda: saved(picture, "JPEG", quality=1),
        "WebP with alpha": lambda: saved(picture.convert("RGBA"), "WEBP"),
    }
    if rng.random() < 0.4:
        makers = {name: lambda data=data: data for name, data in good_files().items()}
    about = rng.choice(list(makers))
    return Hostile("rare modes", about, makers[about](), "picture")


def _shape(rng: random.Random) -> Hostile:
    size = rng.choice([(1, 1), (1, 5000), (5000, 1), (15, 15), (16384, 20), (16385, 1000), (2000, 40), (640, 32)])
    return Hostile("shapes", f"{size[0]} x {size[1]}", saved(Image.new("RGB", size), "PNG"), "either")


def _known(rng: random.Random) -> Hostile:
    """Of those that the tests of the decoder have."""
    bad = bad_files()
    about = rng.choice(list(bad))
    return Hostile("known to be bad", about, bad[about], "refusal")


FAMILIES: tuple[Maker, ...] = (
    _cut,
    _other,
    BOMBS["frames"],
    BOMBS["lie"],
    _rare,
    BOMBS["chunks"],
    BOMBS["moving"],
    _nothing,
    _flipped,
    _polyglot,
    BOMBS["pixels"],
    BOMBS["exif"],
    BOMBS["profile"],
    _magic,
    BOMBS["scans"],
    _tail,
    BOMBS["canvas"],
    _holes,
    BOMBS["order"],
    _shape,
    BOMBS["segments"],
    _name,
    BOMBS["boxes"],
    BOMBS["coding"],
    BOMBS["many_chunks"],
    BOMBS["video"],
    _known,
)
