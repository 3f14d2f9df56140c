"""A gallery folder that version 0.1.0 wrote still paints."""

import io
from pathlib import Path

import pytest
from PIL import Image

from engine import gallery
from engine.painter import TorchPainter
from engine.recipe import complete, parse
from engine.stages import Picture
from engine.wire import EngineSettings, Paint

FOLDER = Path(__file__).parents[1] / "data" / "version-0.1.0" / "gallery"


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu", gallery=FOLDER))


def test_its_styles_are_found_with_all_that_was_written_of_them() -> None:
    styles = gallery.load(FOLDER)
    assert len(styles) == len(gallery.default()) + 3
    tartan, marble = styles["tartan"], styles.find("ebru")
    assert (tartan.title, tartan.strength, tartan.brush, tartan.fast) == ("Tartan of a Clan", 55, 1.5, False)
    assert styles.find("clan cloth") is tartan
    assert marble is not None
    assert (marble.name, marble.tags, marble.fast) == ("marble", ("pattern", "paper"), False)


def test_that_its_pairs_are_of_another_network_is_told_when_the_engine_is_ready(painter: TorchPainter) -> None:
    assert len(painter.ready.notes) == 2
    assert all("Train it again with python -m engine.train style" in note for note in painter.ready.notes)


@pytest.mark.parametrize("style", ["tartan", "rings", "marble"])
def test_its_styles_are_painted_in_universal_mode(painter: TorchPainter, style: str) -> None:
    styles = gallery.load(FOLDER)
    recipe = complete(parse(style, styles), styles, size=72, seed=7)
    file = io.BytesIO()
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(file, "PNG")
    *_, picture = painter.paint(Paint("job", file.getvalue(), recipe))
    assert isinstance(picture, Picture)
    assert (picture.recipe.mode, picture.width, picture.height) == ("universal", 72, 48)
