"""Dreams at postage-stamp size, with the real slim encoder."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.lab.dream import activation, dream, guided, octaves
from engine.recipe import Recipe, complete


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """Soft clouds of colour, (3, 64, 80)."""
    small = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(small, (64, 80), mode="bicubic").clamp(0, 1)[0]


def recipe(**given) -> Recipe:
    return complete(Recipe(mode="dream", **{"steps": 12, **given}), gallery.default(), size=80, seed=5)


def test_the_layer_sees_several_times_as_much_in_the_dream(photo, encoder) -> None:
    *_, last = dream(photo, recipe(), encoder)
    before, after = (activation(encoder.features(x, ("conv4_2",))["conv4_2"]) for x in (photo[None], last.x))
    assert after > 3 * before
    assert last.x.shape == (1, 3, 64, 80)
    assert 0 <= last.x.min() <= last.x.max() <= 1


def test_a_guided_dream_comes_nearer_to_the_guide_than_a_free_one(photo, encoder) -> None:
    y, x = torch.meshgrid(torch.arange(72), torch.arange(72), indexing="ij")
    checks = ((x // 6 + y // 6) % 2).float().expand(3, 72, 72)
    Y = encoder.features(checks[None], ("conv3_1",))["conv3_1"].flatten(2)[0]

    def likeness(picture: Tensor) -> Tensor:
        F = encoder.features(picture, ("conv3_1",))["conv3_1"].flatten(2)[0]
        return (F / F.norm(dim=0)).mT.matmul(Y / Y.norm(dim=0)).amax(1).mean()

    *_, free = dream(photo, recipe(layers=("conv3_1",)), encoder)
    *_, led = dream(photo, recipe(layers=("conv3_1",)), encoder, guide=checks)
    assert likeness(led.x) > likeness(free.x)


def test_the_same_dream_is_the_same_picture_and_another_seed_another(photo, encoder) -> None:
    (*_, one), (*_, again), (*_, other) = (dream(photo, recipe(seed=seed), encoder) for seed in (5, 5, 6))
    assert torch.equal(one.x, again.x)
    assert not torch.equal(one.x, other.x)


def test_strength_zero_is_the_photo_and_more_strength_leads_further_from_it(photo, encoder) -> None:
    pictures = [list(dream(photo, recipe(strength=s), encoder))[-1].x for s in (0, 20, 60)]
    far = [float((x - photo).abs().mean()) for x in pictures]
    assert far[0] < 1e-3
    assert far[0] < far[1] < far[2]


def test_every_step_is_taken_however_few_there_are_for_the_octaves(photo, encoder) -> None:
    for steps, octave_count in ((1, 4), (5, 2), (7, 10)):
        seen = list(dream(photo, recipe(steps=steps, octaves=octave_count), encoder))
        assert [step.index for step in seen] == list(range(1, steps + 1))
        assert seen[-1].done == pytest.approx(1)
        assert seen[-1].x.shape == (1, 3, 64, 80)


def test_octaves_are_as_many_as_the_encoder_has_room_for() -> None:
    assert octaves(384, 512, 3) == [(196, 261), (274, 366), (384, 512)]
    assert octaves(64, 80, 10) == [(33, 41), (46, 57), (64, 80)]
    assert octaves(32, 600, 4) == [(32, 600)]


def test_gradients_are_those_that_finite_differences_find() -> None:
    generator = torch.Generator().manual_seed(1)
    F = torch.rand(1, 3, 4, 5, generator=generator, dtype=torch.float64).requires_grad_(True)
    Y = torch.rand(3, 7, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(activation, F)
    assert torch.autograd.gradcheck(lambda F: guided(F, Y), F)


def test_a_guide_may_have_more_places_than_are_compared_at_once(encoder) -> None:
    F = torch.rand(1, 3, 70, 80, dtype=torch.float64)
    best = (torch.eye(3, dtype=torch.float64).mT @ F.flatten(2)[0]).amax(0)
    assert guided(F, torch.eye(3, dtype=torch.float64)) == pytest.approx(float(best.mean()))
