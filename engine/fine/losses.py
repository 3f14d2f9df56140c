"""Content, style and total-variation losses of Gatys, Ecker & Bethge (2016), in the paper's letters."""

from __future__ import annotations

from torch import Tensor


def content_loss(F: Tensor, P: Tensor) -> Tensor:
    """Half the squared difference of two feature maps, equation 1.

    Args:
        F: features of the result x, (1, N_l, h, w).
        P: features of the photo p, the same shape.
    """
    return 0.5 * (F - P).square().sum()


def gram(F: Tensor) -> Tensor:
    """Correlations of the filters' responses, equation 3: (1, N_l, h, w) -> (N_l, N_l).

    Departure: divided by M_l = h w, the number of positions, since the photo and the artwork have different sizes and
    the paper's sums could not be compared. `style_loss` then lacks the M_l^2 that it has in the paper.
    """
    F = F.flatten(2)[0]  # (N_l, M_l)
    M = F.shape[1]
    return F @ F.mT / M


def style_loss(G: Tensor, A: Tensor) -> Tensor:
    """Squared difference of two Gram matrices of one layer, E_l of equation 4.

    Args:
        G: Gram matrix of x, (N_l, N_l), divided by its M_l as `gram` does.
        A: Gram matrix of the artwork a, likewise.
    """
    N = G.shape[0]
    return (G - A).square().sum() / (4 * N**2)


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of x (1, 3, H, W), after Mahendran & Vedaldi (2015), beta = 2.

    Not in Gatys' paper: a little of it removes the pixel noise that the optimisation leaves.
    """
    return (x[..., 1:, :] - x[..., :-1, :]).square().mean() + (x[..., :, 1:] - x[..., :, :-1]).square().mean()
