"""Thumbnails come from this package, wherever the bot was started."""

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from bot.engine_process import thumbnails
from engine import gallery


async def test_code_in_the_folder_where_the_bot_was_started_is_not_run(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "engine" / "images").mkdir(parents=True)
    (tmp_path / "engine" / "__init__.py").touch()
    (tmp_path / "engine" / "images" / "__init__.py").touch()
    (tmp_path / "engine" / "images" / "thumbnails.py").write_text("print('not ours')")
    monkeypatch.chdir(tmp_path)
    sheet = await thumbnails.sheet(list(gallery.default())[:2])
    assert sheet is not None
    assert sheet.startswith(b"\xff\xd8")


@pytest.mark.parametrize("most", [20_000, 400])
async def test_a_thumbnail_has_at_most_so_many_bytes_or_there_is_none(most: int) -> None:
    made = await thumbnails.preview(next(iter(gallery.default())), most)
    assert (made is None) == (most == 400)
    assert made is None or len(made) <= most


async def test_a_jpeg_is_as_small_as_it_must_be_and_rubbish_gives_none() -> None:
    noise = noise_of(300, 200)
    for most, size in ((80_000, (300, 200)), (20_000, (210, 140))):
        small = await thumbnails.jpeg(noise, most)
        assert small
        assert len(small) <= most
        with Image.open(io.BytesIO(small)) as image:
            assert image.size == size, "pixels go only where quality alone does not do"
    assert await thumbnails.jpeg(noise, 100) is None
    assert await thumbnails.jpeg(b"rubbish", 1000) is None


def noise_of(width: int, height: int) -> bytes:
    """A picture that is as hard to compress as can be."""
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3)).save(file, "PNG")
    return file.getvalue()
