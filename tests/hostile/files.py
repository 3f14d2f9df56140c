"""Files that nobody should send: of every family as many as are wanted, each drawn from a seed."""

from __future__ import annotations

import io
import itertools
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from tests.engine.fixtures_images import (
    bad_files,
    chunk,
    cmyk_profile,
    exif_bombs,
    good_files,
    grey_profile,
    png,
    png_file,
    quarters,
    rgb_profile,
    saved,
)
from tests.pictures import clip

Expected = Literal["picture", "refusal", "either"]
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
BACTERIUM = 64, 48  # pixels of the pictures that are spoilt


class Hostile(NamedTuple):
    """One file."""

    family: str
    about: str
    data: bytes
    expected: Expected
    name: str = "photo.jpg"


Maker = Callable[[random.Random], Hostile]


def hostile_files(count: int, seed: int) -> Iterator[Hostile]:
    """The families by turns, so that a few files already are of many."""
    makers = itertools.cycle(FAMILIES)
    for number in range(count):
        yield next(makers)(random.Random(f"{seed} {number}"))


def _whole(rng: random.Random, kind: str = "") -> tuple[str, bytes]:
    """A good picture with much detail, so that damage meets data."""
    kind = kind or rng.choice(KINDS)
    noise = Image.frombytes("RGB", (96, 64), rng.randbytes(96 * 64 * 3))
    return kind, saved(Image.blend(quarters().resize((96, 64)), noise, 0.3), kind)


# --- damage ----------------------------------------------------------------------------------------------------------


def _cut(rng: random.Random) -> Hostile:
    kind, data = _whole(rng)
    at = rng.randrange(1, len(data) - 40)
    return Hostile("cut off", f"{kind} of {at} of {len(data)} bytes", data[:at], "either")


def _flipped(rng: random.Random) -> Hostile:
    kind, data = _whole(rng)
    spoilt, count = bytearray(data), rng.choice([1, 3, 30, 300])
    for _ in range(count):
        spoilt[rng.randrange(12, len(spoilt))] ^= 1 << rng.randrange(8)
    return Hostile("flipped bits", f"{count} in a {kind}", bytes(spoilt), "either")


def _holes(rng: random.Random) -> Hostile:
    kind, data = _whole(rng)
    at, length = rng.randrange(12, len(data)), rng.randrange(1, 2000)
    middle = rng.choice([b"", bytes(length), b"\xff" * length, rng.randbytes(length), data[12 : 12 + length]])
    return Hostile("parts replaced", f"{kind}, {length} bytes", data[:at] + middle + data[at + length :], "either")


def _tail(rng: random.Random) -> Hostile:
    kind, data = _whole(rng, rng.choice(["JPEG", "PNG", "GIF", "WEBP"]))
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


# --- lies and bombs --------------------------------------------------------------------------------------------------


def _lie(rng: random.Random) -> Hostile:
    width, height = rng.choice(
        [(65500, 65500), (7100, 7100), (20000, 30), (1, 65000), (0, 100), (300, 0), (6000, 6000)]
    )
    kind = rng.choice(["JPEG", "PNG", "GIF"])
    data = bytearray(_whole(rng, kind)[1])
    if kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
    elif kind == "PNG":
        header = struct.pack(">II", width, height) + bytes(data[24:29])
        data[8:33] = chunk(b"IHDR", header)
    else:
        data[6:10] = struct.pack("<HH", width, height)
    # Of a GIF the frames count, not what is said of the whole.
    expected: Expected = "either" if kind == "GIF" and 0 in (width, height) else "refusal"
    return Hostile("a header that lies", f"{kind} of {width} x {height}", bytes(data), expected)


def _pixels(rng: random.Random) -> Hostile:
    side = rng.choice([5000, 7000, 12000, 30000])
    pixels = zlib.compressobj(9)
    row = bytes(1 + side // 8 + 1)
    data = b"".join([*(pixels.compress(row) for _ in range(side)), pixels.flush()])
    expected: Expected = "picture" if side * side <= 50_000_000 else "refusal"
    return Hostile("a bomb of pixels", f"PNG, {side} x {side}", png_file(side, side, 1, 0, data), expected)


def _chunks(rng: random.Random) -> Hostile:
    name = rng.choice([b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tEXt", b"tIME", b"sPLT", b"hIST", b"xyZz"])
    bomb = zlib.compress(bytes(rng.choice([10**7, 10**8])), 9)
    body = {
        b"zTXt": b"a\0\0" + bomb,
        b"iTXt": b"a\0\1\0\0\0" + bomb,
        b"iCCP": b"a\0\0" + bomb,
        b"eXIf": b"II*\0" + rng.randbytes(2**20),
        b"tEXt": b"a\0" + b"x" * 5 * 10**6,
    }.get(name, rng.randbytes(10**6))
    count = rng.choice([1, 1, 3])
    pixels = zlib.compress(bytes(65 * 48))
    data = png_file(*BACTERIUM, 8, 0, pixels, *[chunk(name, body)] * count)
    return Hostile("huge chunks", f"PNG, {count} x {name.decode()}", data, "either")


def _many_chunks(rng: random.Random) -> Hostile:
    count = rng.choice([10_000, 100_000])
    small = chunk(rng.choice([b"tEXt", b"iTXt", b"abCd"]), b"a\0b")
    data = png_file(*BACTERIUM, 8, 0, zlib.compress(bytes(65 * 48)), small * count)
    return Hostile("very many chunks", f"PNG, {count}", data, "either")


def _profile(rng: random.Random) -> Hostile:
    picture = quarters()
    broken = bytearray(rgb_profile())
    for _ in range(40):
        broken[rng.randrange(len(broken))] = rng.randrange(256)
    about, icc = rng.choice(
        [
            ("random", rng.randbytes(3000)),
            ("5 MB of nothing", bytes(5 * 10**6)),
            ("broken", bytes(broken)),
            ("of a press", cmyk_profile()),
            ("of greys", grey_profile(2.2)),
            ("cut off", rgb_profile()[:200]),
        ]
    )
    kind = rng.choice(["JPEG", "PNG", "WEBP"])
    return Hostile("colour profiles", f"{kind}, {about}", saved(picture, kind, icc_profile=icc), "picture")


def _exif(rng: random.Random) -> Hostile:
    bombs = exif_bombs()
    kind = rng.choice(list(bombs))
    if rng.random() < 0.4:
        return Hostile("EXIF", f"{kind}, a bomb", bombs[kind], "either")
    entries = b"".join(
        struct.pack("<HHLL", rng.randrange(2**16), rng.randrange(14), rng.randrange(2**32), rng.randrange(2**32))
        for _ in range(20)
    )
    block = b"Exif\0\0II*\0" + struct.pack("<LH", 8, rng.choice([20, 65535])) + entries + rng.randbytes(100)
    return Hostile("EXIF", f"{kind}, offsets to nowhere", saved(quarters(), kind, exif=block), "picture")


def _scans(rng: random.Random) -> Hostile:
    data = saved(quarters(), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    scan = data[start : data.index(b"\xff\xc4", start)]
    count = rng.choice([50, 101, 5000])
    return Hostile("JPEG segments", f"{count} scans more", data[:start] + scan * count + data[start:], "either")


def _segments(rng: random.Random) -> Hostile:
    data = saved(quarters(), "JPEG")
    about, piece = rng.choice(
        [
            ("comments", b"\xff\xfe\xff\xff" + bytes(65533)),
            ("application data", b"\xff\xe2\x00\x10" + b"ICC_PROFILE\0\1\xff"),
            ("restart intervals", b"\xff\xdd\x00\x04\x00\x01"),
            ("Huffman tables", b"\xff\xc4\x00\x13\x00" + bytes(16)),
            ("empty segments", b"\xff\xfe\x00\x00"),
            ("fill bytes", b"\xff" * 100),
            ("frames in a frame", data[data.index(b"\xff\xc0") : data.index(b"\xff\xc4")]),
        ]
    )
    count = rng.choice([1, 100])
    return Hostile("JPEG segments", f"{count} {about}", data[:2] + piece * count + data[2:], "either")


def _coding(rng: random.Random) -> Hostile:
    """Another way of coding than the data have."""
    data = bytearray(saved(quarters(), "JPEG"))
    at = data.index(b"\xff\xc0")
    marker = rng.choice([0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB, 0xC5])
    precision, components = rng.choice([(8, 3), (12, 3), (16, 3), (8, 0), (8, 255), (8, 2)])
    data[at + 1], data[at + 4], data[at + 9] = marker, precision, components
    return Hostile("JPEG segments", f"SOF {marker:x}, {precision} bits, {components} parts", bytes(data), "either")


def _order(rng: random.Random) -> Hostile:
    signature, pixels = b"\x89PNG\r\n\x1a\n", zlib.compress(bytes(193 * 48))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *BACTERIUM, 8, 2, 0, 0, 0))
    strange = chunk(
        b"IHDR", struct.pack(">IIBBBBB", *BACTERIUM, rng.choice([0, 3, 32]), rng.choice([1, 5, 7]), 1, 1, 2)
    )
    idat, end = chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    about, parts = rng.choice(
        [
            ("pixels before the header", [idat, header, end]),
            ("two headers", [header, strange, idat, end]),
            ("a header of nonsense", [strange, idat, end]),
            ("no pixels", [header, end]),
            ("no end", [header, idat]),
            ("an end at once", [end, header, idat]),
            ("wrong check sums", [header, idat[:-4] + b"\0\0\0\0", end]),
            ("filters of nonsense", [header, chunk(b"IDAT", zlib.compress((b"\x09" + bytes(192)) * 48)), end]),
            ("no compression", [header, chunk(b"IDAT", bytes(193 * 48)), end]),
            ("a length of 4 GB", [header, b"\xff\xff\xff\xff" + idat[4:], end]),
            ("thousands of empty parts", [header, *[chunk(b"IDAT", b"")] * 20_000, idat, end]),
        ]
    )
    return Hostile("PNG in disorder", about, signature + b"".join(parts), "either")


def _boxes(rng: random.Random) -> Hostile:
    """AVIF with the lengths of its boxes changed."""
    data = bytearray(_whole(rng, "AVIF")[1])
    for name in rng.sample([b"meta", b"iloc", b"iinf", b"iprp", b"ipco", b"ispe", b"av1C", b"mdat", b"pitm"], 2):
        at = data.find(name)
        if at >= 4:
            data[at - 4 : at] = struct.pack(">I", rng.choice([0, 1, 7, 2**31, 2**32 - 1]))
    return Hostile("boxes that lie", "AVIF", bytes(data), "either")


# --- moving pictures -------------------------------------------------------------------------------------------------


def _moving(rng: random.Random) -> Hostile:
    kind = rng.choice(["GIF", "WEBP", "PNG"])
    data = bytearray(clip(kind, frames=12))
    for _ in range(rng.choice([1, 10])):
        data[rng.randrange(30, len(data))] = rng.randrange(256)
    cut = rng.choice([len(data), len(data) // 2, len(data) - 10])
    return Hostile("broken animations", f"{kind}, {cut} of {len(data)} bytes", bytes(data[:cut]), "either")


def _frames(rng: random.Random) -> Hostile:
    """Ten thousand frames, all alike or nearly; those of a GIF may lie outside of the picture."""
    count, kind = 10_000, rng.choice(["GIF", "GIF outside", "APNG"])
    if kind == "APNG":
        head = struct.pack(">II", count, 0)
        pixels = zlib.compress(bytes(65 * 48))
        control = struct.pack(">IIIIIHHBB", 0, *BACTERIUM, 0, 0, 0, 0, 0, 0)
        frames = b"".join(
            chunk(b"fcTL", struct.pack(">I", 2 * i + 1) + control[4:])
            + chunk(b"fdAT", struct.pack(">I", 2 * i + 2) + pixels)
            for i in range(count)
        )
        whole = png_file(*BACTERIUM, 8, 0, pixels, chunk(b"acTL", head), chunk(b"fcTL", control))
        return Hostile("ten thousand frames", kind, whole[:-12] + frames + whole[-12:], "either")
    whole = saved(quarters(), "GIF")
    start = whole.index(b",", 13 + 3 * 2 ** ((whole[10] & 7) + 1))
    frame = bytearray(whole[start:-1])
    if kind == "GIF outside":
        frame[1:9] = struct.pack("<HHHH", 60000, 60000, *BACTERIUM)
    return Hostile("ten thousand frames", kind, whole[:start] + bytes(frame) * count + b";", "either")


def _canvas(rng: random.Random) -> Hostile:
    """Small frames on a canvas of which a few fill the memory."""
    data, side = bytearray(clip("GIF", frames=20)), rng.choice([6900, 16000, 65535])
    data[6:10] = struct.pack("<HH", side, side)
    return Hostile("a canvas too large", f"GIF, {side} x {side}", bytes(data), "either" if side == 6900 else "refusal")


def _video(rng: random.Random) -> Hostile:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(12):
            image = Image.new("RGB", (96, 64), (20 * index, 100, 50))
            out.mux(stream.encode(av.VideoFrame.from_image(image)))
        out.mux(stream.encode())
    data = bytearray(file.getvalue())
    about = rng.choice(["flipped bits", "cut off", "a duration of years", "a size that lies"])
    if about == "flipped bits":
        for _ in range(20):
            data[rng.randrange(40, len(data))] ^= 1 << rng.randrange(8)
    elif about == "cut off":
        del data[rng.randrange(40, len(data)) :]
    elif about == "a duration of years":
        at = data.index(b"mvhd") + 20
        data[at : at + 4] = b"\x7f\xff\xff\xff"
    else:
        at = data.index(b"mp4v") + 28
        data[at : at + 4] = struct.pack(">HH", 60000, 60000)
    return Hostile("broken films", f"MP4, {about}", bytes(data), "either")


# --- what is no picture ----------------------------------------------------------------------------------------------


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/passwd", bytes(10**7))
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
    _, picture = _whole(rng, kind)
    if kind == "JPEG":
        comment = inner()[:60_000]
        data = picture[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(comment)) + comment + picture[2:] + inner()
    else:
        data = picture + inner()
    return Hostile("two files in one", f"{kind} and {about}", data, "picture", f"photo.html.{kind.lower()}")


def _name(rng: random.Random) -> Hostile:
    """A good picture whose name and media type are not its own."""
    kind, data = _whole(rng)
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
    *(_cut, _other, _frames, _lie, _rare, _chunks, _moving, _nothing, _flipped, _polyglot, _pixels, _exif, _profile),
    *(_magic, _scans, _tail, _canvas, _holes, _order, _shape, _segments, _name, _boxes, _coding, _many_chunks, _video),
    _known,
)
