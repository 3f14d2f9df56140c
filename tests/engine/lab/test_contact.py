"""Sheets of quick pictures, with the real networks: every style, the ladder of one, variations of a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from skimage import data
from torch import Tensor

from engine import gallery
from engine.images.decode import tensor_of
from engine.lab.contact import columns_for
from engine.lab.sketches import TOGETHER, Sketches
from engine.painter import TorchPainter
from engine.recipe import Recipe, Share, complete, parse
from engine.stages import Picture, Stage
from engine.wire import KEPT_SECONDS, EngineSettings, Paint
from tests.pictures import patch, picture

STYLES = gallery.default()
SIZE = 96
# bfloat16 sums that are grouped differently round differently, and a pass over small pictures amplifies that; another
# style, strength or seed is at 0.1 and more.
ROUNDING = 0.03


def png(pixels: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")  # type: ignore[arg-type]
    return file.getvalue()


FACE = png(data.astronaut())  # it has a face, which is painted with restraint
WIDE = patch((96, 64))


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


@pytest.fixture(autouse=True)
def nothing_kept(painter: TorchPainter) -> None:
    painter.sketches.forget()


def painted(painter: TorchPainter, text: str, photo: bytes = WIDE, size: int = SIZE) -> tuple[list[Stage], Picture]:
    order = Paint("job", photo, complete(parse(text, STYLES), STYLES, size=size, seed=7), enlarge=False)
    *stages, made = painter.paint(order)
    assert isinstance(made, Picture)
    return [stage for stage in stages if isinstance(stage, Stage)], made


def cell_of(made: Picture, index: int) -> Image.Image:
    """One picture of a sheet, cut out by the place that the engine names."""
    with Image.open(io.BytesIO(made.data)) as sheet:
        left, top, width, _ = made.cells[index].box
        box = (left * sheet.width, top * sheet.height)
        size = (width * sheet.width, made.cells[index].high * sheet.height)
        corners = (*map(round, box), round(box[0] + size[0]), round(box[1] + size[1]))
        return sheet.convert("RGB").crop(corners)


@pytest.mark.parametrize("photo", [WIDE, FACE], ids=["no face", "a face"])
def test_every_style_of_the_gallery_is_on_the_photo_as_fast_mode_paints_it_at_that_size(painter, photo: bytes) -> None:
    _, made = painted(painter, "mode=sheet", photo, 128)
    assert [cell.label for cell in made.cells] == [style.name for style in STYLES]
    for index in (0, 7, 29):
        _, alone = painted(painter, made.cells[index].label, photo, 128)
        with Image.open(io.BytesIO(alone.data)) as single:
            assert cell_of(made, index).size == single.size
            apart = tensor_of(cell_of(made, index)) - tensor_of(single.convert("RGB"))
        assert apart.abs().mean() < ROUNDING, made.cells[index].label


def test_it_is_shown_while_it_fills_and_says_what_it_shows(painter) -> None:
    stages, made = painted(painter, "mode=sheet")
    shown = [stage for stage in stages if stage.preview]
    assert [len(stage.cells) for stage in shown] == [*range(TOGETHER, 30, TOGETHER), 30]
    assert shown[-1].cells == made.cells
    assert all(stage.at_once for stage in shown)
    preview = shown[0].preview
    assert preview
    with Image.open(io.BytesIO(preview())) as so_far:
        assert so_far.format == "JPEG"
        assert so_far.size == (made.width, made.height)


def test_no_two_cells_lie_over_each_other_and_none_over_the_edge(painter) -> None:
    _, made = painted(painter, "mode=sheet")
    boxes = [cell.box for cell in made.cells]
    assert all(x >= 0 and y >= 0 and x + w <= 1 and y + h <= 1 + 1e-9 for x, y, w, h in boxes)
    assert all(cell.high < cell.box[3] for cell in made.cells), "the name is below the picture"
    for index, (x, y, w, h) in enumerate(boxes):
        for left, top, *_ in boxes[index + 1 :]:
            assert left >= x + w - 1e-9 or top >= y + h - 1e-9 or left + w <= x + 1e-9


def test_what_was_painted_for_a_photo_is_not_painted_again(painter, monkeypatch) -> None:
    painted(painter, "mode=sheet")
    calls: list[int] = []

    together = painter.together

    def counted(p: Tensor, recipes: Sequence[Recipe]) -> Tensor:
        calls.append(len(recipes))
        return together(p, recipes)

    monkeypatch.setattr(painter, "together", counted)
    _, again = painted(painter, "mode=sheet")
    assert calls == []
    painted(painter, "mode=sheet colors=photo")
    painted(painter, "mode=sheet", patch((96, 60)))
    assert sum(calls) == 60, "another look, and another photo, are other pictures"
    assert len(again.cells) == 30


def test_only_so_many_bytes_are_kept_and_the_latest_are(painter) -> None:
    one = 3 * 64 * 96
    kept = Sketches(most_bytes=4 * one)
    p = torch.rand(3, 64, 96)
    names = [style.name for style in STYLES][:6]
    recipes = [complete(Recipe(styles=(Share(name),), seed=7), STYLES, size=96, seed=7) for name in names]
    for recipe in recipes:
        list(kept.paint(painter, p, [recipe]))
    assert kept._held == 4 * one
    assert len(kept._kept) == 4
    (found,) = list(kept.paint(painter, p, recipes[2:]))
    assert sorted(found) == [0, 1, 2, 3]


def test_what_nobody_has_used_for_long_enough_is_let_go(painter: TorchPainter) -> None:
    now = 0.0
    kept = Sketches(clock=lambda: now)
    p = torch.full((3, 64, 64), 0.5)
    recipes = [
        complete(parse(f"{name} mode=fast", STYLES), STYLES, size=64, seed=7) for name in ("starrynight", "greatwave")
    ]
    list(kept.paint(painter, p, recipes))
    both = kept.tidy()
    now = KEPT_SECONDS / 2
    list(kept.paint(painter, p, recipes[:1]))
    now = KEPT_SECONDS + 1
    assert kept.tidy() == both // 2
    now = 2 * KEPT_SECONDS
    assert kept.tidy() == 0


def test_the_ladder_of_one_style_is_stronger_to_the_right_and_broader_below(painter) -> None:
    _, made = painted(painter, "starrynight mode=sheet faces=free")
    assert [cell.label for cell in made.cells][4:6] == ["brush 0.5, strength 100", "brush 1, strength 20"]
    photo = ImageOps.fit(Image.open(io.BytesIO(WIDE)).convert("RGB"), cell_of(made, 0).size)
    away = [float((tensor_of(cell_of(made, index)) - tensor_of(photo)).abs().mean()) for index in range(15)]
    for row in range(3):
        assert away[5 * row] < away[5 * row + 2] < away[5 * row + 4] + 0.02
    _, alone = painted(painter, "starrynight strength=60 brush=2 faces=free")
    with Image.open(io.BytesIO(alone.data)) as single:
        apart = tensor_of(cell_of(made, 12)) - tensor_of(single.convert("RGB"))
    assert apart.abs().mean() < ROUNDING


def test_variations_are_four_and_the_photo_stays_what_it_is(painter) -> None:
    _, made = painted(painter, "starrynight mode=variations size=160", patch((160, 120)))
    assert [cell.label for cell in made.cells[:2]] == ["other strokes", "broader strokes"]
    assert all(cell.label.startswith("with ") for cell in made.cells[2:])
    assert made.recipe.size == 160
    assert len({cell_of(made, index).tobytes() for index in range(4)}) == 4


def test_an_operators_own_style_is_on_the_sheet_as_well(tmp_path: Path) -> None:
    (tmp_path / "swatches").mkdir()
    (tmp_path / "swatches" / "mine2.webp").write_bytes(picture(size=(64, 64), kind="WEBP"))
    entry = 'name = "mine2"\ntitle = "Own"\nartist = "Me"\nyear = "2024"\nlicence = "mine"\n'
    (tmp_path / "styles.toml").write_text(f"[[style]]\n{entry}")
    own = TorchPainter(EngineSettings(device="cpu", gallery=tmp_path))
    whole = complete(parse("mode=sheet", own.gallery), own.gallery, size=64, seed=7)
    *_, made = own.paint(Paint("job", WIDE, whole, enlarge=False))
    assert isinstance(made, Picture)
    assert made.cells[-1].label == "mine2"
    assert len(cell_of(made, 30).getcolors(9999) or []) > 3, "it is a picture"


@pytest.mark.parametrize(("tile", "expected"), [((190, 236), 4), ((265, 160), 5), ((264, 236), 5)])
def test_a_sheet_of_thirty_has_about_the_shape_of_a_phone(tile: tuple[int, int], expected: int) -> None:
    assert columns_for(30, tile) == expected
    assert columns_for(4, tile) == 2
    assert columns_for(1, tile) == 1
