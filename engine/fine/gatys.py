"""The optimisation of Gatys, Ecker & Bethge (2016): the pixels are the parameters.

Departures from the paper, each explained where it is made: several scales from coarse to fine; a start from the photo;
losses that do not depend on the pictures' sizes; a little total variation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.fine.losses import content_loss, gram, style_loss, total_variation
from engine.recipe import Recipe

COARSEST = 192  # pixels, long side of the first scale; below it conv5_1 sees the whole picture at once
SCALE_RATIO = 1.63  # 192, 314, 512: each scale has 2.7 times the pixels of the one before
STEPS_RATIO = 0.65  # and so much of its steps: forms are found while they are cheap, strokes refined at the end
TV = 0.15  # weight of total variation against beta = 1
START_NOISE = 0.02  # of the seeded noise that is laid over the photo
ADAM_RATE = 0.02  # of the range of pixel values, a step
YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser, as told to whoever asked for the picture."""

    index: int  # from 1
    of: int
    done: float  # share of the whole work, 0..1: late steps cost more than early ones
    total: float  # alpha L_content + beta L_style + the weighted total variation
    content: float
    style: float
    tv: float
    x: Tensor  # the picture so far, (1, 3, h, w) in 0..1
    note: str = ""  # a sentence, when something had to be changed


class Scale(NamedTuple):
    size: tuple[int, int]  # (h, w) in pixels
    steps: int


class Target(NamedTuple):
    """What x is driven towards at one scale."""

    P: dict[str, Tensor]  # photo features by content layer, (1, N_l, h_l, w_l)
    A: dict[str, Tensor]  # Gram matrices of the mixed styles by style layer, (N_l, N_l)


def clamp(x: Tensor) -> Tensor:
    return x.clamp(0, 1)


def ratio(strength: int) -> float:
    """alpha / beta for a strength of 1..100, falling all the way; 50 is the papers' 1e-3.

    Chosen by eye at 256 pixels between 5e-4 and 1e-1. Steeper below 50, since at 1e-1 a photo that suits the style
    still takes on much of it; both ends follow the slope and were not looked at one by one.
    """
    decades = (50 - strength) / (12.5 if strength < 50 else 25)
    return 1e-3 * 10.0**decades


def scales(height: int, width: int, steps: int, sketched: bool = False) -> list[Scale]:
    """Sizes from coarse to the full (height, width), with the steps for each; their sum is ``steps``.

    Where the picture begins from a sketch the coarsest is left out, if it is not the only one: the large forms, which
    are its work, are there.
    """
    long = max(height, width)
    count = max(1, min(steps, 1 + round(math.log(max(long / COARSEST, 1)) / math.log(SCALE_RATIO))))
    shares = [STEPS_RATIO**i for i in range(count)]
    if sketched and count > 1:
        shares[0] = 0.0
    ends = [round(steps * sum(shares[: i + 1]) / sum(shares)) for i in range(count)]
    found = []
    for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        factor = (COARSEST / long) ** (1 - i / (count - 1)) if count > 1 else 1.0
        size = (max(32, round(height * factor)), max(32, round(width * factor))) if i < count - 1 else (height, width)
        found.append(Scale(size, end - begin))
    return [scale for scale in found if scale.steps]


def paint(
    photo: Tensor,
    styles: Sequence[tuple[Tensor, float]],
    recipe: Recipe,
    encoder: Encoder,
    start: Tensor | None = None,
) -> Iterator[Step]:
    """Paint the photo in the mixed styles; the last step's x is the picture.

    Args:
        photo: (3, H, W) in 0..1, at the size of the result.
        styles: pictures (3, h, w) in 0..1, each with its relative weight.
        recipe: complete; its size and encoder have been seen to by the caller.
        start: the fast picture (1, 3, H, W), to go on from instead of the photo or noise.

    Raises:
        torch.OutOfMemoryError: when half the size is too large as well.
    """
    p = photo[None]
    pictures = [(a[None], weight) for a, weight in styles]
    finish: Callable[[Tensor], Tensor] = clamp
    if recipe.colors == "photo":
        p, pictures, finish = luminance_only(p, pictures)
        start = None if start is None else luminance_only(start, [])[0]
    if recipe.strength == 0:
        yield Step(1, 1, 1.0, 0.0, 0.0, 0.0, 0.0, photo[None].clone())
        return
    plan = scales(photo.shape[1], photo.shape[2], recipe.steps or 1, start is not None)
    generator = torch.Generator(device="cpu").manual_seed(recipe.seed or 0)
    x = _start(p, plan[0].size, recipe, generator) if start is None else resize(start, plan[0].size)
    run = Run(plan, encoder, recipe, pictures, p, finish)
    halved = False
    while run.plan:
        try:
            for step, reached in run.scale(x):
                x = reached
                yield step
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if halved or not _out_of_memory(error):
                raise
            halved = True
            run.halve()


def _out_of_memory(error: BaseException) -> bool:
    # The CPU's allocator raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def _start(p: Tensor, size: tuple[int, int], recipe: Recipe, generator: torch.Generator) -> Tensor:
    """The first x: white noise as in the paper, or the photo under a breath of it, which is what a seed varies."""
    noise = torch.randn(1, 3, *size, generator=generator).to(p)
    if recipe.init == "noise":
        return 0.5 + 0.25 * noise
    return resize(p, size) + START_NOISE * noise


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) to (1, 3, *size), antialiased."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return fn.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def luminance_only(
    p: Tensor, pictures: list[tuple[Tensor, float]]
) -> tuple[Tensor, list[tuple[Tensor, float]], Callable[[Tensor], Tensor]]:
    """Paint in luminance and put the photo's colours back (Gatys et al. 2017, section 4).

    Of that paper's two ways it is the one that keeps the photo's colours exactly; matching histograms would only
    recolour the style. As there, the style's luminance gets the mean and deviation of the photo's.
    """
    to_yiq = torch.tensor(YIQ).to(p)
    yiq = torch.einsum("ij,bjhw->bihw", to_yiq, p)
    to_rgb = torch.linalg.inv(to_yiq)
    y = yiq[:, :1]

    def grey(a: Tensor) -> Tensor:
        luminance = torch.einsum("j,bjhw->bhw", to_yiq[0], a)[:, None]
        matched = (luminance - luminance.mean()) * (y.std() / luminance.std().clamp_min(1e-3)) + y.mean()
        return matched.clamp(0, 1).expand(-1, 3, -1, -1)

    def finish(x: Tensor) -> Tensor:
        luminance = torch.einsum("j,bjhw->bhw", to_yiq[0], x.clamp(0, 1))[:, None]
        colours = fn.interpolate(yiq[:, 1:], x.shape[-2:], mode="bilinear", antialias=True, align_corners=False)
        return torch.einsum("ij,bjhw->bihw", to_rgb, torch.cat([luminance, colours], 1)).clamp(0, 1)

    return y.expand(-1, 3, -1, -1), [(grey(a), weight) for a, weight in pictures], finish


class Run:
    """One picture on its way: what is left of the plan, and how far we are."""

    def __init__(
        self,
        plan: list[Scale],
        encoder: Encoder,
        recipe: Recipe,
        pictures: list[tuple[Tensor, float]],
        p: Tensor,
        finish: Callable[[Tensor], Tensor] = clamp,
    ) -> None:
        self.plan, self.encoder, self.recipe = plan, encoder, recipe
        self.pictures, self.p, self.finish = pictures, p, finish
        self.index, self.of = 0, sum(scale.steps for scale in plan)
        self.spent = 0.0
        self.note = ""
        self.style_layers = recipe.layers or encoder.style_layers
        self.content_layers = recipe.content or encoder.content_layers
        alpha = recipe.ratio if recipe.ratio is not None else ratio(recipe.strength or 50)
        # alpha + beta = 1 keeps the total's size, and so L-BFGS' first steps, alike for every ratio.
        self.alpha, self.beta = alpha / (1 + alpha), 1 / (1 + alpha)

    def halve(self) -> None:
        """Paint what is left at half the size, since memory ran out."""
        height, width = self.plan[-1].size
        small = (max(32, height // 2), max(32, width // 2))
        kept = [scale for scale in self.plan[:-1] if max(scale.size) <= max(small)]
        self.plan = [*kept, Scale(small, sum(s.steps for s in self.plan) - sum(s.steps for s in kept))]
        self.note = f"Memory ran out, so I painted it at {max(small)} pixels instead of {max(height, width)}."

    def target(self, size: tuple[int, int]) -> Target:
        """The photo's features and the styles' mixed Gram matrices at one scale.

        Mixing the matrices has the same gradient as summing one weighted style loss for each.
        """
        with torch.no_grad():
            P = self.encoder.features(resize(self.p, size), self.content_layers)
            A: dict[str, Tensor] = {}
            total = sum(weight for _, weight in self.pictures)
            for a, weight in self.pictures:
                for name, F in self.encoder.features(self._style_at(a, max(size)), self.style_layers).items():
                    A[name] = A.get(name, 0) + weight / total * gram(F)
        return Target(P, A)

    def _style_at(self, a: Tensor, long: int) -> Tensor:
        """The style picture as large as the scale, times the brush; never enlarged for the scale's sake alone, since
        blurred strokes have blurred statistics."""
        native = max(a.shape[-2:])
        factor = (self.recipe.brush or 1.0) * min(long, native) / native
        height, width = (max(32, round(n * factor)) for n in a.shape[-2:])
        return resize(a, (height, width))

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
        """The steps of the next scale, starting from x at any size; on return that scale is off the plan."""
        size, steps = self.plan[0]
        target = self.target(size)
        begin = resize(x, size)
        name = self.recipe.optimizer or "lbfgs"
        index, spent = self.index, self.spent
        for attempt in (name, "adam"):
            self.index, self.spent = index, spent
            finite = True
            for step, x in self._steps(begin, target, attempt, steps):
                finite = math.isfinite(step.total) and bool(x.isfinite().all())
                if not finite:
                    self.note = "The numbers ran away, so I went on with the Adam optimiser from there."
                    break
                yield step, x
            if finite:
                break
        else:
            raise FloatingPointError("the loss is not finite with Adam either")
        self.plan = self.plan[1:]

    def _steps(self, begin: Tensor, target: Target, optimizer: str, steps: int) -> Iterator[tuple[Step, Tensor]]:
        x = begin.clone().requires_grad_(True)
        seen: list[Tensor] = []

        def closure() -> Tensor:
            optimiser.zero_grad()
            seen[:] = self.losses(x, target)
            seen[0].backward()
            return seen[0]

        optimiser: torch.optim.Optimizer
        if optimizer == "lbfgs":
            optimiser = torch.optim.LBFGS([x], max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)
        else:
            optimiser = torch.optim.Adam([x], lr=ADAM_RATE)
        work = sum(scale.steps * math.prod(scale.size) for scale in self.plan)
        share = (1 - self.spent) * math.prod(begin.shape[-2:]) / work
        for _ in range(steps):
            optimiser.step(closure)
            if optimizer == "adam":
                # L-BFGS' picture of the curvature would suffer from clamping; Adam's does not.
                x.data.clamp_(0, 1)
            self.index += 1
            self.spent += share
            note, self.note = self.note, ""
            total, content, style, tv = (float(loss.detach()) for loss in seen)
            shown = self.finish(x.detach())
            yield Step(self.index, self.of, min(1.0, self.spent), total, content, style, tv, shown, note), x.detach()
