"""Small picture files, made on the spot: one of every mode, and one of every fault."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 64, 48  # pixels
RED, GREEN, BLUE, GREY = (220, 30, 40), (20, 160, 60), (40, 60, 200), (128, 128, 128)
CORNERS = (RED, GREEN, BLUE, GREY)  # of `quarters`: top left, top right, bottom left, bottom right


def quarters() -> Image.Image:
    """An RGB picture with a colour of its own in each quarter."""
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    for i, colour in enumerate(CORNERS):
        x, y = WIDTH // 2 * (i % 2), HEIGHT // 2 * (i // 2)
        picture.paste(colour, (x, y, x + WIDTH // 2, y + HEIGHT // 2))
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """``picture`` as a file of that kind; lossless or nearly so where the kind allows it."""
    best: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 95, "speed": 10, "subsampling": "4:4:4"},
    }
    file = io.BytesIO()
    picture.save(file, kind, **(best.get(kind, {}) | options))
    return file.getvalue()


# --- PNG by hand, for what Pillow does not write ---------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(values: np.ndarray, depth: int, colour_type: int, *extra: bytes) -> bytes:
    """PNG of ``values`` (H, W, channels), whole numbers of ``depth`` bits; ``extra`` are chunks before the pixels."""
    height, width, _ = values.shape
    if depth == 16:
        rows = values.astype(">u2", order="C").reshape(height, -1).view(np.uint8)
    else:
        bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    return png_file(width, height, depth, colour_type, zlib.compress(raw), *extra)


def png_file(width: int, height: int, depth: int, colour_type: int, pixels: bytes, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# --- ICC profiles by hand, so that their numbers are known -----------------------------------------------------------

# The columns are red, green and blue as XYZ under D50; the tone curve is a plain power.
ADOBE_RGB = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
GAMMA = 563 / 256  # as Adobe RGB has it
WHITE = (0.9642, 1.0, 0.8249)  # D50


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"a profile made for a test\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": described, b"cprt": b"text" + bytes(4) + b"nobody\0", b"wtpt": _xyz(*WHITE), **tags}
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*WHITE)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _power(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile() -> bytes:
    """Adobe RGB (1998): wider than sRGB."""
    columns = zip((b"rXYZ", b"gXYZ", b"bXYZ"), zip(*ADOBE_RGB, strict=True), strict=True)
    curves = {tag: _power(GAMMA) for tag in (b"rTRC", b"gTRC", b"bTRC")}
    return _profile(b"mntr", b"RGB ", b"XYZ ", {tag: _xyz(*column) for tag, column in columns} | curves)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _power(gamma)})


def cmyk_profile() -> bytes:
    """A press with strange ink on yellow paper: its cyan prints as a mid grey, magenta and yellow not at all."""
    straight = bytes(range(256))
    nodes = b""
    for node in range(16):  # the last channel, black, runs fastest
        cyan, black = node >> 3, node & 1
        nodes += bytes([round(255 * (1 - 0.5 * cyan) * (1 - black)), 128, 128])  # L a b
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    paper = _xyz(0.8, 0.83, 0.5)
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": paper, b"A2B0": lut + straight * 4 + nodes + straight * 3})


# --- what photos carry besides their pixels --------------------------------------------------------------------------

SECRETS = (b"Secret Camera", b"SN-0123456789", b"secret-xmp", b"a profile made for a test", b"GPS", b"Exif", b"adobe")


def exif(orientation: int = 1) -> Image.Exif:
    """Camera, serial number, orientation and a place on earth."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Secret Camera"
    block[0xA431] = "SN-0123456789"
    block[0x8825] = {1: "N", 2: (52.0, 22.0, 30.0), 3: "E", 4: (4.0, 54.0, 0.0), 27: b"GPS"}
    return block


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description secret-xmp="here"/></x:xmpmeta>'


def personal_photo() -> bytes:
    """A JPEG with GPS and camera in EXIF, XMP, a colour profile and a comment."""
    private = {"exif": exif(), "xmp": XMP, "icc_profile": rgb_profile(), "comment": b"Secret Camera"}
    return saved(quarters(), "JPEG", **private)


def exif_bombs() -> dict[str, bytes]:
    """By kind, a picture whose EXIF has 200 tags that all point at the same half megabyte."""
    tags = b"".join(struct.pack("<HHLL", 0x9000 + i, 7, 2**19, 8) for i in range(200))
    bomb = b"II*\0" + struct.pack("<LH", 8, 200) + tags + bytes(4 + 2**19)
    pieces = [b"Exif\0\0" + bomb[i : i + 60_000] for i in range(0, len(bomb), 60_000)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(piece)) + piece for piece in pieces)
    jpeg = saved(quarters(), "JPEG")
    return {
        # Without its JFIF header, because Pillow then looks for the resolution in the EXIF.
        "JPEG": jpeg[:2] + segments + jpeg[jpeg.index(b"\xff\xdb") :],
        "PNG": saved(quarters(), "PNG", exif=bomb),
        "WEBP": saved(quarters(), "WEBP", exif=bomb),
    }


# --- faults ----------------------------------------------------------------------------------------------------------


def _jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header claims this size over the pixels of a small one."""
    data = bytearray(saved(quarters(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _jpeg_of_many_scans() -> bytes:
    """A progressive JPEG that repeats its first scan until the decoder has lost hours."""
    data = saved(quarters(), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    scan = data[start : data.index(b"\xff\xc4", start)]
    return data[:start] + scan * 2000 + data[start:]


def _ftyp(*brands: bytes) -> bytes:
    box = brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", 8 + len(box)) + b"ftyp" + box + bytes(400)


def _noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)


def bad_files() -> dict[str, bytes]:
    """Files that must be refused with a sentence, by what is wrong with them."""
    picture = quarters()
    whole = {kind: saved(picture, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF")}
    noisy = saved(Image.frombytes("RGB", (64, 64), _noise(64 * 64 * 3)), "PNG")
    flipped = bytearray(noisy)
    flipped[len(noisy) // 2] ^= 0x10
    vp8x = bytes(4) + (2**24 - 1).to_bytes(3, "little") + (255).to_bytes(3, "little")
    bad = {f"a cut-off {kind}": data[: len(data) * 2 // 3] for kind, data in whole.items()}
    bad |= {f"only the first bytes of a {kind}": data[:20] for kind, data in whole.items()}
    bad |= {
        "an empty file": b"",
        "one byte": b"\xff",
        "noise": _noise(5000),
        "text": b"Dear bot, please paint this in blue.\n" * 40,
        "a web page": b"<!DOCTYPE html><html><body><svg></svg><img src='cat.jpg'></body></html>",
        "an SVG drawing": b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
        "a TIFF picture": saved(picture, "TIFF"),
        "a BMP picture": saved(picture, "BMP"),
        "an icon": saved(picture, "ICO"),
        "a Photoshop document": b"8BPS\0\1" + bytes(200),
        "a JPEG XL picture": b"\xff\x0a" + _noise(200),
        "a JPEG 2000 picture": b"\0\0\0\x0cjP  \r\n\x87\n" + _noise(200),
        "a PostScript drawing": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "a HEIC photo": _ftyp(b"heic", b"mif1", b"heic"),
        "a video": _ftyp(b"isom", b"isom", b"avc1"),
        "a ZIP archive": b"PK\3\4" + _noise(200),
        "JPEG magic, then noise": b"\xff\xd8\xff\xe0" + _noise(3000),
        "PNG magic, then noise": b"\x89PNG\r\n\x1a\n" + _noise(3000),
        "GIF magic, then noise": b"GIF89a" + _noise(300),
        "WebP magic, then noise": b"RIFF\xff\0\0\0WEBPVP8 " + _noise(300),
        "AVIF brands, then nothing": _ftyp(b"avif", b"mif1"),
        "a flipped bit among a PNG's pixels": bytes(flipped),
        "a PNG without its palette": png_file(64, 48, 8, 3, zlib.compress(bytes(65 * 48))),
        "a PNG whose header claims more rows": png_file(64, 480, 8, 2, zlib.compress(bytes(193 * 48))),
        "a JPEG of 49 megapixels in a kilobyte": _jpeg_of_size(7000, 7000),
        "a JPEG that claims 65500 x 65500": _jpeg_of_size(65500, 65500),
        "a PNG that claims 2000000000 x 2": png_file(2_000_000_000, 2, 8, 2, zlib.compress(bytes(100))),
        "a GIF that claims 65535 x 65535": whole["GIF"][:6] + b"\xff" * 4 + whole["GIF"][10:],
        "a WebP that claims 16777216 x 256": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + vp8x,
        "a PNG bomb of 81 megapixels": png_file(9000, 9000, 1, 0, zlib.compress(bytes(1126 * 9000), 9)),
        "a PNG with a text bomb": png_file(
            64, 48, 8, 0, zlib.compress(bytes(65 * 48)), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))
        ),
        "a PNG with a profile bomb": png_file(
            64, 48, 8, 0, zlib.compress(bytes(65 * 48)), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))
        ),
        "a JPEG of 2000 scans": _jpeg_of_many_scans(),
        "one pixel": saved(Image.new("RGB", (1, 1)), "PNG"),
        "a banner 40 pixels high": saved(Image.new("RGB", (2000, 40)), "PNG"),
    }
    return bad


# --- modes -----------------------------------------------------------------------------------------------------------


def good_files() -> dict[str, bytes]:
    """`quarters` in every kind and mode of colour file that keeps its colours, to a few levels."""
    picture = quarters()
    values = np.asarray(picture)
    opaque = np.full((HEIGHT, WIDTH, 1), 255)
    makers: dict[str, Callable[[], bytes]] = {
        "JPEG": lambda: saved(picture, "JPEG"),
        "progressive JPEG": lambda: saved(picture, "JPEG", progressive=True),
        "CMYK JPEG": lambda: saved(picture.convert("CMYK"), "JPEG"),
        "PNG": lambda: saved(picture, "PNG"),
        "PNG with a palette": lambda: saved(picture.quantize(8), "PNG"),
        "PNG of 16 bits": lambda: png(values.astype(np.uint16) * 257, 16, 2),
        "PNG of 16 bits with alpha": lambda: png(np.concatenate([values, opaque], 2).astype(np.uint16) * 257, 16, 6),
        "opaque RGBA PNG": lambda: saved(picture.convert("RGBA"), "PNG"),
        "lossless WebP": lambda: saved(picture, "WEBP"),
        "lossy WebP": lambda: saved(picture, "WEBP", lossless=False, quality=95),
        "GIF": lambda: saved(picture, "GIF"),
        "AVIF": lambda: saved(picture, "AVIF"),
    }
    return {name: make() for name, make in makers.items()}
