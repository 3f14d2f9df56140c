"""The losses against the papers' formulas, written out with loops."""

import pytest
import torch
from torch import Tensor

from engine.fine.losses import content_loss, gram, gram_loss, style_loss, total_variation


@pytest.fixture
def F() -> Tensor:
    return torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def P() -> Tensor:
    return torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_content_loss_is_half_the_sum_of_squared_differences(F: Tensor, P: Tensor) -> None:
    expected = 0.5 * sum((f - p) ** 2 for f, p in zip(F.flatten().tolist(), P.flatten().tolist(), strict=True))
    assert content_loss(F, P).item() == pytest.approx(expected)


def test_gram_holds_the_mean_product_of_every_pair_of_filters(F: Tensor) -> None:
    G = gram(F)
    flat = F[0].reshape(3, 20).tolist()
    for i in range(3):
        for j in range(3):
            inner = sum(a * b for a, b in zip(flat[i], flat[j], strict=True))
            assert G[i, j].item() == pytest.approx(inner / 20)


def test_style_loss_is_the_papers_when_both_pictures_have_one_size(F: Tensor, P: Tensor) -> None:
    N, M = 3, 20
    G, A = (f[0].reshape(N, M) @ f[0].reshape(N, M).T for f in (F, P))
    paper = ((G - A) ** 2).sum() / (4 * N**2 * M**2)
    assert style_loss(gram(F), gram(P)).item() == pytest.approx(paper.item())


def test_style_loss_does_not_see_a_picture_tiled_twice(F: Tensor, P: Tensor) -> None:
    twice = torch.cat([F, F], 3)
    assert style_loss(gram(twice), gram(P)).item() == pytest.approx(style_loss(gram(F), gram(P)).item())


def test_total_variation_is_zero_for_flat_colour_and_known_for_a_step() -> None:
    assert total_variation(torch.full((1, 3, 4, 4), 0.3)).item() == 0
    step = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).expand(1, 1, 2, 2)
    assert total_variation(step).item() == pytest.approx(1.0)


def test_gradients_are_those_that_finite_differences_find(F: Tensor, P: Tensor) -> None:
    x = F.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: style_loss(gram(x), gram(P)), x)
    assert torch.autograd.gradcheck(lambda x: content_loss(x, P), x)
    assert torch.autograd.gradcheck(lambda x: gram_loss(x, gram(P)), x)


def test_the_quick_style_loss_is_the_style_loss(F: Tensor, P: Tensor) -> None:
    assert torch.allclose(gram_loss(F, gram(P)), style_loss(gram(F), gram(P)))


def test_a_weight_of_zero_leaves_a_place_free(F: Tensor, P: Tensor) -> None:
    weights = torch.zeros_like(P[:, :1])
    weights[..., 0] = 1
    assert torch.allclose(content_loss(F, P, weights), content_loss(F[..., :1], P[..., :1]))
    x = torch.rand(1, 3, 6, 5)
    assert total_variation(x, torch.ones(1, 1, 6, 5)) == pytest.approx(float(total_variation(x)))
    assert total_variation(x, torch.zeros(1, 1, 6, 5)) == 0
