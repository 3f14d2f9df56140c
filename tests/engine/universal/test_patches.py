"""Nearest patches, on features small enough to compare one by one."""

import torch
from torch import Tensor

from engine.universal import patches
from engine.universal.moments import moments_of


def features(seed: int, height: int, width: int) -> Tensor:
    return torch.randn(1, 5, height, width, generator=torch.Generator().manual_seed(seed))


def everything(F: Tensor) -> Tensor:
    """All directions, so that nothing is left out of a comparison."""
    return torch.eye(F.shape[1])


def test_a_picture_is_made_of_its_own_patches() -> None:
    S = features(1, 9, 11)
    found = patches.nearest(S, patches.sampled([(S, 1.0)], torch.Generator()), everything(S))
    torch.testing.assert_close(found[..., 2:-2, 2:-2], S[..., 2:-2, 2:-2])  # patches over the edge are no candidates


def test_every_place_gets_the_patch_that_a_search_one_by_one_finds() -> None:
    F, S = features(1, 5, 6), features(2, 6, 7)
    candidates = patches.sampled([(S, 1.0)], torch.Generator())
    F = F.contiguous()
    centres = patches.nearest(F, candidates, everything(F))
    windows = [S[0, :, y : y + 3, x : x + 3] for y in range(4) for x in range(5)]
    nearest = {
        (y, x): min(windows, key=lambda window: float((window - F[0, :, y - 1 : y + 2, x - 1 : x + 2]).square().sum()))
        for y in range(1, 4)
        for x in range(1, 5)
    }
    # At (2, 2) all nine patches that overlap are away from the edges.
    expected = torch.stack([nearest[2 + i, 2 + j][:, 1 - i, 1 - j] for i in (-1, 0, 1) for j in (-1, 0, 1)]).mean(0)
    torch.testing.assert_close(centres[0, :, 2, 2], expected)


def test_a_mixture_takes_as_many_patches_of_each_style_as_its_weight_says(monkeypatch) -> None:
    monkeypatch.setattr(patches, "CANDIDATES", 100)
    styles = [(torch.zeros(1, 2, 20, 20), 3.0), (torch.ones(1, 2, 20, 20), 1.0)]
    found = patches.sampled(styles, torch.Generator().manual_seed(1))
    assert found.shape == (100, 18)
    assert found.mean() == 0.25


def test_flat_places_get_noise_and_busy_ones_none() -> None:
    S = features(1, 24, 24)
    F = 3 * features(2, 24, 24)
    F[..., :12] = 0
    change = (patches.with_noise(F, moments_of(S), 1.0, torch.Generator().manual_seed(1)) - F).abs()
    assert change[..., :9].mean() > 0.3
    assert change[..., 15:].max() == 0
