"""The method of Gatys, Ecker & Bethge (2016) written straight, to compare with: one scale, L-BFGS from the photo.

It has none of what `engine.fine` adds, and shares no code with it but the paper's losses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.losses import content_loss, gram, style_loss

STEPS = 500


class Plain:
    """One photo, one painting and the encoder that compares them."""

    def __init__(self, p: Tensor, a: Tensor, encoder: Encoder, ratio: float) -> None:
        """``p`` and ``a`` are (1, 3, H, W) in 0..1, ``ratio`` is the paper's alpha / beta."""
        self.p, self.encoder = p, encoder
        self.alpha, self.beta = ratio / (1 + ratio), 1 / (1 + ratio)
        with torch.no_grad():
            self.P = encoder.features(p, encoder.content_layers)
            self.A = {l: gram(F) for l, F in encoder.features(a, encoder.style_layers).items()}

    def loss(self, x: Tensor) -> Tensor:
        """Equation 7 of x (1, 3, H, W), each layer's part taken over its size as `engine.fine.gatys` does."""
        F = self.encoder.features(x, (*self.P, *self.A))
        L_content = torch.stack([content_loss(F[l], P) / P.numel() for l, P in self.P.items()]).mean()
        L_style = torch.stack([style_loss(gram(F[l]), A) / A.square().mean() for l, A in self.A.items()]).mean()
        return self.alpha * L_content + self.beta * L_style

    @torch.no_grad()
    def loss_of_picture(self, x: Tensor) -> float:
        return float(self.loss(x.clamp(0, 1)))

    def picture(self, steps: int = STEPS) -> tuple[Tensor, int]:
        """(x in 0..1, the number of steps it took)."""
        x, taken = self.p, 0
        for reached in self.run(steps):
            x, taken = reached, taken + 1
        return x.clamp(0, 1), taken

    def run(self, steps: int = STEPS) -> Iterator[Tensor]:
        """x after each step, still out of range in places; ends early where the optimisation diverges."""
        x = self.p.clone().requires_grad_(True)
        # One evaluation a step, and no step left out: what is compared is the number of them.
        optimiser = torch.optim.LBFGS([x], max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = self.loss(x)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        for _ in range(steps):
            loss = float(optimiser.step(closure).detach())
            if not math.isfinite(loss) or not bool(x.isfinite().all()):
                return
            yield x.detach().clone()
