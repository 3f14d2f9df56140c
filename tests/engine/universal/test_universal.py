"""Universal mode with the package's predictor and network, on small photos."""

import pytest
import torch
from skimage import data
from torch import Tensor

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.fast import network as fast
from engine.fast.network import Network
from engine.fine.losses import gram
from engine.gallery import network_of
from engine.images.decode import decode
from engine.recipe import Recipe, Share
from engine.tensors import YIQ, fit
from engine.universal import paint as universal
from engine.universal import predictor as universal_predictor
from engine.universal.predictor import Predictor

SIZE = 96


@pytest.fixture(scope="module")
def encoder() -> SlimEncoder:
    return SlimEncoder.load()


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return universal_predictor.load(torch.device("cpu"))


@pytest.fixture(scope="module")
def network() -> Network:
    return fast.load(torch.device("cpu"))


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """A cup of coffee, (3, 64, 96)."""
    return fit(torch.from_numpy(data.coffee()).permute(2, 0, 1).float() / 255, SIZE)


def swatch(name: str, size: int = SIZE) -> Tensor:
    return fit(decode(gallery.default()[name].swatch.read_bytes()).pixels, size)


@pytest.fixture
def paint(network, predictor, encoder, photo):
    """Paints the photo, or another, in The Starry Night, or other styles."""

    def painted(p: Tensor = photo, styles=None, **settings) -> Tensor:
        styles = styles or [(swatch("starrynight"), 1.0)]
        recipe = Recipe(styles=(Share("any"),), **{"mode": "universal", "strength": 42, "seed": 1, **settings})
        *_, (done, x) = universal.paint(network, predictor, encoder, p, styles, recipe)
        assert done == 1
        return x

    return painted


def style_distance(x: Tensor, style: Tensor, encoder: SlimEncoder) -> float:
    """By the encoder's trunk, which universal mode does not look at."""
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    F, A = (encoder.features(p, layers) for p in (x, style[None]))
    return sum(float((gram(F[k]) - gram(A[k])).norm() / gram(A[k]).norm()) for k in F) / len(layers)


def test_strength_zero_gives_the_photo_back(paint, photo) -> None:
    assert torch.equal(paint(strength=0)[0], photo)


@pytest.mark.parametrize("name", ["starrynight", "greatwave", "scream"])
def test_the_picture_is_nearer_to_the_style_than_the_photo_was(paint, photo, encoder, name) -> None:
    style = swatch(name)
    before = style_distance(photo[None], style, encoder)
    usual, most = (style_distance(paint(styles=[(style, 1.0)], strength=s), style, encoder) for s in (42, 100))
    assert usual < 0.7 * before
    assert most < before


def test_more_strength_is_farther_from_the_photo(paint, photo) -> None:
    away = [float((paint(strength=s) - photo).square().mean()) for s in (1, 5, 20, 42, 100)]
    assert away == sorted(away)
    assert away[0] < 0.002


def test_the_same_seed_paints_the_same_picture_and_another_a_different_one(paint) -> None:
    first = paint(seed=7)
    assert torch.equal(paint(seed=7), first)
    assert not torch.equal(paint(seed=8), first)


def test_a_picture_of_any_shape_keeps_it(paint, photo) -> None:
    for p in (photo[:, :61, :83], photo[:, :32, :33], photo[:, :33], photo[:, :, :32]):
        x = paint(p)
        assert x.shape == (1, *p.shape)
        assert x.is_contiguous()
        assert x.min() >= 0
        assert x.max() <= 1


def test_a_mixture_of_all_and_nothing_is_the_one_style(paint) -> None:
    one, two = swatch("starrynight"), swatch("scream")
    assert torch.equal(paint(styles=[(one, 100.0), (two, 0.0)]), paint(styles=[(one, 1.0)]))


def test_a_mixture_lies_between_its_styles(paint, encoder) -> None:
    one, two = swatch("starrynight"), swatch("scream")
    mostly_one, mostly_two = (paint(styles=[(one, w), (two, 10 - w)]) for w in (9.0, 1.0))
    assert style_distance(mostly_one, one, encoder) < style_distance(mostly_two, one, encoder)
    assert style_distance(mostly_two, two, encoder) < style_distance(mostly_one, two, encoder)


def test_the_brush_changes_the_picture_whatever_its_size(paint) -> None:
    pictures = [paint(brush=brush) for brush in (0.25, 1.0, 4.0)]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])
    assert all(x.isfinite().all() for x in pictures)


def test_the_photos_colours_are_kept_on_request(paint, photo) -> None:
    soft = 0.4 + 0.2 * photo  # which no change of luminance pushes out of the gamut
    x = paint(soft, colors="photo")[0]
    to_yiq = torch.tensor(YIQ)
    colours, kept = (torch.einsum("ij,jhw->ihw", to_yiq, p)[1:] for p in (soft, x))
    inside = ((x > 0.01) & (x < 0.99)).all(0)
    assert inside.float().mean() > 0.5
    assert (colours - kept)[:, inside].abs().max() < 0.02
    assert not torch.allclose(soft, x, atol=0.05)


def test_a_style_of_one_colour_still_makes_a_picture(paint) -> None:
    assert paint(styles=[(torch.full((3, 40, 40), 0.5), 1.0)]).isfinite().all()


def test_a_gallery_style_is_predicted_nearer_to_its_own_pair_than_to_any_other(network, predictor, encoder) -> None:
    names = network.names[1:]
    own = 0
    for name in names:
        pair = universal.predicted(predictor, encoder, [(swatch(name, 512), 1.0)])
        distances = {other: float((network.pair([(other, 1)]) - pair).square().mean()) for other in names}
        own += min(distances, key=distances.__getitem__) == name
    assert own >= 0.8 * len(names)


def test_a_picture_that_no_style_resembles_gives_its_colours(paint, photo) -> None:
    generator = torch.Generator().manual_seed(1)
    dots = torch.rand(1, 1, 24, 24, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)[0]
    style = torch.cat([0.9 * dots, 0.2 * dots, 0.5 + 0.4 * dots])  # magenta and violet
    x = paint(styles=[(style, 1.0)])[0]

    def away(p: Tensor) -> float:
        return float((p.mean((1, 2)) - style.mean((1, 2))).norm())

    assert away(x) < 0.5 * away(photo)


def test_the_predictor_is_for_the_packages_network_and_small() -> None:
    assert network_of(universal_predictor.FILE) == network_of(fast.FILE)
    assert universal_predictor.FILE.stat().st_size <= 8_000_000
