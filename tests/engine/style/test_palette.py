"""Palette of colours and the maps between them, on random numbers."""

import pytest
import torch
from torch import Tensor

from engine.style.palette import LinearMap, apply, mixed, palette_of, power, transport


def colours(seed: int, channels: int = 6, height: int = 30, width: int = 40) -> Tensor:
    """Correlated and skewed, as colours are: (1, N, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator)
    white = torch.randn(1, channels, height, width, generator=generator)
    return torch.einsum("ij,bjhw->bihw", mixing, white).relu() + torch.rand(1, channels, 1, 1, generator=generator)


def test_moments_are_those_that_torch_computes() -> None:
    F = colours(1)
    flat = F.flatten(2)[0].double()
    torch.testing.assert_close(palette_of(F).mean, flat.mean(1))
    torch.testing.assert_close(palette_of(F).covariance, torch.cov(flat, correction=0))


def test_whitened_colours_have_identity_covariance() -> None:
    F = colours(1)
    middle, covariance = palette_of(F)
    white = power(covariance, -0.5) @ (F.flatten(2)[0].double() - middle[:, None])
    torch.testing.assert_close(torch.cov(white, correction=0), torch.eye(6, dtype=torch.double), rtol=1e-5, atol=1e-5)


def test_mapped_colours_have_the_styles_moments() -> None:
    F, S = colours(1), colours(2, height=11)
    found = palette_of(apply(transport(palette_of(F), palette_of(S), floor=0.0), F))
    torch.testing.assert_close(found.mean, palette_of(S).mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.covariance, palette_of(S).covariance, rtol=1e-4, atol=1e-5)


def test_the_map_moves_colours_less_than_whitening_and_colouring_by_symmetric_roots() -> None:
    F, S = colours(1), colours(2)
    content, style = palette_of(F), palette_of(S)
    T = power(style.covariance, 0.5) @ power(content.covariance, -0.5)
    # An alternative map, to the same moments.
    plain = apply(LinearMap(T, style.mean - T @ content.mean), F)
    torch.testing.assert_close(
        palette_of(plain).covariance, style.covariance, rtol=1e-4, atol=1e-4
    )  # it is an alternative
    assert (apply(transport(content, style, floor=0.0), F) - F).square().mean() < (plain - F).square().mean()


def test_a_share_of_zero_moves_nothing_and_ones_own_moments_are_no_move() -> None:
    F, S = colours(1), colours(2)
    assert torch.equal(apply(transport(palette_of(F), palette_of(S)), F, 0.0), F)
    torch.testing.assert_close(apply(transport(palette_of(F), palette_of(F), floor=0.0), F), F, rtol=1e-4, atol=1e-4)


def test_a_channel_without_any_variance_makes_no_noise() -> None:
    F, S = colours(1), colours(2)
    F[:, 0] = 0
    assert apply(transport(palette_of(F), palette_of(S)), F).isfinite().all()
    S[:, 1] = 0
    found = palette_of(apply(transport(palette_of(F), palette_of(S)), F))
    assert found.covariance[1, 1] < 1e-3 * found.covariance.trace()


def test_a_mixture_has_the_weighted_moments_and_a_weight_of_zero_counts_for_nothing() -> None:
    one, two = palette_of(colours(1)), palette_of(colours(2))
    mix = mixed([(one, 30), (two, 10)])
    torch.testing.assert_close(mix.mean, 0.75 * one.mean + 0.25 * two.mean)
    torch.testing.assert_close(mix.covariance, 0.75 * one.covariance + 0.25 * two.covariance)
    for part, alone in zip(mixed([(one, 100), (two, 0)]), one, strict=True):
        assert torch.equal(part, alone)


@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_a_power_of_a_covariance_undoes_itself(exponent: float) -> None:
    covariance = palette_of(colours(3)).covariance
    root = power(covariance, exponent)
    torch.testing.assert_close(torch.linalg.matrix_power(root, round(1 / exponent)), covariance, rtol=1e-5, atol=1e-6)
