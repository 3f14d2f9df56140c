"""The same line makes the same picture in the laboratory, too: painted once more, each is what it was."""

from __future__ import annotations

import pytest

from engine import gallery
from engine.painter import TorchPainter
from engine.recipe import complete, parse
from engine.stages import Picture
from engine.wire import GIF, EngineSettings, Paint
from tests.pictures import picture

STYLES = gallery.default()
PHOTO, OTHER = picture((200, 120, 40), (96, 64)), picture((20, 60, 200), (96, 64))
LINES = {
    "texture": "starrynight mode=texture depth=1 steps=2",
    "content": "mode=content content=conv2_1 steps=2",
    "dream": "mode=dream layers=conv3_1 octaves=1 steps=2",
    "zoom": "mode=dream layers=conv3_1 octaves=1 steps=2 zoom=3",
    "sheet": "starrynight mode=sheet",
    "variations": "starrynight mode=variations",
    "grid": "starrynight mode=grid steps=2",
    "suggest": "mode=suggest",
    "morph": "starrynight+greatwave mode=morph frames=3",
}


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


@pytest.mark.parametrize("mode", LINES)
def test_what_was_painted_is_verified(painter: TorchPainter, mode: str) -> None:
    recipe = complete(parse(LINES[mode], STYLES), STYLES, size=64, seed=7)

    def painted(photo: bytes, checked: bytes | None = None) -> Picture:
        order = Paint("job", photo if recipe.rules.photo else None, recipe, plays=(GIF.media_type,), checked=checked)
        *_, made = painter.paint(order)
        assert isinstance(made, Picture)
        return made

    first = painted(PHOTO)
    assert painted(PHOTO, first.data).notes[0] == "Verified: identical, in every pixel."
    if recipe.rules.photo:
        assert "identical" not in painted(OTHER, first.data).notes[0]
