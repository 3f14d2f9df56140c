"""The optimisation of Gatys, Ecker & Bethge (2016), scale after scale: the pixels are the parameters.

Departures from the paper, each explained where it is made: losses that do not depend on the pictures' sizes; a little
total variation; Adam where L-BFGS diverges. See `engine.fine.scales` and `engine.fine.paint` for two more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.losses import content_loss, gram, style_loss, total_variation
from engine.fine.scales import Scale, halved
from engine.recipe import Recipe
from engine.tensors import Styles, clamp, resize, resized_style

TV = 0.15  # weight of total variation against beta = 1
ADAM_RATE = 0.02  # of the range of pixel values, a step


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser, as reported to the caller."""

    index: int  # from 1
    of: int
    done: float  # share of the whole work, 0..1: late steps cost more than early ones
    total: float  # alpha L_content + beta L_style + the weighted total variation
    content: float
    style: float
    tv: float
    x: Tensor  # the picture so far, (1, 3, h, w) in 0..1
    note: str = ""  # a sentence, when something had to be changed


class Target(NamedTuple):
    """What x is optimised towards at one scale."""

    P: dict[str, Tensor]  # photo features by content layer, (1, N_l, h_l, w_l)
    A: dict[str, Tensor]  # Gram matrices of the mixed styles by style layer, (N_l, N_l)


def ratio(strength: int) -> float:
    """alpha / beta for a strength of 1..100, strictly decreasing; 50 is the papers' 1e-3.

    Chosen by eye at 256 pixels between 5e-4 and 1e-1. Steeper below 50, since at 1e-1 a photo that suits the style
    still takes on much of it; both ends follow the slope and were not checked one by one.
    """
    decades = (50 - strength) / (12.5 if strength < 50 else 25)
    return 1e-3 * 10.0**decades


class Run:
    """The optimisation of one picture: the scales that are left, and the steps done."""

    def __init__(
        self,
        plan: list[Scale],
        encoder: Encoder,
        recipe: Recipe,
        styles: Styles,
        p: Tensor,
        finish: Callable[[Tensor], Tensor] = clamp,
    ) -> None:
        """``finish`` makes the picture that is shown of an x that may be out of range, or grey."""
        self.plan, self.encoder, self.recipe = plan, encoder, recipe
        self.styles, self.p, self.finish = styles, p, finish
        self.index, self.of = 0, sum(scale.steps for scale in plan)
        self.done = 0.0  # share of the whole work
        self.note = ""
        self.style_layers = recipe.layers or encoder.style_layers
        self.content_layers = recipe.content or encoder.content_layers
        alpha = recipe.ratio if recipe.ratio is not None else ratio(recipe.strength or 50)
        # alpha + beta = 1 keeps the total's size, and so L-BFGS' first steps, alike for every ratio.
        self.alpha, self.beta = alpha / (1 + alpha), 1 / (1 + alpha)

    def halve(self) -> None:
        """Paint the rest at half the size, since memory ran out."""
        before = max(self.plan[-1].size)
        self.plan = halved(self.plan)
        self.note = f"Memory ran out, so I painted it at {max(self.plan[-1].size)} pixels instead of {before}."

    def target(self, size: tuple[int, int]) -> Target:
        """The photo's features and the styles' mixed Gram matrices at one scale.

        Mixing the matrices has the same gradient as summing one weighted style loss for each.
        """
        with torch.no_grad():
            P = self.encoder.features(resize(self.p, size), self.content_layers)
            A: dict[str, Tensor] = {}
            total = sum(weight for _, weight in self.styles)
            for a, weight in self.styles:
                a = resized_style(a, max(size), self.recipe.brush or 1.0)
                for name, F in self.encoder.features(a, self.style_layers).items():
                    A[name] = A.get(name, 0) + weight / total * gram(F)
        return Target(P, A)

    def losses(self, x: Tensor, target: Target) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(total, content, style, tv) of x, equation 7."""
        F = self.encoder.features(x, (*self.content_layers, *self.style_layers))
        # Departure: the mean instead of the sum, so that alpha / beta means the same at every size and for encoders of
        # every width; E_l is independent of both already.
        L_content = torch.stack([content_loss(F[l], P) / P.numel() for l, P in target.P.items()]).mean()
        # Departure: E_l over the mean square of A. In a network whose filters all have the mean activation 1 that is
        # near 1 for VGG-19's layers, and w_l = 1/5 means that all count alike: SqueezeNet's sparse filters need it.
        E = [style_loss(gram(F[l]), A) / A.square().mean() for l, A in target.A.items()]
        L_style = torch.stack(E).mean()  # w_l = 1 / the number of layers
        L_tv = total_variation(x)
        return self.alpha * L_content + self.beta * (L_style + TV * L_tv), L_content, L_style, L_tv

    def scale(self, x: Tensor) -> Iterator[tuple[Step, Tensor]]:
        """The steps of the next scale, each with its x, from an x of any size; at the end the scale leaves the plan.

        Raises:
            FloatingPointError: the loss is not finite with Adam either.
        """
        size, steps = self.plan[0]
        target = self.target(size)
        start = resize(x, size)
        index, done = self.index, self.done
        for optimizer in (self.recipe.optimizer or "lbfgs", "adam"):
            self.index, self.done = index, done
            finite = True
            for step, x in self._steps(start, target, optimizer, steps):
                finite = math.isfinite(step.total) and bool(x.isfinite().all())
                if not finite:
                    self.note = "The optimisation diverged, so I continued with the Adam optimiser from there."
                    break
                yield step, x
            if finite:
                break
        else:
            raise FloatingPointError("the loss is not finite with Adam either")
        self.plan = self.plan[1:]

    def _steps(self, start: Tensor, target: Target, optimizer: str, steps: int) -> Iterator[tuple[Step, Tensor]]:
        x = start.clone().requires_grad_(True)
        losses: list[Tensor] = []  # of the last evaluation

        def closure() -> Tensor:
            optimiser.zero_grad()
            losses[:] = self.losses(x, target)
            losses[0].backward()
            return losses[0]

        optimiser = _optimiser(x, optimizer)
        work = sum(scale.steps * math.prod(scale.size) for scale in self.plan)
        share = (1 - self.done) * math.prod(start.shape[-2:]) / work
        for _ in range(steps):
            optimiser.step(closure)
            if optimizer == "adam":
                # Clamping would spoil L-BFGS' estimate of the curvature; Adam has none.
                x.data.clamp_(0, 1)
            self.index += 1
            self.done += share
            note, self.note = self.note, ""
            total, content, style, tv = (float(loss.detach()) for loss in losses)
            shown = self.finish(x.detach())
            yield Step(self.index, self.of, min(1.0, self.done), total, content, style, tv, shown, note), x.detach()


def _optimiser(x: Tensor, name: str) -> torch.optim.LBFGS | torch.optim.Adam:
    if name == "lbfgs":
        return torch.optim.LBFGS([x], max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)
    return torch.optim.Adam([x], lr=ADAM_RATE)
