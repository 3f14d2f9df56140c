"""Pictures out: pixels, the recipe line, and nothing of the sender's."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from engine.images.decode import decode
from engine.images.encode import encode_jpeg, encode_png
from engine.images.metadata import LINE_KEY
from engine.tensors import fit
from tests.engine import fixtures_images as files


def line_of(png: bytes) -> str:
    with Image.open(io.BytesIO(png)) as picture:
        return str(picture.info[LINE_KEY])


def chunks(png: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(png):
        names.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return names


LINE = "/stylize starrynight:70+greatwave:30 mode=fine strength=80 brush=1.2 colors=photo size=1024 seed=7"


def test_nothing_of_the_senders_photo_but_its_pixels_is_in_the_output() -> None:
    photo = files.personal_photo()
    assert all(secret in photo for secret in files.SECRETS)
    pixels = decode(photo).pixels
    painting, preview = encode_png(pixels, LINE), encode_jpeg(pixels)
    assert set(chunks(painting)) == {b"IHDR", b"sRGB", b"tEXt", b"IDAT", b"IEND"}
    assert not [secret for secret in files.SECRETS if secret in painting or secret in preview]
    with Image.open(io.BytesIO(painting)) as written:
        assert written.info == {"srgb": 0, "impasto": LINE}
    with Image.open(io.BytesIO(preview)) as written:
        assert set(written.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_png_gives_back_its_pixels_its_alpha_and_its_line() -> None:
    pixels, alpha = torch.randint(256, (3, 40, 50)) / 255, torch.randint(1, 256, (1, 40, 50)) / 255
    written = encode_png(pixels, LINE, alpha)
    read = decode(written, keep_alpha=True)
    assert read.alpha is not None
    assert torch.allclose(read.pixels, pixels, atol=1e-6)
    assert torch.allclose(read.alpha, alpha, atol=1e-6)
    assert line_of(written) == LINE


def test_values_out_of_range_are_clipped_and_other_precisions_taken() -> None:
    pixels = torch.full((3, 40, 40), 1.5, dtype=torch.bfloat16, requires_grad=True)
    assert torch.equal(decode(encode_png(pixels)).pixels, torch.ones(3, 40, 40))


@pytest.mark.parametrize("line", ["x", "/stylize café brush=1.2", "≤ 4 styles ✓"])
def test_a_line_in_any_language_is_read_back(line: str) -> None:
    assert line_of(encode_png(torch.rand(3, 40, 40), line)) == line


def test_a_preview_is_a_baseline_jpeg_reduced_but_never_enlarged() -> None:
    pixels = fit(torch.rand(3, 6, 8), 400)
    small = encode_jpeg(pixels, long_side=100)
    assert small.startswith(b"\xff\xd8\xff")
    assert b"\xff\xc0" in small  # baseline
    assert decode(small).pixels.shape == (3, 75, 100)
    assert decode(encode_jpeg(pixels, long_side=1000)).pixels.shape == (3, 300, 400)
    assert len(encode_jpeg(pixels, quality=50)) < len(encode_jpeg(pixels, quality=95))
    assert (decode(encode_jpeg(pixels)).pixels - pixels).abs().mean() < 0.02
