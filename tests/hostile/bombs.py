"""Files that lie about what they are, or are far larger than they look."""

from __future__ import annotations

import io
import random
import struct
import zlib

from PIL import Image

from tests.engine.fixtures_images import (
    chunk,
    cmyk_profile,
    exif_bombs,
    grey_profile,
    png_file,
    quarters,
    rgb_profile,
    saved,
)
from tests.hostile.kinds import BACTERIUM, Expected, Hostile, Maker, whole
from tests.pictures import clip

# --- stills ----------------------------------------------------------------------------------------------------------


def _lie(rng: random.Random) -> Hostile:
    width, height = rng.choice(
        [(65500, 65500), (7100, 7100), (20000, 30), (1, 65000), (0, 100), (300, 0), (6000, 6000)]
    )
    kind = rng.choice(["JPEG", "PNG", "GIF"])
    data = bytearray(whole(rng, kind)[1])
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
    data = bytearray(whole(rng, "AVIF")[1])
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


BOMBS: dict[str, Maker] = {
    "lie": _lie,
    "pixels": _pixels,
    "chunks": _chunks,
    "many_chunks": _many_chunks,
    "profile": _profile,
    "exif": _exif,
    "scans": _scans,
    "segments": _segments,
    "coding": _coding,
    "order": _order,
    "boxes": _boxes,
    "moving": _moving,
    "frames": _frames,
    "canvas": _canvas,
    "video": _video,
}
