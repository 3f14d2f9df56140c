"""Looking at the memory before a fine picture is begun."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from engine import device, gallery
from engine.fine import memory
from engine.painter import TorchPainter
from engine.recipe import Memory, complete, line, parse
from engine.stages import Picture
from engine.wire import EngineSettings, Paint

CPU = torch.device("cpu")


def painted(painter: TorchPainter, text: str) -> Picture:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((160, 128)).convert("RGB").save(data, "PNG")
    recipe = complete(parse(text, gallery.default()), gallery.default(), size=160, seed=7)
    *_, picture = painter.paint(Paint("job", data.getvalue(), recipe))
    assert isinstance(picture, Picture)
    return picture


def test_where_memory_is_short_a_fine_picture_is_half_as_large_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = TorchPainter(EngineSettings(device="cpu"))
    needed = painter.ready.memory.needed(
        complete(parse("scream mode=fine", gallery.default()), gallery.default(), size=160, seed=7), 128, 160
    )
    monkeypatch.setattr(device, "free", lambda *_: needed - 1)
    picture = painted(painter, "starrynight mode=fine steps=2")
    assert (picture.width, picture.height) == (80, 64)
    assert "size=80" in line(picture.recipe)
    assert "There is too little memory for 160 pixels, so I painted it at 80." in picture.notes
    assert painted(painter, "starrynight mode=fast").width == 160, "which needs less"
    monkeypatch.setattr(device, "free", lambda *_: needed)
    assert painted(painter, "starrynight mode=fine steps=2").notes == ()


def test_what_nobody_knows_reduces_nothing() -> None:
    recipe = complete(parse("starrynight mode=fine", gallery.default()), gallery.default(), size=4096, seed=7)
    assert Memory(0, 1800, 2100).suffices(recipe, 3072, 4096)
    assert not Memory(10**9, 1800, 2100).suffices(recipe, 3072, 4096)


def test_numbers_of_four_bytes_take_more_than_those_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "quick_type", lambda _: torch.bfloat16)
    half = memory.of(CPU, 5)
    monkeypatch.setattr(device, "quick_type", lambda _: torch.float32)
    whole = memory.of(CPU, 5)
    assert half.free == whole.free == 5
    assert half.slim < whole.slim < 2 * half.slim
    assert half.full < whole.full


def test_what_the_process_has_for_itself_counts_as_free() -> None:
    if not device.held():
        pytest.skip("the system does not say")
    assert device.free(CPU, 0) >= device.free(CPU, device.held()) > 0
