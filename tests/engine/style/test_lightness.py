"""A picture gets a painting's colours lightness by lightness: its darks those of the darks."""

import pytest
import torch
from torch import Tensor

from engine.style.lightness import RANKS, by_lightness, mixed_tones, tones_of

NAVY, YELLOW = (0.05, 0.1, 0.4), (0.9, 0.8, 0.3)


def ramp(dark: tuple[float, ...], light: tuple[float, ...], noise: float = 0.02) -> Tensor:
    """From dark on the left to light on the right, with a little colour everywhere, (1, 3, 64, 96)."""
    low, high = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (dark, light))
    x = torch.lerp(low, high, torch.linspace(0, 1, 96))
    grain = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    return (x.expand(1, 3, 64, 96) + noise * grain).clamp(0, 1)


def mean(x: Tensor, columns: slice) -> Tensor:
    return x[..., columns].mean((0, 2, 3))


def test_darks_get_the_colours_of_the_darks_and_lights_of_the_lights() -> None:
    brown = ramp((0.3, 0.15, 0.05), (0.9, 0.6, 0.5))
    x = by_lightness(brown, tones_of(ramp(NAVY, YELLOW)))
    dark, light = mean(x, slice(0, 24)), mean(x, slice(72, 96))
    assert dark[2] > dark[0] + 0.15  # blue, and the brown is gone
    assert light[0] > light[2] + 0.2  # yellow


def test_what_is_lighter_stays_lighter() -> None:
    x = by_lightness(ramp((0.2, 0.2, 0.2), (0.8, 0.8, 0.8), noise=0), tones_of(ramp(NAVY, YELLOW)))
    light = (torch.tensor([0.299, 0.587, 0.114]) @ x[0, :, 32]).diff()
    assert light.min() > -1e-3


def test_colours_of_one_lightness_stay_apart_as_far_as_they_are_in_the_painting() -> None:
    noisy, plain = (tones_of(ramp((0.2, 0.2, 0.2), (0.8, 0.8, 0.8), noise=noise)) for noise in (0.15, 0.0))
    photo = ramp((0.1, 0.1, 0.1), (0.9, 0.9, 0.9), noise=0.05)
    many, few = (float((x - x.mean(1, keepdim=True)).std()) for x in (by_lightness(photo, t) for t in (noisy, plain)))
    assert many > 3 * few


def test_it_comes_by_degrees() -> None:
    photo, style = ramp((0.3, 0.15, 0.05), (0.9, 0.6, 0.5)), tones_of(ramp(NAVY, YELLOW))
    steps = [float((by_lightness(photo, style, share) - photo).abs().mean()) for share in (0.0, 0.01, 0.5, 1.0)]
    assert steps[0] < 1e-6
    assert steps == sorted(steps)
    assert steps[1] < 0.01


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_a_picture_of_one_colour_is_no_difficulty(grey: float) -> None:
    flat, style = torch.full((1, 3, 40, 50), grey), ramp(NAVY, YELLOW)
    for x in (by_lightness(flat, tones_of(style)), by_lightness(style, tones_of(flat))):
        assert x.isfinite().all()
        assert 0 <= x.min() <= x.max() <= 1


def test_a_mixture_lies_between_its_styles() -> None:
    one, other = tones_of(ramp(NAVY, YELLOW)), tones_of(ramp((0.3, 0.1, 0.1), (0.5, 0.5, 0.4)))
    both = mixed_tones([(one, 3.0), (other, 1.0)])
    assert torch.allclose(both.quantiles, 0.75 * one.quantiles + 0.25 * other.quantiles)
    means = [tones.bands[0].mean for tones in (one, both, other)]
    assert torch.allclose(means[1], 0.75 * means[0] + 0.25 * means[2])
    assert len(both.quantiles) == RANKS


def test_a_tall_picture_is_coloured_as_one() -> None:
    """It is looked up in strips."""
    photo = ramp((0.3, 0.15, 0.05), (0.9, 0.6, 0.5), noise=0).repeat(1, 1, 9, 1)
    x = by_lightness(photo, tones_of(ramp(NAVY, YELLOW)))
    assert torch.allclose(x[..., :64, :], x[..., -64:, :], atol=1e-6)
