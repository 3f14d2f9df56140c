"""Conditional instance normalisation (Dumoulin et al. 2017, equation 5) in few passes over the features.

On a CPU the passes are what it costs: torch's own ways read channels last eight times as often forwards, and more
than that backwards.
"""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor
from torch.autograd.function import FunctionCtx

EPSILON = 1e-4  # added to variances, so that a flat patch is not amplified into a pattern


def normalised(h: Tensor, gamma: Tensor, beta: Tensor, epsilon: float = EPSILON) -> Tensor:
    """h (B, N, H, W) with each channel's mean and deviation replaced by beta and gamma (B, N)."""
    if torch.is_grad_enabled():
        out: Tensor = _Normalised.apply(h, gamma, beta, epsilon)  # type: ignore[no-untyped-call]
        return out
    if len(h) == 1:
        # A group a channel is instance normalisation; fn.instance_norm would copy channels last.
        return fn.group_norm(h, h.shape[1], gamma[0], beta[0], epsilon)
    return _affine(fn.group_norm(h, h.shape[1], eps=epsilon), gamma, beta)


def _affine(h: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    gamma, beta = (t.to(h.dtype)[..., None, None] for t in (gamma, beta))
    return torch.addcmul(beta, h, gamma)


class _Normalised(torch.autograd.Function):
    """The same with a gradient: sums over positions are products with ones, everything else one linear map."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: FunctionCtx, h: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
    ) -> Tensor:
        B, N, H, W = h.shape
        _, mean, rstd = torch.native_group_norm(h, None, None, B, N, H * W, N, epsilon)
        mean, rstd = mean.to(gamma.dtype), rstd.to(gamma.dtype)  # (B, N)
        ctx.save_for_backward(h, gamma, mean, rstd)  # type: ignore[attr-defined]
        scale = gamma * rstd
        return _affine(h, scale, beta - mean * scale)

    @staticmethod
    def backward(ctx: FunctionCtx, dy: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # type: ignore[override]
        h, gamma, mean, rstd = ctx.saved_tensors  # type: ignore[attr-defined]
        M = h.shape[2] * h.shape[3]
        dbeta = _sum(dy).to(gamma.dtype)
        dgamma = rstd * (_sum(dy * h).to(gamma.dtype) - mean * dbeta)
        a = gamma * rstd
        b = -a * rstd * dgamma / M
        c = -a * dbeta / M - b * mean
        dh = torch.addcmul(_affine(dy, a, c), h, b.to(h.dtype)[..., None, None])
        return dh, dgamma, dbeta, None


def _sum(h: Tensor) -> Tensor:
    """The sums over the positions of h (B, N, H, W), (B, N)."""
    rows = h.permute(0, 2, 3, 1).flatten(1, 2)  # (B, M, N): with channels last no copy
    ones = torch.ones(1, 1, 1, dtype=h.dtype, device=h.device).expand(len(h), 1, rows.shape[1])
    return torch.bmm(ones, rows)[:, 0]
