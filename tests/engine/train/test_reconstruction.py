"""What a style's picture has of the artwork: its colours, and no form of it."""

from __future__ import annotations

import torch

from engine.encoders.slim import SlimEncoder
from engine.gallery import default
from engine.tensors import resize
from engine.train.data.paintings import PAINTINGS
from engine.train.trainers.reconstruction import Pyramid, limit_colours, reconstruct, shuffled


def artwork(height: int = 60, width: int = 80) -> torch.Tensor:
    """A dark left half and a light right half, (3, H, W), with some noise."""
    noise = 0.05 * torch.rand(3, height, width, generator=torch.Generator().manual_seed(3))
    halves = torch.tensor([[0.2, 0.9], [0.1, 0.7], [0.5, 0.3]])
    return halves.repeat_interleave(width // 2, 1)[:, None].expand(3, height, width) + noise


def test_every_style_of_the_gallery_is_made_from_a_painting() -> None:
    assert set(PAINTINGS) == {style.name for style in default()}


def test_what_a_reconstruction_starts_from_has_the_colours_and_not_the_form() -> None:
    a = artwork()
    x = shuffled(a)
    assert x.shape == a.shape
    assert torch.allclose(x.mean((1, 2)), a.mean((1, 2)), atol=0.02)
    assert (a[0, :, 40:] - a[0, :, :40]).mean() > 0.6
    assert abs((x[0, :, 40:] - x[0, :, :40]).mean()) < 0.05


def noise(depth: float) -> torch.Tensor:
    return torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * depth + 0.5 - depth / 2


def test_a_reconstruction_gets_the_artworks_mean_colour_and_no_more_contrast() -> None:
    a = artwork() * 0.6 + 0.2
    for depth in (0.2, 1.0):
        x = limit_colours(noise(depth), a)
        assert torch.allclose(x.mean((0, 2, 3)), a.mean((1, 2)), atol=0.02)
        assert x.std() <= noise(depth).std()


def test_of_an_engraving_it_is_grey() -> None:
    grey = artwork()[:1].expand(3, -1, -1)
    x = limit_colours(noise(1.0), grey)
    assert (x.amax(1) - x.amin(1)).max() < 0.01


def test_a_reconstruction_ends_at_the_artworks_size_with_less_of_its_style_to_go() -> None:
    a = artwork(128, 160)
    steps = list(reconstruct(a, Pyramid(SlimEncoder.load()), steps=6))
    assert [step.index for step in steps] == list(range(1, 7))
    assert steps[-1].x.shape == (1, 3, 128, 160)
    assert steps[-1].style < 0.5 * steps[0].style


def test_a_pyramid_has_the_encoders_layers_of_smaller_pictures_too() -> None:
    slim, a = SlimEncoder.load(), artwork(128, 160)[None]
    found = Pyramid(slim).features(a, ["fire4", "quarter/fire4"])
    quarter = resize(resize(a, (64, 80)), (32, 40))
    assert torch.allclose(found["fire4"], slim.features(a, ["fire4"])["fire4"], atol=1e-3)
    wanted = slim.features(quarter, ["fire4"])["fire4"]  # reduced by another filter
    assert (found["quarter/fire4"] - wanted).norm() < 0.1 * wanted.norm()
    assert found["quarter/fire4"].shape[2:] == (8, 10)
