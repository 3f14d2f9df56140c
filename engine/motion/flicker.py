"""How much a moving picture flickers: neighbouring frames' difference, the movement taken out."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.motion.flow import Motion, luminance, warped

LEAST_TRUSTED = 0.5


class Flicker:
    """The mean warped error between neighbouring frames where flow is trusted, in deviations of luminance."""

    def __init__(self) -> None:
        self._errors: list[Tensor] = []  # of each pair
        self._before: Tensor | None = None
        self._deviations: list[Tensor] = []

    def add(self, x: Tensor, moved: Motion | None) -> None:
        """The next frame (1, 3, H, W) and the motion from it to the one before, if there was one."""
        y = luminance(x)
        if self._before is not None and moved is not None and not moved.cut:
            trusted = moved.trust > LEAST_TRUSTED
            error = (y - warped(self._before, moved.flow)).abs()
            self._errors.append(error[trusted].mean())
            self._deviations.append(y.std())
        self._before = y

    @property
    def value(self) -> float | None:
        """None where there were no two frames to compare."""
        if not self._errors:
            return None
        return float(torch.stack(self._errors).mean() / torch.stack(self._deviations).mean().clamp_min(1e-3))
