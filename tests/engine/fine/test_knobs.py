"""The knobs of fine mode at postage-stamp size, with the real slim encoder."""

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.fine.colours import matched
from engine.fine.gatys import Run
from engine.fine.losses import gram_loss, total_variation
from engine.fine.paint import paint
from engine.fine.scales import Scale
from engine.fine.weights import evened, of_recipe, ratio
from engine.recipe import Recipe, Share, complete
from tests.shapes import disc


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return disc(48, 64)


@pytest.fixture(scope="module")
def style() -> Tensor:
    """Stripes of red and blue, (3, 56, 56)."""
    y, x = torch.meshgrid(torch.arange(56), torch.arange(56), indexing="ij")
    stripes = ((x + y) % 12 < 6).float()
    return torch.stack([0.9 * stripes, 0.3 + 0.1 * stripes, 1 - stripes])


def recipe(**given) -> Recipe:
    settings = {"mode": "fine", "init": "photo", "steps": 10, **given}
    return complete(Recipe(styles=(Share("starrynight"),), **settings), gallery.default(), size=64, seed=5)


def picture(photo: Tensor, style: Tensor, encoder, **given) -> Tensor:
    *_, last = paint(photo, [(style, 1.0)], recipe(**given), encoder)
    return last.x


def test_layers_have_the_weights_that_the_recipe_gives_them(encoder) -> None:
    weights = of_recipe(recipe(layers=("conv1_1:2", "conv4_1:0.5", "conv5_1"), content=("conv4_2", "fire4")), encoder)
    assert weights.style == pytest.approx({"conv1_1": 4 / 7, "conv4_1": 1 / 7, "conv5_1": 2 / 7})
    assert weights.content == {"conv4_2": 0.5, "fire4": 0.5}
    assert (weights.alpha / weights.beta) == pytest.approx(ratio(recipe().strength or 0))


def test_a_heavier_layer_comes_nearer_to_the_style(photo, style, encoder) -> None:
    def error(x: Tensor) -> float:
        F, A = (encoder.features(p, ("conv1_1",))["conv1_1"] for p in (x, style[None]))
        return float(gram_loss(F, A.flatten(2)[0] @ A.flatten(2)[0].mT / A[0, 0].numel()))

    errors = [
        error(picture(photo, style, encoder, layers=(f"conv1_1:{w}", "conv5_1"), strength=50, steps=28))
        for w in (0.001, 1000)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_more_total_variation_is_smoother(photo, style, encoder) -> None:
    rough = [float(total_variation(picture(photo, style, encoder, tv=tv, steps=20))) for tv in (0.0, 1.0, 50.0)]
    assert rough == sorted(rough, reverse=True)
    assert rough[2] < 0.8 * rough[0]


def test_adam_moves_a_pixel_by_about_its_rate(photo, style, encoder) -> None:
    for rate in (0.5, 20.0):
        (first,) = paint(photo, [(style, 1.0)], recipe(rate=rate, steps=1, plain="yes"), encoder)
        (second,) = paint(photo, [(style, 1.0)], recipe(rate=rate / 2, steps=1, plain="yes"), encoder)
        # From the same start one goes twice as far as the other.
        apart = (first.x - second.x).abs()
        assert float(apart.median()) == pytest.approx(rate / 2 / 255, rel=0.05)


def test_the_plain_method_has_one_scale_and_a_grid_that_stays(photo, style, encoder, monkeypatch) -> None:
    large = torch.nn.functional.interpolate(photo[None], (300, 400), mode="bilinear")[0]
    sizes = {tuple(step.x.shape) for step in paint(large, [(style, 1.0)], recipe(plain="yes", steps=2), encoder)}
    assert sizes == {(1, 3, 300, 400)}
    run = Run([Scale((48, 64), 1)], encoder, recipe(plain="yes"), [(style[None], 1.0)], photo[None])
    seen = []
    target = run.target
    monkeypatch.setattr(run, "target", lambda *arguments: seen.append(arguments[2]) or target(*arguments))
    list(run.scale(photo[None]))
    assert seen == [(0, 0)]


def test_matched_colours_are_the_photos(photo, style) -> None:
    soft = 0.35 + 0.3 * photo  # far enough from black and white that nothing is cut off
    found = matched(style[None], soft[None]).flatten(2)[0]
    wanted = soft.flatten(1)
    assert torch.allclose(found.mean(1), wanted.mean(1), atol=0.02)
    assert torch.allclose(torch.cov(found), torch.cov(wanted), atol=0.01)


def test_a_picture_that_is_already_in_the_photos_colours_is_left_alone(photo) -> None:
    assert torch.allclose(matched(photo[None], photo[None]), photo[None], atol=1e-4)


@pytest.mark.parametrize("shade", [0.0, 0.4, 1.0])
def test_one_flat_colour_can_be_matched_either_way(photo, shade) -> None:
    flat = torch.full((1, 3, 40, 40), shade)
    assert matched(flat, photo[None]).isfinite().all()
    assert torch.allclose(matched(photo[None], flat).mean((2, 3)), flat.mean((2, 3)), atol=0.02)


def test_a_picture_of_matched_colours_has_a_palette_nearer_to_the_photos(photo, style, encoder) -> None:
    def far(x: Tensor) -> float:
        return float((x.mean((0, 2, 3)) - photo.mean((1, 2))).abs().sum())

    given = {"strength": 90, "steps": 45, "faces": "free"}
    styles, mine = (picture(photo, style, encoder, colors=colors, **given) for colors in ("style", "matched"))
    assert far(mine) < 0.6 * far(styles)


def test_evened_shares_pull_in_proportion_to_the_weights_and_as_much_as_before() -> None:
    given, pulls = {"a": 0.25, "b": 0.75}, {"a": 8.0, "b": 2.0}
    found = evened(given, pulls)
    pulled = {name: found[name] * pulls[name] for name in found}
    assert pulled["b"] == pytest.approx(3 * pulled["a"])
    assert sum(pulled.values()) == pytest.approx(0.25 * 8 + 0.75 * 2)


def test_a_layer_that_is_content_already_is_not_made_louder_without_end() -> None:
    assert evened({"a": 0.5, "b": 0.5}, {"a": 1.0, "b": 0.0})["b"] < 51


def test_normalised_gradients_let_every_layer_pull_alike(photo, style, encoder) -> None:
    made = recipe(normalize="yes", layers=("conv1_1", "conv3_1", "fire5"), plain="yes", steps=1)
    run = Run([Scale((48, 64), 1)], encoder, made, [(style[None], 1.0)], photo[None])
    list(run.scale(photo[None]))
    A = run.grams((48, 64))
    pulls = []
    for layer, share in run.weights.style.items():
        x = photo[None].clone().requires_grad_(True)
        F = encoder.features(x, (layer,))[layer]
        (gradient,) = torch.autograd.grad(share * gram_loss(F, A[layer]) / A[layer].square().mean(), x)
        pulls.append(float(gradient.abs().sum()))
    assert max(pulls) < 1.02 * min(pulls)


def test_a_normalised_picture_still_gets_better(photo, style, encoder) -> None:
    steps = list(paint(photo, [(style, 1.0)], recipe(normalize="yes", steps=30), encoder))
    assert steps[-1].style < 0.5 * steps[0].style


def test_the_papers_preset_is_the_papers_method() -> None:
    for preset, optimizer, rate in (("gatys", "lbfgs", None), ("adam", "adam", 3.0)):
        made = complete(Recipe(styles=(Share("scream"),), preset=preset), gallery.default(), size=64, seed=1)
        assert made.layers == ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
        assert (made.encoder, made.pooling, made.init, made.content) == ("full", "avg", "noise", ("conv4_2",))
        assert (made.optimizer, made.rate, made.plain, made.tv, made.ratio) == (optimizer, rate, "yes", 0, 1e-3)
