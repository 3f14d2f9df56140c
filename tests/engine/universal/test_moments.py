"""Moments and the maps between them, on random numbers."""

import pytest
import torch
from torch import Tensor

from engine.universal.moments import LinearMap, apply, mixed, moments, moments_of, power, transport


def features(seed: int, channels: int = 6, height: int = 30, width: int = 40) -> Tensor:
    """Correlated and skewed, as features are: (1, N, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator)
    white = torch.randn(1, channels, height, width, generator=generator)
    return torch.einsum("ij,bjhw->bihw", mixing, white).relu() + torch.rand(1, channels, 1, 1, generator=generator)


def test_moments_are_those_that_torch_computes_however_the_picture_is_cut() -> None:
    F = features(1)
    for parts in ([F], [F[..., :7, :], F[..., 7:8, :], F[..., 8:, :]]):
        found = moments({"": part} for part in parts)[""]
        flat = F.flatten(2)[0].double()
        torch.testing.assert_close(found.mean, flat.mean(1))
        torch.testing.assert_close(found.covariance, torch.cov(flat, correction=0), rtol=1e-5, atol=1e-6)


def test_whitened_features_have_identity_covariance() -> None:
    F = features(1)
    middle, covariance = moments_of(F)
    white = power(covariance, -0.5) @ (F.flatten(2)[0].double() - middle[:, None])
    torch.testing.assert_close(torch.cov(white, correction=0), torch.eye(6, dtype=torch.double), rtol=1e-5, atol=1e-5)


def test_mapped_features_have_the_styles_moments() -> None:
    F, S = features(1), features(2, height=11)
    found = moments_of(apply(transport(moments_of(F), moments_of(S), floor=0.0), F))
    torch.testing.assert_close(found.mean, moments_of(S).mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.covariance, moments_of(S).covariance, rtol=1e-4, atol=1e-5)


def test_the_map_moves_features_less_than_whitening_and_colouring_by_symmetric_roots() -> None:
    F, S = features(1), features(2)
    content, style = moments_of(F), moments_of(S)
    T = power(style.covariance, 0.5) @ power(content.covariance, -0.5)
    # An alternative map, to the same moments.
    plain = apply(LinearMap(T, style.mean - T @ content.mean), F)
    torch.testing.assert_close(
        moments_of(plain).covariance, style.covariance, rtol=1e-4, atol=1e-4
    )  # it is an alternative
    assert (apply(transport(content, style, floor=0.0), F) - F).square().mean() < (plain - F).square().mean()


def test_a_share_of_zero_moves_nothing_and_ones_own_moments_are_no_move() -> None:
    F, S = features(1), features(2)
    assert torch.equal(apply(transport(moments_of(F), moments_of(S)), F, 0.0), F)
    torch.testing.assert_close(apply(transport(moments_of(F), moments_of(F), floor=0.0), F), F, rtol=1e-4, atol=1e-4)


def test_filters_that_are_never_active_stay_inactive() -> None:
    F, S = features(1), features(2)
    F[:, 0] = 0
    assert apply(transport(moments_of(F), moments_of(S)), F).isfinite().all()
    S[:, 1] = 0
    found = moments_of(apply(transport(moments_of(F), moments_of(S)), F))
    assert found.covariance[1, 1] < 1e-3 * found.covariance.trace()


def test_a_mixture_has_the_weighted_moments_and_a_weight_of_zero_counts_for_nothing() -> None:
    one, two = moments_of(features(1)), moments_of(features(2))
    mix = mixed([(one, 30), (two, 10)])
    torch.testing.assert_close(mix.mean, 0.75 * one.mean + 0.25 * two.mean)
    torch.testing.assert_close(mix.covariance, 0.75 * one.covariance + 0.25 * two.covariance)
    for part, alone in zip(mixed([(one, 100), (two, 0)]), one, strict=True):
        assert torch.equal(part, alone)


@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_a_power_of_a_covariance_undoes_itself(exponent: float) -> None:
    covariance = moments_of(features(3)).covariance
    root = power(covariance, exponent)
    torch.testing.assert_close(torch.linalg.matrix_power(root, round(1 / exponent)), covariance, rtol=1e-5, atol=1e-6)
