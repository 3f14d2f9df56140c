"""/like, /map and /suggest from bytes to bytes, with an operator's own style among the others."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from engine import gallery
from engine.images.decode import decode
from engine.images.encode import encode_png
from engine.painter import TorchPainter
from engine.recipe import complete, parse
from engine.stages import Picture, Stage
from engine.wire import EngineSettings, Paint


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A folder with one style, of a plain swatch and without a pair."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "swatches").mkdir()
    Image.effect_noise((96, 96), 90).convert("RGB").save(folder / "swatches/quilt.webp", lossless=True)
    fields = 'name = "quilt"\ntitle = "Quilt"\nartist = "Grandmother"\nyear = "1970"\nlicence = "ours"\n'
    (folder / "styles.toml").write_text(f"[[style]]\n{fields}")
    return folder


@pytest.fixture(scope="module")
def painter(own: Path) -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu", threads=1, gallery=own))


def painted(painter: TorchPainter, text: str, photo: bytes | None) -> tuple[list[Stage], Picture]:
    recipe = complete(parse(text, painter.gallery), painter.gallery, size=128, seed=1)
    *stages, picture = painter.paint(Paint("job", photo, recipe))
    assert isinstance(picture, Picture)
    return [stage for stage in stages if isinstance(stage, Stage)], picture


def test_a_picture_is_like_the_style_that_it_is_the_swatch_of(painter) -> None:
    swatch = decode(gallery.default()["dore"].swatch.read_bytes()).pixels
    _, dore = painted(painter, "mode=like size=256", encode_png(swatch))
    assert dore.findings[0].style == "dore"
    assert dore.findings[0].distance < 0.4 < dore.findings[1].distance
    assert "Little Red Riding Hood (dore), distance 0." in dore.notes[1]
    assert [found.distance for found in dore.findings] == sorted(found.distance for found in dore.findings)


def test_an_operators_own_style_is_found_and_on_the_map(painter, own) -> None:
    _, quilt = painted(painter, "mode=like size=96", (own / "swatches/quilt.webp").read_bytes())
    assert quilt.findings[0].style == "quilt"
    assert quilt.findings[0].distance < 0.01
    stages, chart = painted(painter, "mode=map size=400", None)
    assert (chart.width, chart.height) == (400, 400)
    assert "Neighbours are painted alike" in chart.notes[0]
    assert [stage.done for stage in stages] == sorted(stage.done for stage in stages)
    assert len(stages) > 31


def test_four_styles_that_fast_mode_knows_are_painted_on_the_photo(painter) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((96, 72)).convert("RGB").save(file, "PNG")
    stages, four = painted(painter, "mode=suggest", file.getvalue())
    assert len({found.style for found in four.findings}) == 4
    assert "quilt" not in {found.style for found in four.findings}
    assert [stage.done for stage in stages] == sorted(stage.done for stage in stages)
    for number, (found, note) in enumerate(zip(four.findings, four.notes[-4:], strict=True), 1):
        assert note.startswith(f"{number}. {gallery.default()[found.style].title}: ")
        line = parse(note[note.index("/stylize") :], painter.gallery)
        assert line.styles[0].name == found.style
    again = painted(painter, "mode=suggest", file.getvalue())[1]
    assert again.data == four.data
    softer = painted(painter, "mode=suggest strength=5", file.getvalue())[1]
    assert softer.findings == four.findings
    assert not torch.equal(decode(softer.data).pixels, decode(four.data).pixels)
