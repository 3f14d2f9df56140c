"""The optimisation at postage-stamp size, with the real slim encoder."""

import itertools

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.fine.gatys import Run
from engine.fine.losses import gram
from engine.fine.paint import paint
from engine.fine.scales import Scale, scales
from engine.fine.weights import ratio
from engine.recipe import Recipe, Share, complete
from engine.tensors import YIQ, resize
from tests.shapes import disc


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return disc(64, 80)


@pytest.fixture(scope="module")
def style() -> Tensor:
    """Diagonal stripes, (3, 72, 72)."""
    y, x = torch.meshgrid(torch.arange(72), torch.arange(72), indexing="ij")
    stripes = ((x + y) % 12 < 6).float()
    return torch.stack([stripes, 0.5 * stripes, 1 - stripes])


def recipe(**given) -> Recipe:
    settings = {"size": 80, "steps": 12, **given}
    return complete(Recipe(styles=(Share("starrynight"),), **settings), gallery.default(), size=80, seed=5)


def picture(photo: Tensor, style: Tensor, encoder, **settings) -> Tensor:
    *_, last = paint(photo, [(style, 1.0)], recipe(**settings), encoder)
    return last.x


def style_distance(x: Tensor, style: Tensor, encoder) -> float:
    F, A = (encoder.features(p, encoder.style_layers) for p in (x, style[None]))
    return sum(float((gram(F[k]) - gram(A[k])).norm() / gram(A[k]).norm()) for k in F)


def test_the_same_recipe_paints_the_same_picture_bit_for_bit(photo, style, encoder) -> None:
    assert torch.equal(picture(photo, style, encoder), picture(photo, style, encoder))


def test_another_seed_paints_another_picture(photo, style, encoder) -> None:
    assert not torch.equal(picture(photo, style, encoder), picture(photo, style, encoder, seed=6))


def test_strength_zero_returns_the_photo(photo, style, encoder) -> None:
    assert torch.equal(picture(photo, style, encoder, strength=0)[0], photo)


def test_more_strength_is_never_less_style(photo, style, encoder) -> None:
    distances = [
        style_distance(picture(photo, style, encoder, strength=s, steps=40), style, encoder) for s in (5, 50, 100)
    ]
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == 3


def test_fifty_is_the_papers_balance_and_the_curve_falls_all_the_way() -> None:
    assert ratio(50) == pytest.approx(1e-3)
    assert all(ratio(a) > ratio(b) for a, b in itertools.pairwise(range(1, 101)))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["photo", "noise"])
def test_the_loss_falls_with_either_optimiser_from_either_start(photo, style, encoder, optimizer, init) -> None:
    steps = list(paint(photo, [(style, 1.0)], recipe(optimizer=optimizer, init=init, steps=40), encoder))
    assert [s.index for s in steps] == list(range(1, 41))
    assert steps[-1].total < 0.7 * steps[0].total
    assert steps[-1].done == pytest.approx(1.0)
    assert steps[-1].x.shape == (1, 3, 64, 80)
    assert 0 <= steps[-1].x.min() <= steps[-1].x.max() <= 1


def test_scales_run_from_coarse_to_the_size_asked_for_and_spend_every_step() -> None:
    plan = scales(384, 512, 125)
    assert [max(scale.size) for scale in plan] == [192, 314, 512]
    assert plan[-1].size == (384, 512)
    assert sum(scale.steps for scale in plan) == 125
    assert plan[0].steps > plan[1].steps > plan[2].steps


def test_a_picture_goes_on_from_the_one_that_it_is_given(photo, style, encoder) -> None:
    target = picture(photo, style, encoder, steps=40)
    two_steps = recipe(steps=2)
    near, *_ = paint(photo, [(style, 1.0)], two_steps, encoder, start=target)
    far, *_ = paint(photo, [(style, 1.0)], two_steps, encoder)
    assert (near.x - target).abs().mean() < 0.3 * (far.x - target).abs().mean()


def test_forms_are_kept_in_the_styles_colours_and_plainly_in_the_photos(photo, style, encoder) -> None:
    """With hardly any style, what is left is the content: its brightest colour is the style's, or the photo's."""
    blue = torch.stack([0.2 * style[0], 0.3 * style[1], style[2]])
    brown = torch.stack([0.8 * photo[0], 0.5 * photo[1], 0.2 * photo[2]])

    def blueness(**settings) -> float:
        x = picture(brown, blue, encoder, steps=10, ratio=1e3, **settings)
        return float((x[:, 2] - x[:, 0]).mean())

    assert blueness() > 0.1
    assert blueness(colors="matched") < 0
    assert blueness(plain="yes") < 0


@pytest.mark.parametrize(("height", "width", "steps"), [(64, 64, 1), (1024, 700, 2), (40, 800, 3), (4096, 300, 500)])
def test_odd_plans_still_end_at_the_full_size(height, width, steps) -> None:
    plan = scales(height, width, steps)
    assert plan[-1].size == (height, width)
    assert sum(scale.steps for scale in plan) == steps


def test_the_photos_colours_are_kept_on_request(photo, style, encoder) -> None:
    # Colours that are neither very dark nor very bright, which no change of luminance pushes out of the gamut.
    soft = 0.4 + 0.2 * photo
    to_yiq = torch.tensor(YIQ)
    x = picture(soft, style, encoder, colors="photo")[0]
    colours, kept = (torch.einsum("ij,jhw->ihw", to_yiq, p)[1:] for p in (soft, x))
    inside = ((x > 0.01) & (x < 0.99)).all(0)
    assert inside.float().mean() > 0.5
    assert (colours - kept)[:, inside].abs().max() < 0.02
    assert not torch.allclose(soft, x, atol=0.05)


def test_a_mix_lies_between_its_styles(photo, style, encoder) -> None:
    other = style.flip(0).mT.contiguous() * 0.3
    *_, last = paint(photo, [(style, 9.0), (other, 1.0)], recipe(steps=30), encoder)
    assert style_distance(last.x, style, encoder) < style_distance(last.x, other, encoder)
    *_, last = paint(photo, [(style, 1.0), (other, 9.0)], recipe(steps=30), encoder)
    assert style_distance(last.x, other, encoder) < style_distance(last.x, style, encoder)


def test_the_brush_changes_the_picture(photo, style, encoder) -> None:
    assert not torch.equal(picture(photo, style, encoder), picture(photo, style, encoder, brush=2))


class Faulty:
    """The slim encoder, which misbehaves at chosen calls."""

    def __init__(self, encoder: SlimEncoder, fault, at: range) -> None:
        self.encoder, self.fault, self.at, self.calls = encoder, fault, at, 0
        self.style_layers, self.content_layers = encoder.style_layers, encoder.content_layers

    def features(self, x, layers):
        self.calls += 1
        found = self.encoder.features(x, layers)
        return self.fault(found) if self.calls in self.at else found


def test_a_loss_that_is_not_finite_goes_on_with_adam_and_a_note(photo, style, encoder) -> None:
    faulty = Faulty(encoder, lambda found: {k: f * float("nan") for k, f in found.items()}, range(5, 6))
    steps = list(paint(photo, [(style, 1.0)], recipe(), faulty))
    assert any("Adam" in step.note for step in steps)
    assert steps[-1].index == 12
    assert steps[-1].x.isfinite().all()


def test_steps_that_lead_nowhere_are_undone(photo, style, encoder) -> None:
    calm = list(paint(photo, [(style, 1.0)], recipe(steps=24), encoder))
    faulty = Faulty(encoder, lambda found: {k: f * 30 for k, f in found.items()}, range(9, 10))
    target = list(paint(photo, [(style, 1.0)], recipe(steps=24), faulty))
    assert max(step.total for step in target) > 100 * calm[0].total  # the fault was seen
    assert target[-1].total < 0.7 * target[0].total
    assert len(target) == len(calm)


def test_numbers_that_never_become_finite_are_an_error(photo, style, encoder) -> None:
    faulty = Faulty(encoder, lambda found: {k: f * float("nan") for k, f in found.items()}, range(3, 999))
    with pytest.raises(FloatingPointError):
        list(paint(photo, [(style, 1.0)], recipe(), faulty))


def no_memory(found):
    raise torch.OutOfMemoryError("no memory")


def test_when_memory_runs_out_the_size_is_halved_once_and_told(photo, style, encoder) -> None:
    steps = list(paint(photo, [(style, 1.0)], recipe(), Faulty(encoder, no_memory, range(6, 7))))
    assert steps[-1].x.shape == (1, 3, 32, 40)
    assert any("40 pixels instead of 80" in step.note for step in steps)


def test_when_memory_runs_out_twice_it_is_an_error(photo, style, encoder) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        list(paint(photo, [(style, 1.0)], recipe(), Faulty(encoder, no_memory, range(6, 99))))


def test_layers_are_those_that_the_recipe_names(photo, style, encoder) -> None:
    asked = []
    watch = Faulty(encoder, lambda found: asked.append(set(found)) or found, range(99))
    list(paint(photo, [(style, 1.0)], recipe(layers=("conv1_1", "fire2"), content=("conv3_1",), steps=2), watch))
    assert set().union(*asked) == {"conv1_1", "fire2", "conv3_1"}


def test_what_lies_at_the_border_counts_no_more_than_what_lies_inside(photo, style, encoder) -> None:
    """Or rare colours would gather there: they cost least where the encoder sees them twice."""
    run = Run([Scale((96, 96), 1)], encoder, recipe(), [(style[None], 1.0)], resize(photo[None], (96, 96)))
    target = run.target((96, 96), run.grams((96, 96)), (8, 8))
    pulls = torch.zeros(96, 96)
    for seed in range(6):
        x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(seed), requires_grad=True)
        (gradient,) = torch.autograd.grad(run.losses(x, target)[2], x)
        pulls += gradient.square().sum((0, 1))
    inside = pulls[16:-16, 16:-16].mean()
    for border in (pulls[:3], pulls[-3:], pulls[:, :3], pulls[:, -3:]):
        assert border.mean() < 1.25 * inside
