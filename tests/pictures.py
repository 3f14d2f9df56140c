"""Small pictures for tests."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from engine import gallery


def picture(
    color: tuple[int, int, int] = (200, 120, 40), size: tuple[int, int] = (96, 64), kind: str = "PNG"
) -> bytes:
    """A small image file."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def patch(size: tuple[int, int] = (90, 60)) -> bytes:
    """A grey slope with an orange patch, as PNG."""
    file = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste("orange", (20, 15, 50, 40))
    image.save(file, "PNG")
    return file.getvalue()


def clip(
    kind: str = "GIF", frames: int = 3, size: tuple[int, int] = (96, 64), color: tuple[int, int, int] = (200, 120, 40)
) -> bytes:
    """A small animation."""
    file = io.BytesIO()
    first, *others = (Image.new("RGB", size, (color[0], color[1], 40 * at % 256)) for at in range(frames))
    first.save(file, kind, save_all=True, append_images=others, duration=100, loop=0)
    return file.getvalue()


def swatches(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures for all styles, in place of those that the package brings."""
    (folder / "swatches").mkdir()
    for index, style in enumerate(gallery.default()):
        kind = picture(((37 * index) % 256, (91 * index + 60) % 256, (53 * index + 120) % 256), (64, 48), "WEBP")
        (folder / "swatches" / f"{style.name}.webp").write_bytes(kind)
    pictures_from(folder, monkeypatch)


def pictures_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every style's pictures looked for in ``folder``."""
    swatch = property(lambda style: folder / "swatches" / f"{style.name}.webp")
    for name in ("swatch", "preview"):
        monkeypatch.setattr(gallery.Style, name, swatch)
