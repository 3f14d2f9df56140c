"""A dream that comes nearer, at postage-stamp size, with the real slim encoder."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.lab.dream import activation
from engine.motion.zoom import NEARER, enlarged, frames, within_limits
from engine.recipe import Recipe, complete


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """Soft clouds of colour, (3, 48, 64)."""
    small = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(small, (48, 64), mode="bicubic").clamp(0, 1)[0]


def recipe(**given) -> Recipe:
    return complete(Recipe(mode="dream", layers=("conv3_1",), **given), gallery.default(), size=64, seed=5)


def finished(photo: Tensor, recipe: Recipe, encoder: SlimEncoder) -> list[Tensor]:
    return [x for _, taken, x in frames(photo, recipe, encoder) if taken is None]


def test_what_is_enlarged_stays_about_its_middle_and_leaves_no_edge() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 60), torch.linspace(-1, 1, 80), indexing="ij")
    hill = (0.9 - 0.4 * x.square() - 0.4 * y.square()).expand(1, 3, 60, 80)
    nearer = enlarged(hill, 1.25)
    there = (0.9 - 0.4 * (x / 1.25).square() - 0.4 * (y / 1.25).square()).expand(1, 3, 60, 80)
    assert torch.allclose(nearer, there, atol=0.01)


def test_every_frame_begins_with_the_one_before(photo, encoder) -> None:
    one, two = finished(photo, recipe(zoom=2, steps=1), encoder)
    assert torch.equal(one, photo[None]), "the only step is the last frame's"
    assert 0 < (two - enlarged(one, NEARER)).abs().mean() < 0.02


def test_the_layer_sees_more_in_every_frame_and_all_steps_are_taken(photo, encoder) -> None:
    made = recipe(zoom=3, steps=7)
    seen = [activation(encoder.features(x, ("conv3_1",))["conv3_1"]) for x in finished(photo, made, encoder)]
    assert seen == sorted(seen)
    assert [n for _, n, _ in frames(photo, made, encoder) if n is not None] == list(range(1, 8))


def test_the_same_recipe_is_the_same_clip(photo, encoder) -> None:
    one, again = (finished(photo, recipe(zoom=2, steps=4), encoder)[-1] for _ in range(2))
    assert torch.equal(one, again)


def test_of_a_large_picture_fewer_frames_are_dreamed_and_that_is_told() -> None:
    notes: list[str] = []
    made = recipe(zoom=48)
    assert within_limits(made, 512, 512, notes) == made
    assert not notes
    few = within_limits(made, 1024, 1024, notes)
    assert (few.zoom, few.steps) == (12, 36)
    assert notes == ["At this size I dream 12 frames, not 48; with a smaller size= there are more."]
    assert within_limits(made, 4096, 4096, notes).zoom == 2
