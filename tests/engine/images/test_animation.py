"""Animations are read with their exact times, whatever the header says and wherever the file breaks off."""

import io
import struct
import zlib
from fractions import Fraction

import pytest
from PIL import Image

from engine import wire
from engine.images.animation import Clip, fitting, kind_of_animation, read
from engine.images.decode import Limits, decode
from engine.images.formats import ImageRefused
from tests.scenes import file, pan, pictures

TIMES = [50, 120, 30, 200]  # milliseconds
KINDS = {"GIF": wire.GIF, "WEBP": wire.WEBP, "PNG": wire.APNG}


def frames(count: int = 4) -> list[Image.Image]:
    return pictures(pan(count, 40, 48))


def clip(data: bytes, most: int = 100, **settings) -> Clip:
    return read(data, fitting(4096, enlarge=False), lambda _: most, **settings)


@pytest.mark.parametrize("name", KINDS)
def test_an_animation_has_its_frames_times_and_loop(name) -> None:
    data = file(name, frames(), TIMES, loop=3)
    assert kind_of_animation(data) is KINDS[name]
    found = clip(data)
    assert found.seconds == [Fraction(time, 1000) for time in TIMES]
    assert found.frames[0].shape == (3, 40, 48)
    assert found.loop == 3
    assert not found.notes
    assert found.alphas is None


def test_a_gif_that_is_shown_once_does_not_loop() -> None:
    assert not clip(file("GIF", frames(), TIMES, loop=None)).loops


@pytest.mark.parametrize("name", KINDS)
def test_a_single_frame_is_no_animation(name) -> None:
    assert kind_of_animation(file(name, frames(1), [100])) is None


def test_a_picture_and_rubbish_are_no_animations() -> None:
    still = io.BytesIO()
    frames()[0].save(still, "JPEG")
    for data in (still.getvalue(), b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF....WEBP", b"hello"):
        assert kind_of_animation(data) is None


def test_frames_are_as_large_as_the_result_and_never_kept_larger() -> None:
    small = read(file("GIF", frames(), TIMES), fitting(36, enlarge=False), lambda _: 100)
    assert [tuple(x.shape) for x in small.frames] == [(3, 32, 36)] * 4


@pytest.mark.parametrize("name", KINDS)
def test_transparent_parts_are_put_on_white_or_kept(name) -> None:
    through = [picture.convert("RGBA") for picture in frames()]
    for picture in through:
        picture.paste((0, 0, 0, 0), (10, 10, 20, 30))
    data = file(name, through, TIMES, **({"disposal": 2} if name == "GIF" else {}))
    white, kept = clip(data), clip(data, keep_alpha=True)
    assert white.alphas is None
    assert int(white.frames[2][:, 12:28, 12:18].min()) == 255
    assert "put on white" in white.notes[0]
    assert kept.alphas is not None
    assert [int(alpha[0, 20, 15]) for alpha in kept.alphas] == [0] * 4
    assert int(kept.alphas[3][0, 20, 30]) == 255


def test_a_webp_that_breaks_off_is_refused() -> None:
    data = file("WEBP", frames(8), [40] * 8)
    broken = data[: len(data) * 6 // 10]
    assert kind_of_animation(broken) is None
    with pytest.raises(ImageRefused, match="ends too early"):
        decode(broken)


@pytest.mark.parametrize("name", ["GIF", "PNG"])
def test_of_a_file_that_breaks_off_the_whole_frames_are_taken(name) -> None:
    data = file(name, frames(8), [40] * 8)
    found = clip(data[: len(data) * 6 // 10])
    assert 1 < len(found.frames) < 8
    assert "breaks off" in found.notes[0]


def test_ten_thousand_frames_are_not_decoded() -> None:
    data = file("GIF", [Image.new("L", (32, 32), shade) for shade in (0, 90)], [50, 50])
    last = data.rfind(b"\x21\xf9\x04")
    bomb = data[:last] + data[last:-1] * 10_000 + b";"
    found = clip(bomb, most=5)
    assert len(found.frames) == 5
    assert found.cut


def test_a_huge_canvas_is_refused_before_anything_is_decoded() -> None:
    data = bytearray(file("GIF", frames(), TIMES))
    data[6:10] = struct.pack("<HH", 60_000, 60_000)
    assert kind_of_animation(bytes(data)) is None
    with pytest.raises(ImageRefused, match="far too many pixels"):
        decode(bytes(data))


def test_all_frames_together_have_a_limit(monkeypatch) -> None:
    monkeypatch.setattr("engine.images.animation.MOST_DECODED", 3 * 40 * 48)
    found = clip(file("WEBP", frames(), TIMES))
    assert len(found.frames) == 3
    assert found.cut


def test_a_header_that_announces_more_frames_than_there_are_is_not_believed() -> None:
    data = bytearray(file("PNG", frames(), TIMES))
    at = data.index(b"acTL")
    data[at + 4 : at + 8] = struct.pack(">I", 10_000)
    data[at + 12 : at + 16] = struct.pack(">I", zlib.crc32(bytes(data[at : at + 12])))
    assert len(clip(bytes(data)).frames) == 4


def test_a_file_that_is_too_large_is_refused() -> None:
    data = file("GIF", frames(), TIMES)
    with pytest.raises(ImageRefused, match="limit"):
        clip(data, limits=Limits(max_bytes=100))
