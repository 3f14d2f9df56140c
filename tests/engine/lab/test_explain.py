"""How a picture was made, at postage-stamp size, with the real slim encoder."""

import pytest
import torch

from engine import gallery
from engine.fast.finish import last_touches
from engine.images.decode import decode
from engine.lab import explain
from engine.lab.explanation import plots
from engine.lab.explanation.record import Record
from engine.painter import TorchPainter
from engine.recipe import complete, line, parse
from engine.stages import Picture, Refused
from engine.wire import EngineSettings, Paint
from engine.work import Work
from tests.pictures import patch

STYLES = gallery.default()


@pytest.fixture(scope="module")
def painter() -> TorchPainter:
    return TorchPainter(EngineSettings(device="cpu"))


def painted(painter: TorchPainter, text: str) -> Picture:
    recipe = complete(parse(text, STYLES), STYLES, size=72, seed=7)
    *_, picture = painter.paint(Paint("job", patch(), recipe, enlarge=False))
    assert isinstance(picture, Picture)
    return picture


def recorded(painter: TorchPainter, text: str, monkeypatch) -> tuple[Record, str]:
    """What was written down on the way, and the line that is drawn below it."""
    seen: list[tuple[Record, str]] = []
    draw = plots.draw
    monkeypatch.setattr(plots, "draw", lambda record, line: seen.append((record, line)) or draw(record, line))
    painted(painter, text)
    return seen[0]


def test_what_is_explained_is_the_very_picture_that_its_line_paints(painter, monkeypatch) -> None:
    record, text = recorded(painter, "starrynight mode=explain steps=12", monkeypatch)
    assert [index for index, _ in record.stations] == [1, 10, 12]
    alone = painted(painter, text)
    assert alone.recipe.mode == "fine"
    look = painter.look(Work(decode(patch()).pixels, alone.recipe, None, None))
    shown = last_touches(record.stations[-1][1][None], alone.recipe, look)[0]
    assert torch.equal(shown.mul(255).round(), decode(alone.data).pixels.mul(255).round())


def test_every_step_and_the_energy_of_every_layer_are_written_down(painter, monkeypatch) -> None:
    record, _ = recorded(painter, "starrynight mode=explain steps=30 init=noise layers=conv3_1,fire2", monkeypatch)
    assert [index for index, *_ in record.steps] == list(range(1, 31))
    assert set(record.energies) == {"conv3_1", "fire2"}
    for points in record.energies.values():
        assert points[0][0] == 1
        assert points[-1][0] == 30
        assert points[-1][1] < points[0][1] / 5


def test_every_so_many_steps_are_shown_where_the_recipe_says_so(painter, monkeypatch) -> None:
    record, _ = recorded(painter, "starrynight every=2 steps=17", monkeypatch)
    assert [index for index, _ in record.stations] == [2, 4, 6, 8, 10, 12, 14, 16, 17]


@pytest.mark.parametrize("colors", ["photo", "matched"])
def test_other_colours_are_explained_as_they_are_painted(painter, monkeypatch, colors) -> None:
    record, _ = recorded(painter, f"sunrise mode=explain colors={colors} steps=30 init=photo", monkeypatch)
    assert all(points[-1][1] < points[0][1] for points in record.energies.values())


def test_an_explanations_line_paints_it_again(painter) -> None:
    first = painted(painter, "starrynight mode=explain steps=2")
    assert first.recipe.size == 72
    assert first.width == 1500
    above = decode(first.data).pixels[:, 60:200]
    coloured = (above.amax(0) - above.amin(0) > 0.2).any(0).float().mean()
    assert coloured > 0.6, "the pictures stand above the curves"
    assert painted(painter, line(first.recipe)).data == first.data


@pytest.mark.parametrize(
    ("text", "installed", "says"),
    [
        ("starrynight mode=explain", False, "pip install 'impasto\\[figures\\]'"),
        ("starrynight mode=explain strength=0", True, "nothing to explain"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_sentence(painter, monkeypatch, text, installed, says) -> None:
    monkeypatch.setattr(explain, "find_spec", lambda name: installed or None)
    with pytest.raises(Refused, match=says):
        painted(painter, text)
