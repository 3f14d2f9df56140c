"""Content, style and total-variation losses of Gatys, Ecker & Bethge (2016), in the paper's letters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx


def content_loss(F: Tensor, P: Tensor, weights: Tensor | float = 1.0) -> Tensor:
    """Half the squared difference of two feature maps, equation 1.

    Args:
        F: features of the result x, (1, N_l, h, w).
        P: features of the photo p, the same shape.
        weights: how much each position counts, (1, 1, h, w); not in the paper, where all count as 1.
    """
    return 0.5 * (_precise(F - P).square() * weights).sum()


def _precise(x: Tensor) -> Tensor:
    """In float32, if it has less."""
    return x.float() if x.dtype == torch.bfloat16 else x


def gram(F: Tensor) -> Tensor:
    """Correlations of the filters' responses, equation 3: (1, N_l, h, w) -> (N_l, N_l).

    Departure: divided by M_l = h w, the number of positions, since the photo and the artwork have different sizes and
    the paper's sums could not be compared. `style_loss` then lacks the M_l^2 that it has in the paper.
    """
    F = F.flatten(2)[0]  # (N_l, M_l)
    M = F.shape[1]
    return _precise(F @ F.mT) / M


def gram_loss(F: Tensor, A: Tensor) -> Tensor:
    """`style_loss` of F's Gram matrix against A, with the gradient of equation 6 in one product, whatever F's type."""
    found: Tensor = _GramLoss.apply(F, A)  # type: ignore[no-untyped-call]
    return found


class _GramLoss(torch.autograd.Function):
    """Autograd would multiply twice, once for each factor of F F^T, which give the same."""

    @staticmethod
    def forward(ctx: FunctionCtx, F: Tensor, A: Tensor) -> Tensor:  # type: ignore[override]
        D = gram(F) - A
        ctx.save_for_backward(F, D)  # type: ignore[attr-defined]
        return D.square().sum() / (4 * len(A) ** 2)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        F, D = ctx.saved_tensors  # type: ignore[attr-defined]
        (_, N, h, w), f = F.shape, F.flatten(2)[0]  # (N_l, M_l)
        factor = grad / (N**2 * h * w)
        # Position by position, which is how F lies in memory with channels last.
        dF = f.mT @ (D * factor).to(F.dtype)  # (M_l, N_l)
        return dF.mT.view(1, N, h, w), None


def style_loss(G: Tensor, A: Tensor) -> Tensor:
    """Squared difference of two Gram matrices of one layer, E_l of equation 4.

    Args:
        G: Gram matrix of x, (N_l, N_l), divided by its M_l as `gram` does.
        A: Gram matrix of the artwork a, likewise.
    """
    N = G.shape[0]
    return (G - A).square().sum() / (4 * N**2)


def total_variation(x: Tensor, weights: Tensor | float = 1.0) -> Tensor:
    """Mean squared difference of neighbouring pixels of x (1, 3, H, W), after Mahendran & Vedaldi (2015), beta = 2.

    Not in Gatys' paper: a little of it removes the pixel noise that the optimisation leaves.

    Args:
        weights: how much each pixel counts, (1, 1, H, W).
    """
    down, right = x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]
    if isinstance(weights, Tensor):
        return (down.square() * weights[..., 1:, :]).mean() + (right.square() * weights[..., :, 1:]).mean()
    return down.square().mean() + right.square().mean()
