"""What an instant picture keeps follows its strength: next to nothing changes a photo next to nothing."""

import pytest
import torch

from engine import gallery
from engine.fast.keeping import keeping
from engine.recipe import Recipe, complete, parse
from engine.style.palette import Palette, palette_of
from tests.shapes import disc

BLUE = Palette(torch.tensor([0.2, 0.3, 0.7]).double(), 0.05 * torch.eye(3).double())


def recipe(text: str) -> Recipe:
    return complete(parse(f"starrynight {text}", gallery.default()), gallery.default(), size=120, seed=7)


def changed(text: str) -> float:
    """How far a picture that the network left as the photo was is from it."""
    photo = disc(90, 120)[None]
    return float((keeping(photo, photo, recipe(text), BLUE, None) - photo).abs().mean())


def test_the_less_strength_the_less_a_photo_is_changed_and_there_is_no_jump() -> None:
    steps = [changed(f"strength={strength}") for strength in (0, 1, 5, 20, 42)]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[1] < 0.002
    assert steps[-1] > 0.02


@pytest.mark.parametrize("text", ["faces=free", "strength=0"])
def test_who_asks_for_nothing_to_be_kept_gets_the_networks_picture(text: str) -> None:
    assert changed(text) == 0


def test_all_strength_keeps_no_forms() -> None:
    photo, x = disc(90, 120)[None], 0.3 + 0.4 * disc(90, 120).flip(2)[None]
    before, after = (palette_of(t) for t in (x, keeping(x, photo, recipe("strength=100"), BLUE, None)))
    assert torch.allclose(after.mean, before.mean, atol=0.01)
