"""The optimisation of Gatys, Ecker & Bethge (2016), scale after scale: the pixels are the parameters.

Departures from the paper, each explained where it is made: losses that do not depend on the pictures' sizes; a little
total variation; Adam where L-BFGS diverges. See `engine.fine.scales` and `engine.fine.paint` for two more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.losses import content_loss, gram, gram_loss, total_variation
from engine.fine.scales import Scale, halved, style_side
from engine.fine.weights import Weights, evened, of_recipe
from engine.recipe import Recipe
from engine.subject.importance import Importance
from engine.tensors import Styles, clamp, reduced_map, resize, resized_style

DETAIL_LAYER = "conv3_1"  # for what the content layer, at an eighth of the pixels, does not see, such as eyes
GRID = 16  # pixels of a position of conv5_1
ROUND = 14  # steps, about, before the grid is moved
WORSE = 2.0  # times the lowest loss, from which on the steps before are undone
ADAM_RATE = 5.0  # on the scale of 0..255, a step


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
    raw: Tensor  # the same as the optimiser has it: out of range, grey where the photo's colours come afterwards
    note: str = ""  # a sentence, when something had to be changed


class Target(NamedTuple):
    """What x is optimised towards at one scale."""

    P: dict[str, Tensor]  # photo features by content layer, (1, N_l, h_l, w_l)
    A: dict[str, Tensor]  # Gram matrices of the mixed styles by style layer, (N_l, N_l)
    squares: dict[str, Tensor]  # their mean squares
    content: dict[str, Tensor]  # how much each position counts, by content layer, (1, 1, h_l, w_l)
    smoothness: Tensor | float  # likewise of x's pixels
    shift: tuple[int, int]  # (down, right), by which x is moved over the encoder's grid


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
        importance: Importance | None = None,
        weights: Weights | None = None,
        around: Encoder | None = None,
        before: int = 0,
    ) -> None:
        """An optimisation towards the styles and the photo p, each of which may be left out of the ``weights``.

        Args:
            finish: makes the picture that is shown of an x that may be out of range, or grey.
            weights: of the layers; without them the recipe's.
            around: the encoder with circular padding. x then has no border: its left side goes on from its right.
            before: steps that were taken of this picture, and are not in the plan.
        """
        self.importance, self.around = importance, around
        self.anchor: Callable[[Tensor], Tensor] | None = None  # one more loss of x: what ties a frame to others
        self.sketch: Callable[[int], Tensor] | None = None  # the instant picture of a strength, like x
        self.strength = recipe.strength  # of the scale before
        self.enlarged = 1.0  # how much larger the picture will be that people see
        self.plan, self.encoder, self.recipe = plan, encoder, recipe
        self.styles, self.p, self.finish = styles, p, finish
        self.index, self.of = before, before + sum(scale.steps for scale in plan)
        self.done = 0.0  # share of the whole work
        self.note = ""
        self.weights = weights or of_recipe(recipe, encoder)
        self.given = self.weights.style  # before `normalize`

    def halve(self, note: str = "Memory ran out, so I painted it at {after} pixels instead of {before}.") -> None:
        """Paint the rest at half the size."""
        before = round(self.enlarged * max(self.plan[-1].size))
        self.plan = halved(self.plan, 1 if self.around is None else GRID)
        self.note = note.format(before=before, after=round(self.enlarged * max(self.plan[-1].size)))

    def grams(self, size: tuple[int, int]) -> dict[str, Tensor]:
        """The styles' mixed Gram matrices at one scale.

        Mixing the matrices has the same gradient as summing one weighted style loss for each.
        """
        A: dict[str, Tensor] = {}
        total = sum(weight for _, weight in self.styles)
        with torch.no_grad():
            for a, weight in self.styles:
                a = resized_style(a, style_side(size, self.recipe), self.recipe.brush or 1.0)
                for name, F in self.encoder.features(a, self.weights.style).items():
                    A[name] = A.get(name, 0) + weight / total * gram(F)
        return A

    def target(self, size: tuple[int, int], A: dict[str, Tensor], shift: tuple[int, int] = (0, 0)) -> Target:
        """The Gram matrices A and the photo's features at one scale, for an x shifted over the encoder's grid."""
        maps: dict[str, Tensor] = {}
        if self.importance is not None:
            maps = dict.fromkeys(self.weights.content, self.importance.content)
            maps.setdefault(DETAIL_LAYER, self.importance.detail)
        with torch.no_grad():
            layers = maps or self.weights.content
            p = shifted(resize(self.p, size), shift)
            P = self.encoder.features(p, layers) if layers else {}
        content = {}
        for name, m in maps.items():
            placed = reduced_map(shifted(reduced_map(m, size), shift), (P[name].shape[2], P[name].shape[3]))
            content[name] = own(placed, p, shift)
        P = {name: own(F, p, shift) for name, F in P.items()}
        smoothness = 1.0 if self.importance is None else reduced_map(self.importance.smoothness, size)
        return Target(P, A, {name: G.square().mean() for name, G in A.items()}, content, smoothness, shift)

    def losses(self, x: Tensor, target: Target) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(total, content, style, tv) of x, equation 7."""
        alpha, beta, tv, content, style = self.weights
        encoder, move = (self.encoder, shifted) if self.around is None else (self.around, rolled)
        seen = move(x, target.shift).contiguous(memory_format=torch.channels_last)
        F = encoder.features(seen, (*target.P, *style))
        if self.around is None:
            F = {l: own(features, seen, target.shift) for l, features in F.items()}
        # Departure: the mean instead of the sum, so that alpha / beta means the same at every size and for encoders of
        # every width; E_l is independent of both already.
        L_content = x.new_zeros(())
        for l, P in target.P.items():
            weight = content.get(l, 1 / len(content))
            L_content = L_content + weight * content_loss(F[l], P, target.content.get(l, 1.0)) / P.numel()
        # Departure: E_l over the mean square of A. In a network whose filters all have the mean activation 1 that is
        # near 1 for VGG-19's layers, and w_l = 1/5 means that all count alike: SqueezeNet's sparse filters need it.
        L_style = x.new_zeros(())
        for l, A in target.A.items():
            L_style = L_style + style[l] * gram_loss(F[l], A) / target.squares[l]
        L_tv = total_variation(x if self.around is None else fn.pad(x, (0, 1, 0, 1), "circular"), target.smoothness)
        total = alpha * L_content + beta * L_style + tv * L_tv
        return total if self.anchor is None else total + self.anchor(x), L_content, L_style, L_tv

    def scale(self, x: Tensor) -> Iterator[tuple[Step, Tensor]]:
        """The steps of the next scale, each with its x, from an x of any size; at the end the scale leaves the plan.

        Raises:
            FloatingPointError: the loss is not finite with Adam either.
        """
        size, steps, after, strength = self.plan[0]
        x = resize(x, size)
        if strength is not None:
            if self.sketch and self.strength and strength != self.strength:
                # At the full size large forms hardly move: sixteen steps from 42 to 62 changed the pixels by .01, this
                # and the steps by .07, an optimisation from the start by .09.
                x = x + resize(self.sketch(strength), size) - resize(self.sketch(self.strength), size)
            self.strength = strength
            self.weights = of_recipe(msgspec.structs.replace(self.recipe, strength=strength, ratio=None), self.encoder)
        share = (1 - self.done) * math.prod(size) / sum(scale.steps * math.prod(scale.size) for scale in self.plan)
        rounds = 1 if self.recipe.plain == "yes" else max(1, round(steps / ROUND))
        ends = [round(steps * (i + 1) / rounds) for i in range(rounds)]
        A = self.grams(size)
        if self.recipe.normalize == "yes":
            self.weights = self.weights._replace(style=self._evened(x, A))
        for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
            # Departure: the grid on which the encoder sees every second, fourth and eighth position is moved from
            # time to time. What suits one grid only, straight seams and meshes, does not outlast the next.
            target = self.target(size, A, (0, 0) if self.recipe.plain == "yes" else self._shift(i, after))
            for step, reached in self._finite(x, target, end - begin, share):
                x = reached
                yield step, x
        self.plan = self.plan[1:]

    def _evened(self, x: Tensor, A: dict[str, Tensor]) -> dict[str, float]:
        """The style layers' shares, such that each pulls at x, where it is now, in proportion to its own share.

        After ``normalize_gradients`` of jcjohnson/neural-style. Departure: the gradients' lengths are taken once a
        scale and not at every step, so that what L-BFGS sees is the gradient of one function.
        """
        pulls: dict[str, float] = {}
        for l, G in A.items():
            x = x.detach().requires_grad_(True)
            F = self.encoder.features(x.contiguous(memory_format=torch.channels_last), (l,))[l]
            (gradient,) = torch.autograd.grad(gram_loss(F, G) / G.square().mean(), x)
            pulls[l] = float(gradient.abs().sum())
        return evened(self.given, pulls)

    def _shift(self, index: int, after: int) -> tuple[int, int]:
        # By what is left, and of what follows by what is done: so that what follows changes nothing before it, and is
        # the same in a run that begins with it.
        place = -after or sum(not scale.after for scale in self.plan)
        seed = (self.recipe.seed or 0) * 1000 + place * 100 + index
        generator = torch.Generator().manual_seed(seed)
        down, right = torch.randint(0, GRID, (2,), generator=generator).tolist()
        return down, right

    def _finite(self, start: Tensor, target: Target, steps: int, share: float) -> Iterator[tuple[Step, Tensor]]:
        """Steps from ``start``; with Adam instead, from the same start, where L-BFGS diverges."""
        index, done = self.index, self.done
        for optimizer in (self.recipe.optimizer or "lbfgs", "adam"):
            self.index, self.done = index, done
            finite = True
            for step, x in self._steps(start, target, optimizer, steps, share):
                finite = math.isfinite(step.total) and bool(x.isfinite().all())
                if not finite:
                    self.note = "The optimisation diverged, so I continued with the Adam optimiser from there."
                    break
                yield step, x
            if finite:
                return
        raise FloatingPointError("the loss is not finite with Adam either")

    @torch.no_grad()
    def _total(self, x: Tensor, target: Target) -> float:
        return float(self.losses(x, target)[0])

    def _steps(
        self, start: Tensor, target: Target, optimizer: str, steps: int, share: float
    ) -> Iterator[tuple[Step, Tensor]]:
        x = start.clone().requires_grad_(True)
        losses: list[Tensor] = []  # of the last evaluation

        def closure() -> Tensor:
            optimiser.zero_grad()
            losses[:] = self.losses(x, target)
            losses[0].backward()
            return losses[0]

        rate = (self.recipe.rate or ADAM_RATE) / 255 if optimizer == "adam" else 1.0
        optimiser = _optimiser(x, optimizer, rate)
        lowest, best = math.inf, start
        for left in reversed(range(steps)):
            before = x.detach().clone()
            optimiser.step(closure)
            total, content, style, tv = (float(loss.detach()) for loss in losses)  # of x before the step
            if total <= lowest:
                lowest, best = total, before
            # What the last step leads to is not evaluated by another one.
            after = total if left or optimizer == "adam" else self._total(x, target)
            if max(total, after) > WORSE * lowest:
                # Near a minimum, rounding is most of what L-BFGS sees of the curvature, and a step may lead anywhere.
                # Half as far from now on, or the next attempt would be the same.
                x.data.copy_(best)
                rate /= 2
                optimiser = _optimiser(x, optimizer, rate)
            if optimizer == "adam":
                # Clamping would spoil L-BFGS' estimate of the curvature; Adam has none.
                x.data.clamp_(0, 1)
            self.index += 1
            self.done += share
            note, self.note = self.note, ""
            raw = x.detach()
            shown = self.finish(raw)
            yield Step(self.index, self.of, min(1.0, self.done), total, content, style, tv, shown, raw, note), raw


def shifted(x: Tensor, shift: tuple[int, int]) -> Tensor:
    """x (1, N, h, w) moved down and right, with what is at its border mirrored."""
    down, right = shift
    return fn.pad(x, (right, 0, down, 0), mode="reflect") if down or right else x


def own(F: Tensor, seen: Tensor, shift: tuple[int, int]) -> Tensor:
    """Features of ``seen``, a picture that is `shifted`, without those of the mirrored part.

    With them what lies at the border would count twice, and colours that a painting has little of, such as poppies,
    would gather there as specks.
    """
    top, left = (round(n * F.shape[k] / seen.shape[k]) for n, k in zip(shift, (2, 3), strict=True))
    return F[..., top:, left:]


def rolled(x: Tensor, shift: tuple[int, int]) -> Tensor:
    """x (1, N, h, w) moved down and right, with what leaves it coming back on the other side."""
    return x.roll(shift, (2, 3))


def _optimiser(x: Tensor, name: str, rate: float) -> torch.optim.LBFGS | torch.optim.Adam:
    if name == "lbfgs":
        return torch.optim.LBFGS([x], lr=rate, max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)
    return torch.optim.Adam([x], lr=rate)
