"""Pictures in: every mode and every fault."""

from __future__ import annotations

import io
import random
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features
from torch import Tensor

from engine.images.decode import Limits, decode
from engine.images.formats import ImageRefused
from engine.tensors import fit
from tests.engine import fixtures_images as files

GOOD = files.good_files()
BAD = files.bad_files()
WHITE = (255, 255, 255)


def corners(pixels: Tensor) -> list[tuple[int, ...]]:
    """The colours, 0..255, in the middle of each quarter; top left first, then along the rows."""
    _, height, width = pixels.shape
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(round(value * 255) for value in pixels[:, y, x].tolist()) for y, x in places]


def near(colours: list[tuple[int, ...]], wanted: Sequence[tuple[int, ...]], levels: int = 2) -> bool:
    return bool(np.abs(np.array(colours) - np.array(wanted)).max() <= levels)


def flat(*colour: int) -> Image.Image:
    return Image.new({1: "L", 3: "RGB", 4: "CMYK"}[len(colour)], (files.WIDTH, files.HEIGHT), colour)


def colour_of(data: bytes) -> tuple[int, ...]:
    return corners(decode(data).pixels)[0]


def refusal(data: bytes, limits: Limits = Limits()) -> str:  # noqa: B008 (frozen)
    with pytest.raises(ImageRefused) as refused:
        decode(data, limits)
    return str(refused.value)


# --- modes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_colour_file_keeps_its_colours(name: str) -> None:
    pixels, alpha, _ = decode(GOOD[name], keep_alpha=True)
    assert pixels.shape == (3, files.HEIGHT, files.WIDTH)
    assert pixels.dtype == torch.float32
    assert near(corners(pixels), list(files.CORNERS))
    assert alpha is None


@pytest.mark.parametrize(("depth", "kind"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 4), (16, 4)])
def test_grey_of_every_depth_spans_black_to_white(depth: int, kind: int) -> None:
    most = 2**depth - 1
    ramp = np.linspace(0, most, 64).round().astype(np.int64)
    grey = np.broadcast_to(ramp, (48, 64))[..., None]
    values = grey if kind == 0 else np.concatenate([grey, np.full_like(grey, most)], axis=2)
    pixels = decode(files.png(values, depth, kind)).pixels
    assert torch.equal(pixels[0], pixels[2])
    assert torch.allclose(pixels[0, 20], torch.from_numpy(ramp / most).float(), atol=1 / 255)


def test_cmyk_as_press_programs_write_it_inverted_is_read_the_right_way_round() -> None:
    data = files.saved(flat(0, 255, 255, 0), "JPEG")
    assert b"Adobe" in data
    assert near([colour_of(data)], [(255, 0, 0)])
    assert "printing colours" in decode(data).notes[0]


TRANSPARENT_TOP_LEFT = [WHITE, *files.CORNERS[1:]]


def with_alpha() -> Image.Image:
    picture = files.quarters().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 24))
    return picture


def palette_with_alpha() -> Image.Image:
    return with_alpha().quantize(8, method=Image.Quantize.FASTOCTREE)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(files.saved(with_alpha(), "PNG"), id="RGBA PNG"),
        pytest.param(files.saved(with_alpha(), "WEBP"), id="RGBA WebP"),
        pytest.param(files.saved(with_alpha(), "AVIF"), id="RGBA AVIF"),
        pytest.param(files.saved(with_alpha(), "GIF"), id="GIF with a transparent colour"),
        pytest.param(files.saved(palette_with_alpha(), "PNG"), id="PNG palette with alpha"),
        pytest.param(
            files.saved(files.quarters(), "PNG", transparency=files.RED), id="RGB PNG with a transparent colour"
        ),
        pytest.param(
            files.png(
                np.asarray(files.quarters()).astype(np.int64) * 256 + 13,
                16,
                2,
                files.chunk(b"tRNS", struct.pack(">3H", *(value * 256 + 13 for value in files.RED))),
            ),
            id="16-bit RGB PNG with a transparent colour",
        ),
    ],
)
def test_transparent_parts_come_out_white_and_the_sender_is_told(data: bytes) -> None:
    pixels, alpha, notes = decode(data)
    assert near(corners(pixels), TRANSPARENT_TOP_LEFT)
    assert alpha is None
    assert any("white" in note for note in notes)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_is_meant_at_the_files_own_depth(depth: int) -> None:
    most = 2**depth - 1
    values = np.full((48, 64, 1), most, dtype=np.int64)
    values[:, :32] = most // 2  # black at one bit, mid grey at more
    data = files.png(values, depth, 0, files.chunk(b"tRNS", struct.pack(">H", most // 2)))
    pixels, alpha, _ = decode(data, keep_alpha=True)
    assert alpha is not None
    assert alpha[:, :, :32].max() == 0
    assert alpha[:, :, 32:].min() == 1
    assert corners(pixels) == [WHITE] * 4


def test_half_transparent_grey_is_mixed_with_white_unless_alpha_is_kept() -> None:
    half = Image.merge("LA", (flat(100), flat(128)))
    data = files.saved(half, "PNG")
    assert near([colour_of(data)], [(177,) * 3], levels=1)
    kept = decode(data, keep_alpha=True)
    assert corners(kept.pixels)[0] == (100, 100, 100)
    assert kept.alpha is not None
    assert kept.alpha.shape == (1, files.HEIGHT, files.WIDTH)
    assert round(kept.alpha.mean().item() * 255) == 128
    assert kept.notes == ()


# --- orientation -----------------------------------------------------------------------------------------------------

UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # the camera's way of undoing "turn by 90 degrees clockwise"
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UNDO)
def test_a_photo_taken_sideways_comes_out_upright(orientation: int, kind: str) -> None:
    undo = UNDO[orientation]
    stored = files.quarters() if undo is None else files.quarters().transpose(undo)
    pixels = decode(files.saved(stored, kind, exif=files.exif(orientation))).pixels
    assert pixels.shape == (3, files.HEIGHT, files.WIDTH)
    assert near(corners(pixels), list(files.CORNERS), levels=3)


def test_alpha_is_turned_with_its_picture() -> None:
    stored = with_alpha().transpose(Image.Transpose.ROTATE_90)
    alpha = decode(files.saved(stored, "PNG", exif=files.exif(6)), keep_alpha=True).alpha
    assert alpha is not None
    assert [a for (a,) in corners(alpha)] == [0, 255, 255, 255]


def test_a_broken_exif_block_does_not_cost_the_photo() -> None:
    for block in (b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0" + random.Random(2).randbytes(900)):
        assert near(corners(decode(files.saved(files.quarters(), "JPEG", exif=block)).pixels), list(files.CORNERS))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_that_names_the_same_bytes_many_times_does_not_multiply_them(kind: str) -> None:
    data = files.exif_bombs()[kind]
    tracemalloc.start()
    try:
        decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20, "two hundred times half a megabyte would be a hundred"


# --- colour profiles -------------------------------------------------------------------------------------------------


def in_srgb(colour: tuple[int, ...]) -> tuple[int, ...]:
    """What an Adobe RGB colour is in sRGB, by the two spaces' published numbers."""
    light = np.linalg.solve(files.SRGB, files.ADOBE_RGB @ (np.array(colour) / 255) ** files.GAMMA)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(int(value) for value in np.rint(encoded * 255))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("colour", [(150, 120, 90), (90, 140, 110), (90, 110, 150)])
def test_a_wide_gamut_photo_is_converted_to_srgb(colour: tuple[int, ...], kind: str) -> None:
    assert not near([in_srgb(colour)], [colour], levels=6)
    data = files.saved(flat(*colour), kind, icc_profile=files.rgb_profile())
    assert near([colour_of(data)], [in_srgb(colour)], levels=3)
    assert decode(data).notes == ()


def test_a_palette_and_a_transparent_picture_are_converted_too() -> None:
    colour = (150, 120, 90)
    for picture in (flat(*colour).quantize(2), Image.merge("RGBA", (*flat(*colour).split(), flat(200)))):
        pixels = decode(files.saved(picture, "PNG", icc_profile=files.rgb_profile()), keep_alpha=True).pixels
        assert near(corners(pixels)[:1], [in_srgb(colour)])


def test_a_grey_photo_follows_its_grey_profile() -> None:
    linear = files.saved(flat(128), "PNG", icc_profile=files.grey_profile(1.0))
    assert near([colour_of(linear)], [(188,) * 3], levels=1)  # sRGB's code for half the light
    sixteen = files.png(np.full((48, 64, 1), 128 * 257), 16, 0, *_profile_chunk(files.grey_profile(1.0)))
    assert near([colour_of(sixteen)], [(188,) * 3], levels=1)


def _profile_chunk(profile: bytes) -> list[bytes]:
    return [files.chunk(b"iCCP", b"grey\0\0" + zlib.compress(profile))]


def test_a_grey_photo_with_a_colour_profile_uses_it() -> None:
    data = files.saved(flat(128), "JPEG", icc_profile=files.rgb_profile())
    assert near([colour_of(data)], [in_srgb((128, 128, 128))])
    assert decode(data).notes == ()


def test_a_cmyk_photo_follows_its_press() -> None:
    profile = files.cmyk_profile()
    cyan = files.saved(flat(255, 0, 0, 0), "JPEG", icc_profile=profile)
    assert near([colour_of(cyan)], [(119,) * 3], levels=3)  # L = 50; without the profile it would be cyan
    black = files.saved(flat(0, 0, 0, 255), "JPEG", icc_profile=profile)
    assert near([colour_of(black)], [(0, 0, 0)], levels=3)
    assert decode(black).notes == ()
    paper = files.saved(flat(0, 0, 0, 0), "JPEG", icc_profile=profile)
    assert near([colour_of(paper)], [WHITE], levels=1)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(b"no profile at all", id="rubbish"),
        pytest.param(files.rgb_profile()[:200], id="cut off"),
        pytest.param(files.cmyk_profile(), id="of another colour space"),
        pytest.param(files.grey_profile(2.2), id="grey for a colour photo"),
        pytest.param(files.rgb_profile().replace(b"acsp", b"ascp"), id="without its signature"),
    ],
)
def test_a_profile_that_cannot_be_used_is_passed_over_with_a_note(profile: bytes) -> None:
    pixels, _, notes = decode(files.saved(files.quarters(), "PNG", icc_profile=profile))
    assert near(corners(pixels), list(files.CORNERS), levels=0)
    assert len(notes) == 1
    assert "colour profile" in notes[0]


# --- animations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken_and_the_sender_is_told(kind: str) -> None:
    frames = [flat(*files.RED), flat(*files.BLUE)]
    data = files.saved(files.quarters(), kind, save_all=True, append_images=frames, duration=100)
    pixels, _, notes = decode(data)
    assert near(corners(pixels), list(files.CORNERS), levels=3)
    assert [note for note in notes if "first frame" in note]


@pytest.mark.parametrize("name", GOOD)
def test_a_still_picture_is_not_called_an_animation(name: str) -> None:
    assert not [note for note in decode(GOOD[name]).notes if "frame" in note]


def test_an_animation_whose_second_frame_is_broken_still_gives_its_first() -> None:
    data = files.saved(files.quarters(), "GIF", save_all=True, append_images=[flat(*files.RED)], duration=100)
    second = data.rindex(b"!\xf9")
    assert near(corners(decode(data[: second + 12]).pixels), list(files.CORNERS))


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_a_sentence_for_a_person(name: str) -> None:
    sentence = refusal(BAD[name])
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert 40 < len(sentence) < 250
    assert not [word for word in ("Error", "PIL", "0x", "object", "Traceback", "None") if word in sentence]
    assert any(word in sentence for word in ("Send", "send", "Save")), "it says what to do"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("an empty file", "empty"),
        ("text", "text"),
        ("a web page", "web page"),
        ("an SVG drawing", "SVG"),
        ("a PDF document", "PDF"),
        ("a TIFF picture", "TIFF"),
        ("a BMP picture", "BMP"),
        ("an icon", "icon"),
        ("a Photoshop document", "Photoshop"),
        ("a JPEG XL picture", "JPEG XL"),
        ("a JPEG 2000 picture", "JPEG 2000"),
        ("a PostScript drawing", "PostScript"),
        ("a video", "video"),
        ("a ZIP archive", "ZIP"),
        ("a cut-off JPEG", "JPEG file ends too early"),
        ("a cut-off PNG", "PNG file ends too early"),
        ("a cut-off WEBP", "WebP file ends too early"),
        ("a cut-off GIF", "GIF file ends too early"),
        ("a cut-off AVIF", "AVIF file ends too early"),
        ("a PNG whose header claims more rows", "ends too early"),
        ("a JPEG of 49 megapixels in a kilobyte", "ends too early"),
        ("a flipped bit among a PNG's pixels", "damaged"),
        ("a PNG bomb of 81 megapixels", "9000 x 9000 pixels; the limit is 50 megapixels"),
        ("a JPEG that claims 65500 x 65500", "too many pixels"),
        ("a JPEG of 2000 scans", "scans"),
        ("one pixel", "1 x 1 pixels"),
        ("a banner 40 pixels high", "20 times"),
    ],
)
def test_a_refusal_names_what_is_wrong(name: str, word: str) -> None:
    assert word in refusal(BAD[name])


def test_a_file_over_the_limit_of_bytes_is_not_even_looked_at() -> None:
    assert "1.0 MiB; the limit is 0.5 MiB" in refusal(bytes(2**20), Limits(max_bytes=2**19))


@pytest.mark.parametrize("limits", [Limits(max_pixels=1000), Limits(max_side=50), Limits(min_side=50)])
def test_the_size_is_judged_by_the_header_before_any_pixel_is_decoded(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    for name in ("JPEG", "PNG", "GIF", "lossy WebP"):
        assert "64 x 48 pixels" in refusal(GOOD[name], limits)


def test_a_phone_photo_with_a_film_behind_it_is_not_taken_for_a_jpeg_of_many_scans() -> None:
    data = GOOD["progressive JPEG"] + bytes(2) + b"\xff\xda\0\2" * 1000
    assert near(corners(decode(data).pixels), list(files.CORNERS))


def test_without_its_library_a_heic_photo_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "Most Compatible" in refusal(BAD["a HEIC photo"])


def test_with_its_library_a_heic_photo_is_read() -> None:
    heif = pytest.importorskip("pillow_heif", reason="the optional library for HEIC is not installed")
    file = io.BytesIO()
    stored = files.quarters().transpose(Image.Transpose.ROTATE_90)
    heif.from_pillow(stored).save(file, quality=95, exif=files.exif(6).tobytes(), icc_profile=None)
    assert near(corners(decode(file.getvalue()).pixels), list(files.CORNERS), levels=6)


@pytest.mark.parametrize(
    "error",
    [
        OSError,
        SyntaxError,
        struct.error,
        RecursionError,
        MemoryError,
        KeyError,
        OverflowError,
        AssertionError,
        Warning,
    ],
)
def test_whatever_a_decoder_raises_becomes_a_refusal(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise error("inside")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert refusal(GOOD["JPEG"])


def test_a_lack_of_memory_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "memory" in refusal(GOOD["JPEG"])


def test_an_interruption_from_the_keyboard_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(KeyboardInterrupt):
        decode(GOOD["JPEG"])


def survives(data: bytes) -> None:
    try:
        pixels, alpha, _ = decode(data, Limits(max_pixels=10**6), keep_alpha=True)
    except ImageRefused:
        return
    assert pixels.shape[0] == 3
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert alpha is None or alpha.shape[1:] == pixels.shape[1:]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """``data`` with some bytes changed, most of them near its head, or a piece moved, lost or doubled."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 2, 8, 40))):
        at = min(dice.randrange(len(data)), dice.randrange(len(data)))
        changed[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)))
    if dice.random() < 0.3:
        start, end, to = sorted(dice.randrange(len(data)) for _ in range(3))
        changed[start:end] = dice.choice((b"", changed[end:to], changed[start:end] * 2))
    return bytes(changed)


@pytest.mark.parametrize("name", [*GOOD, "personal"])
def test_no_damage_to_a_file_gets_out_as_anything_but_a_refusal(name: str) -> None:
    dice = random.Random(name)
    data = files.personal_photo() if name == "personal" else GOOD[name]
    for _ in range(100):
        survives(mutated(data, dice))


HEADS = [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8X", b"\0\0\0\x18ftypavif"]


@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_no_string_of_bytes_gets_out_as_anything_but_a_refusal(head: bytes, rest: bytes) -> None:
    survives(head + rest)


# --- reduced decoding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_photo_decoded_only_as_far_as_needed_looks_the_same(kind: str) -> None:
    smooth = files.quarters().resize((1600, 1200), Image.Resampling.BICUBIC)
    data = files.saved(smooth, kind)
    whole, part = decode(data).pixels, decode(data, enough=150).pixels
    assert whole.shape == (3, 1200, 1600)
    assert 300 <= part.shape[2] <= 600
    assert torch.allclose(fit(whole, 150), fit(part, 150), atol=0.03)


def test_this_installation_reads_every_kind_that_is_promised() -> None:
    assert all(features.check(name) for name in ("jpg", "zlib", "webp", "avif", "littlecms2"))
