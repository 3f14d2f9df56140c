"""The grid of the paper, at postage-stamp size, with the real networks."""

import io

import pytest
import torch
from PIL import Image

from engine import gallery
from engine.images.lettering import PAPER
from engine.lab.sheet import SMALLEST, labelled
from engine.painter import TorchPainter
from engine.recipe import cells, complete, line, parse
from engine.stages import Picture, Stage
from engine.wire import EngineSettings, Paint
from tests.pictures import patch

STYLES = gallery.default()


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


def painted(painter: TorchPainter, text: str, size: int) -> tuple[list[Stage], Picture]:
    order = Paint("job", patch(), complete(parse(text, STYLES), STYLES, size=size, seed=7), enlarge=False)
    *stages, picture = painter.paint(order)
    assert isinstance(picture, Picture)
    return [stage for stage in stages if isinstance(stage, Stage)], picture


def pixels(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def test_a_sheet_is_as_large_as_asked_and_holds_its_pictures_in_their_places() -> None:
    sheet = labelled("a title", ["one", "two"], ["left", "right"], 400, (40, 60))
    for index in range(3):
        sheet.put(index, torch.full((3, 8, 12), index / 4))
    assert max(sheet.image.size) in range(396, 401)
    height, width = sheet.cell
    assert width / height == pytest.approx(1.5, abs=0.02)
    right, bottom = sheet.image.width, sheet.image.height
    assert sheet.image.getpixel((right - width // 2, bottom - height * 3 // 2)) == (64, 64, 64)  # the second
    assert sheet.image.getpixel((right - width * 3 // 2, bottom - height // 2)) == (128, 128, 128)  # the third
    assert sheet.image.getpixel((1, 1)) == PAPER
    assert sheet.tensor().shape == (1, 3, bottom, right)


def test_no_cell_of_a_sheet_is_too_small_to_show_anything() -> None:
    sheet = labelled("", ["row"] * 5, ["column"] * 4, 64, (30, 10))
    assert max(sheet.cell) == SMALLEST
    assert max(sheet.image.size) > 64


def test_the_papers_grid_paints_every_cell_as_its_own_recipe_says(painter, monkeypatch) -> None:
    seen = []
    fine = painter._modes["fine"]

    def watched(work):
        seen.append(work.recipe)
        return (yield from fine(work))

    monkeypatch.setitem(painter._modes, "fine", watched)
    stages, picture = painted(painter, "starrynight mode=grid steps=2", 420)
    assert len(seen) == 20
    expected = [recipe for row in cells(picture.recipe, STYLES) for recipe in row]
    assert [(r.layers, r.ratio) for r in seen] == [(r.layers, r.ratio) for r in expected]
    assert {(r.steps, r.seed, r.init, r.mode) for r in seen} == {(2, 7, "noise", "fine")}
    assert [len(row) for row in cells(picture.recipe, STYLES)] == [4] * 5
    assert stages[-1].done == 1
    assert [stage.done for stage in stages] == sorted(stage.done for stage in stages)
    assert all(stage.preview for stage in stages if "painted" in stage.text)


def test_a_grids_line_says_its_own_size_and_paints_it_again(painter) -> None:
    _, first = painted(painter, "starrynight mode=grid steps=1", 420)
    assert first.recipe.size == 420
    assert max(first.width, first.height) in range(410, 421)
    _, again = painted(painter, line(first.recipe), 999)
    assert again.data == first.data
