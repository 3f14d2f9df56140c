"""The gallery's network and its use, by a small network of random weights: what holds for any weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.fast import network as fast
from engine.fast import paint as fast_paint
from engine.fast import pieces
from engine.recipe import Recipe, Share

NAMES = ("red", "blue")


@pytest.fixture(scope="module")
def network() -> fast.Network:
    torch.manual_seed(3)
    network = fast.Network(NAMES, fast.Shape((4, 6, 8, 10), blocks=3, deep_blocks=1))
    network.pairs.data += 0.3 * torch.randn_like(network.pairs)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    """A slope with some noise, (3, 61, 83): no side is a multiple of anything."""
    torch.manual_seed(4)
    return (torch.linspace(0.1, 0.8, 83).expand(3, 61, 83) + 0.1 * torch.rand(3, 61, 83)).clamp(0, 1)


def painted(network: fast.Network, photo: Tensor, *shares: tuple[str, float], **settings) -> Tensor:
    recipe = Recipe(styles=tuple(Share(name) for name, _ in shares), **{"strength": 42, "seed": 1, **settings})
    *_, (done, x) = fast_paint.paint(network, photo, network.pair(shares or [("red", 1.0)]), recipe)
    assert done == 1
    return x


def test_a_picture_has_the_photos_size_and_lies_between_black_and_white(network, photo) -> None:
    for crop in (photo, photo[:, :32, :33], photo[:, :60, :80], photo[:, :, :33]):
        x = painted(network, crop, ("red", 1.0))
        assert x.shape == (1, *crop.shape)
        assert x.min() >= 0
        assert x.max() <= 1


def test_the_same_seed_paints_the_same_picture_and_another_a_different_one(network, photo) -> None:
    first = painted(network, photo, ("red", 1.0), seed=7)
    assert torch.equal(painted(network, photo, ("red", 1.0), seed=7), first)
    assert not torch.equal(painted(network, photo, ("red", 1.0), seed=8), first)


def test_moments_are_the_channels_means_and_variances_over_all_pictures() -> None:
    torch.manual_seed(5)
    h = 3 + torch.rand(2, 5, 9, 7).contiguous(memory_format=torch.channels_last)
    mean, variance = fast.moments_of(h)
    assert torch.allclose(mean, h.mean((0, 2, 3), keepdim=True))
    assert torch.allclose(variance, h.var((0, 2, 3), keepdim=True, correction=0))


def test_noise_is_fine_and_coarse_and_of_the_seed() -> None:
    def noise(seed: int) -> Tensor:
        return fast.noise(1, 120, 90, torch.Generator().manual_seed(seed))

    fine, coarse = noise(1)[0]
    assert torch.equal(noise(1), noise(1))
    assert not torch.equal(noise(1), noise(2))
    # Neighbours of the coarse one are alike, and those of the fine one are not.
    assert (coarse[1:] - coarse[:-1]).std() < 0.2 * coarse.std()
    assert (fine[1:] - fine[:-1]).std() > fine.std()


def test_in_bfloat16_it_paints_nearly_the_same_picture(network, photo) -> None:
    quick = network.quick(torch.bfloat16)
    difference = painted(network, photo, ("red", 1.0)) - painted(quick, photo, ("red", 1.0))
    assert difference.square().mean() < 1e-2  # random weights amplify what is rounded; trained ones have 1e-4
    assert torch.equal(quick.pairs, network.pairs)


def test_strength_zero_gives_the_photo_back(network, photo) -> None:
    assert torch.equal(painted(network, photo, ("red", 1.0), strength=0)[0], photo)


def test_strength_rises_from_the_photos_pair_through_the_styles_own_and_beyond() -> None:
    degrees = [fast_paint.degree(strength) for strength in range(101)]
    assert degrees == sorted(degrees)
    assert len(set(degrees)) == 101
    assert degrees[0] == 0
    assert degrees[fast_paint.TRAINED] == 1
    assert degrees[100] == fast_paint.STRONGEST


def test_the_least_strength_hardly_changes_the_photo(network, photo) -> None:
    assert (painted(network, photo, ("red", 1.0), strength=1)[0] - photo).abs().mean() < 0.02
    opacities = [fast_paint.opacity(fast_paint.degree(strength)) for strength in range(101)]
    assert opacities == sorted(opacities)
    assert opacities[0] == 0
    assert opacities[42] > 0.99


def test_a_mixture_lies_between_its_styles_by_weight(network) -> None:
    red, blue = network.pair([("red", 1)]), network.pair([("blue", 5)])
    assert torch.allclose(network.pair([("red", 70), ("blue", 30)]), 0.7 * red + 0.3 * blue)
    assert torch.equal(network.towards(red, 0)[0], network.pairs[0])
    assert torch.equal(network.towards(red, 1)[0], red)


def test_the_photos_colours_can_be_kept(network, photo) -> None:
    kept = painted(network, photo, ("red", 1.0), colors="photo")
    free = painted(network, photo, ("red", 1.0))
    grey = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)

    def chroma(x: Tensor) -> Tensor:
        return x - (x * grey).sum(1, keepdim=True)

    inside = ((kept > 0.01) & (kept < 0.99)).all(1, keepdim=True).expand_as(kept)  # elsewhere the colour was clipped
    assert inside.any()
    assert torch.allclose(chroma(kept)[inside], chroma(photo[None])[inside], atol=1e-2)
    assert not torch.allclose(chroma(free)[inside], chroma(photo[None])[inside], atol=1e-2)


@pytest.mark.parametrize("brush", [0.5, 2.0])
def test_every_brush_paints_at_the_photos_size(network, photo, brush) -> None:
    x = painted(network, photo, ("red", 1.0), brush=brush)
    assert x.shape == (1, *photo.shape)
    assert not torch.equal(x, painted(network, photo, ("red", 1.0)))


def test_tiles_fit_together_without_a_seam(network, monkeypatch) -> None:
    torch.manual_seed(5)
    x, pair = torch.rand(1, 3, 200, 264), network.pair([("blue", 1)])[None]
    noise = fast.noise(1, 200, 264)
    moments: list[fast.Moments] = []
    whole = fast_paint.run(network, x, pair, noise, moments)
    monkeypatch.setattr(pieces, "TILE", 96)
    canvas = torch.zeros_like(x)
    for outer, inner, within in pieces.tiles(200, 264):
        canvas[inner] = fast_paint.run(network, x[outer], pair, noise[outer], moments)[within]
    assert torch.allclose(canvas, whole, atol=1e-5)


def test_a_large_picture_by_tiles_looks_like_the_same_picture_in_one_piece(network, monkeypatch) -> None:
    torch.manual_seed(6)
    photo = torch.rand(3, 30, 40).repeat_interleave(10, 1).repeat_interleave(10, 2)
    whole = painted(network, photo, ("red", 1.0))
    monkeypatch.setattr(pieces, "WHOLE", 1000)
    monkeypatch.setattr(pieces, "TILE", 128)
    monkeypatch.setattr(pieces, "PATCH", 64)
    recipe = Recipe(styles=(Share("red"),), strength=42, seed=1)
    shares = [done for done, _ in fast_paint.paint(network, photo, network.pair([("red", 1.0)]), recipe)]
    assert shares == sorted(shares)
    assert len(shares) > 4
    # The moments come from a part of the picture, so the two differ a little.
    assert (painted(network, photo, ("red", 1.0)) - whole).abs().mean() < 0.02


def test_weights_come_back_from_their_file_as_they_were(network, photo, tmp_path: Path) -> None:
    path = tmp_path / "gallery.safetensors"
    fast.save(network, path, {"when": "today"})
    again = fast.load(torch.device("cpu"), path=path)
    assert again.names == network.names
    # What is stored has half the precision.
    assert torch.allclose(painted(again, photo, ("blue", 1.0)), painted(network, photo, ("blue", 1.0)), atol=0.02)


def test_an_operators_own_style_is_added_and_one_for_other_weights_is_left_out(
    network, tmp_path: Path, caplog
) -> None:
    path, folder = tmp_path / "gallery.safetensors", tmp_path / "mine"
    fast.save(network, path, {})
    shipped = fast.load(torch.device("cpu"), path=path)
    shipped.add("grandma", shipped.pairs[1] * 1.5)
    fast.save_pair(shipped, "grandma", folder)
    both = fast.load(torch.device("cpu"), folder, path)
    assert both.knows("grandma")
    assert torch.allclose(both.pair([("grandma", 1)]), shipped.pair([("grandma", 1)]), atol=1e-2)

    shipped.add("grandpa", shipped.pairs[2])
    shipped.first.weight.data += 1
    fast.save_pair(shipped, "grandpa", folder)
    assert not fast.load(torch.device("cpu"), folder, path).knows("grandpa")
    assert "Train it again" in caplog.text


def test_a_style_that_the_network_is_not_trained_for_is_an_error(network) -> None:
    with pytest.raises(KeyError, match="green"):
        network.pair([("green", 1)])
