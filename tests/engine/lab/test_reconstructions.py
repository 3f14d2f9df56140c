"""Content and style from white noise, at postage-stamp size, with the real slim encoder."""

import itertools

import pytest
import torch
from torch import Tensor

from engine import gallery
from engine.encoders.circular import circular
from engine.encoders.slim import SlimEncoder
from engine.encoders.vgg import Trunk
from engine.fine.gatys import Run, Step
from engine.fine.losses import gram
from engine.fine.paint import steps, white_noise
from engine.fine.scales import Scale
from engine.fine.weights import Weights, shares
from engine.lab import content
from engine.lab.texture import beside, layers_to, of_depth, start
from engine.recipe import Recipe, Share, complete
from tests.shapes import disc


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return disc(48, 64)[None]


@pytest.fixture(scope="module")
def stripes() -> Tensor:
    """Diagonal stripes of two colours, (1, 3, 72, 72)."""
    y, x = torch.meshgrid(torch.arange(72), torch.arange(72), indexing="ij")
    found = ((x + y) % 12 < 6).float()
    return torch.stack([found, 0.5 * found, 1 - found])[None]


def recipe(**given) -> Recipe:
    styles = (Share("starrynight"),) if given.get("mode") == "texture" else ()
    return complete(Recipe(styles=styles, **given), gallery.default(), size=64, seed=5)


def reconstructed(photo: Tensor, encoder, layer: str, count: int = 60) -> list[Step]:
    made = recipe(mode="content", content=(layer,), steps=count)
    size = (photo.shape[2], photo.shape[3])
    run = Run([Scale(size, count)], encoder, made, [], photo, weights=content.weights(made, encoder, photo[0]))
    return list(steps(run, white_noise(size, 5, photo)))


def texture(stripes: Tensor, encoder, depth: int, count: int = 40) -> list[Step]:
    run = of_depth(recipe(mode="texture", steps=count, depth=depth, tv=0.1), [(stripes, 1.0)], encoder, 64)
    return list(steps(run, start(run, 5, stripes)))


@pytest.mark.parametrize(("layer", "factor"), [("conv1_1", 1000), ("conv3_1", 30), ("conv4_2", 10)])
def test_a_content_reconstruction_takes_the_loss_down_from_noise_by_this_factor(photo, encoder, layer, factor) -> None:
    made = reconstructed(photo, encoder, layer)
    assert made[0].content > factor * made[-1].content
    assert made[-1].style == 0


def test_shallow_layers_keep_the_pixels_and_deep_layers_do_not(photo, encoder) -> None:
    far = [float((reconstructed(photo, encoder, at)[-1].x - photo).abs().mean()) for at in ("conv1_1", "conv4_2")]
    assert far[0] < 0.03
    assert far[1] > 2 * far[0]


@pytest.mark.parametrize(("depth", "factor"), [(1, 50), (5, 10)])
def test_a_texture_takes_the_style_loss_down_from_noise_by_this_factor(stripes, encoder, depth, factor) -> None:
    made = texture(stripes, encoder, depth, count=60)
    assert made[0].style > factor * made[-1].style
    assert made[-1].content == 0
    assert made[-1].x.shape == (1, 3, 64, 64)


def test_deeper_textures_hold_statistics_that_shallow_ones_miss(stripes, encoder) -> None:
    run = of_depth(recipe(mode="texture", depth=4), [(stripes, 1.0)], encoder, 64)
    A = run.grams((64, 64))["conv4_1"]

    def distance(x: Tensor) -> float:
        G = gram(circular(encoder).features(x, ("conv4_1",))["conv4_1"])
        return float((G - A).norm() / A.norm())

    shallow, deep = (distance(texture(stripes, encoder, depth, count=60)[-1].x) for depth in (1, 4))
    assert deep < 0.7 * shallow


def test_layers_and_their_weights_stand_in_for_a_depth(stripes, encoder) -> None:
    run = of_depth(recipe(mode="texture", layers=("conv1_1:3", "fire4")), [(stripes, 1.0)], encoder, 64)
    assert run.weights.style == {"conv1_1": 0.75, "fire4": 0.25}


def test_a_depth_adds_a_level_of_layers() -> None:
    class Full:
        """An encoder that is not the slim one."""

    assert layers_to(2, Full()) == ("conv1_1", "conv2_1")
    slim = [set(layers_to(depth, SlimEncoder())) for depth in range(1, 6)]
    assert all(a < b for a, b in itertools.pairwise(slim))


def test_the_edges_of_a_texture_fit_together(stripes, encoder) -> None:
    x = texture(stripes, encoder, 3)[-1].x
    for dim in (2, 3):
        steps_over = (x - x.roll(1, dim)).abs().mean((0, 1, 5 - dim))
        assert steps_over[0] < 1.3 * steps_over[1:].mean()  # the step over the edge is like all the others


def test_a_tile_is_of_whole_positions_at_every_scale_even_where_memory_runs_out(stripes, encoder) -> None:
    run = of_depth(recipe(mode="texture", depth=2, tile="yes", steps=100), [(stripes, 1.0)], encoder, 496)
    run.halve()
    assert all(side % 16 == 0 for scale in run.plan for side in scale.size)
    assert run.plan[-1].size == (240, 240)


def test_a_circular_encoder_sees_a_moved_picture_moved(encoder) -> None:
    around = circular(encoder.quick(torch.float32))
    x = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    here, moved = (around.features(picture, encoder.channels()) for picture in (x, x.roll((16, 32), (2, 3))))
    for layer, F in here.items():
        s = x.shape[2] // F.shape[2]
        assert torch.equal(F.roll((16 // s, 32 // s), (2, 3)), moved[layer]), layer


def test_making_an_encoder_circular_leaves_the_original_alone() -> None:
    trunk = Trunk((2, 2, 2, 2, 2), padding_mode="zeros")
    around = circular(trunk)
    x = torch.rand(1, 3, 32, 32)
    assert around.convs["conv1_1"].weight is trunk.convs["conv1_1"].weight
    assert not torch.equal(around(x, ("conv1_1",))["conv1_1"], trunk(x, ("conv1_1",))["conv1_1"])


def test_a_strip_has_every_panel_in_order() -> None:
    strip = beside([torch.full((1, 3, 4, 4), shade / 10) for shade in range(5)])
    assert strip.shape == (1, 3, 4, 5 * 4 + 4 * 8)
    assert strip[0, 0, 0, [0, 12, 24, 36, 48]].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_the_whole_losses_have_the_gradients_that_finite_differences_find() -> None:
    """Pixels to total loss, in float64, through a small trunk: both reconstructions, a tile, and all of equation 7."""
    torch.manual_seed(0)
    small = SmallEncoder()
    p, a, x = torch.rand(3, 1, 3, 32, 32, dtype=torch.float64).unbind()
    for made, around in (
        (recipe(mode="content", content=("conv2_1",)), None),
        (recipe(mode="texture", layers=("conv1_1:2", "conv2_1")), None),
        (recipe(mode="texture", layers=("conv1_1", "conv2_1"), tile="yes"), SmallEncoder(small)),
        (Recipe(mode="fine", layers=("conv1_1",), content=("conv2_1",), ratio=1.0, tv=0.5), None),
    ):
        weights = content.weights(made, small, p[0]) if made.mode == "content" else None
        if made.mode == "texture":
            weights = Weights(0.0, 1.0, 0.1, {}, shares(made.layers or ()))
        styles = [] if made.mode == "content" else [(a, 1.0)]
        run = Run([Scale((32, 32), 1)], small, made, styles, p, weights=weights, around=around)
        target = run.target((32, 32), run.grams((32, 32)), (3, 5))
        analytic = torch.autograd.functional.jacobian(lambda x: run.losses(x, target)[0], x)  # noqa: B023
        direction = torch.randn(x.shape, dtype=torch.float64)
        h = 1e-6
        with torch.no_grad():
            up, down = (run.losses(x + s * h * direction, target)[0] for s in (1, -1))
        assert float((analytic * direction).sum()) == pytest.approx(float((up - down) / (2 * h)), rel=1e-4)


class SmallEncoder:
    """A trunk of few channels in float64, by itself or with another one's weights and circular padding."""

    style_layers = ("conv1_1", "conv2_1")
    content_layers = ("conv2_1",)

    def __init__(self, other=None) -> None:
        trunk = Trunk((4, 4, 4, 4, 4), padding_mode="reflect").double() if other is None else circular(other.trunk)
        self.trunk = trunk.requires_grad_(False)

    def features(self, x: Tensor, layers) -> dict[str, Tensor]:
        return self.trunk(x, layers)
