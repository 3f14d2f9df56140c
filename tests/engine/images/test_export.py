"""A finished picture as another file: of full size, with its line."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from engine.images.encode import encode_png
from engine.images.export import export
from engine.images.metadata import DESCRIPTION

LINE = "/stylize starrynight mode=fast strength=60"


def painted(alpha: torch.Tensor | None = None) -> bytes:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 96), indexing="ij")
    return encode_png(torch.stack([rows, columns, 1 - rows]), LINE, alpha)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(("kind", "name"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_picture_looks_the_same_and_carries_its_line(kind: str, name: str) -> None:
    original, copy = opened(painted()), opened(export(painted(), kind))
    assert (copy.format, copy.size) == (name, original.size)
    assert copy.getexif()[DESCRIPTION] == LINE
    difference = np.asarray(copy.convert("RGB"), float) - np.asarray(original.convert("RGB"), float)
    assert np.abs(difference).mean() < 2


def test_transparency_stays_in_webp_and_is_white_in_jpeg() -> None:
    half = torch.zeros(1, 64, 96)
    half[..., 48:] = 1
    webp, jpeg = opened(export(painted(half), "webp")), opened(export(painted(half), "jpeg"))
    assert webp.getpixel((4, 4))[3] == 0  # type: ignore[index]
    assert webp.getpixel((90, 4))[3] == 255  # type: ignore[index]
    assert min(jpeg.getpixel((4, 4))) > 250  # type: ignore[arg-type]


def test_the_program_takes_a_picture_and_gives_one() -> None:
    command = [sys.executable, "-m", "engine.images.export"]
    made = subprocess.run([*command, "jpeg"], input=painted(), capture_output=True, timeout=60, check=True)
    assert opened(made.stdout).format == "JPEG"
    assert subprocess.run([*command, "tiff"], input=b"", capture_output=True, timeout=60).returncode == 1
