"""What a fine picture gets beside its optimisation, and who gets none of it."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.fine.gatys import Step
from engine.fine.scales import BROADER, style_side
from engine.painter import TorchPainter
from engine.recipe import Recipe, complete, parse
from engine.wire import EngineSettings
from engine.work import Work, finished
from tests.shapes import disc


def recipe(text: str) -> Recipe:
    styles = gallery.default()
    return complete(parse(f"starrynight mode=fine steps=2 {text}", styles), styles, size=64, seed=7)


def painted(text: str) -> tuple[Tensor, Tensor]:
    """The picture, and what the optimisation left."""
    steps: list[Step] = []
    work = Work(disc(48, 64), recipe(text), None, None, watch=steps.append)
    return finished(TorchPainter(EngineSettings(device="cpu")).repaint(work)), steps[-1].x


@pytest.mark.parametrize("text", ["init=photo", "init=noise", "plain=yes"])
def test_from_the_photo_or_noise_or_plainly_a_picture_is_the_optimisation_alone(text: str) -> None:
    x, left = painted(text)
    assert torch.equal(x, left)
    assert style_side((48, 64), recipe(text)) == 64


def test_from_an_instant_picture_it_is_finished_as_those_are() -> None:
    x, left = painted("")
    assert not torch.equal(x, left)
    assert style_side((48, 64), recipe("")) == round(64 * BROADER)
