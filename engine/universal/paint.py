"""Universal mode: any picture as style at once, by giving a photo's deep features the style's moments.

Whitening and colouring, level by level (Li et al. 2017, "Universal Style Transfer via Feature Transforms").
Departures, each explained where it is made: the levels are those of the slim encoder's branch; small sizes replace the
deepest of them; patches at the smallest; what the decoders lose is added back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.encoders.slim import SlimEncoder
from engine.recipe import Recipe
from engine.tensors import Styles, at_least, clamp, luminance_only, resize, resized_style
from engine.universal import patches
from engine.universal.decoders import LEVELS, Decoders
from engine.universal.moments import Moments, apply, mixed, moments, moments_of, transport

DEEPEST, SHALLOWEST = "fire4", "conv1"
PIXELS = "pixels"  # beyond the shallowest level: the colours themselves
WORK = {"fire4": 6, "fire2": 3, "conv1": 1}  # a pixel, roughly; for the progress
ROUNDS = 2  # of moving features towards patches
GRID = 4  # pixels of a position of the deepest level
COARSEST = 256  # pixels, long side of the first size, to within a factor of 1.4
# A strip's features depend on so many pixels beside it: 35 of fire4's field of view and the decoder's 20, and some.
MARGIN = 64
STRIP = 2**21  # pixels that are processed at a time; about a gigabyte


class Step(NamedTuple):
    size: tuple[int, int]  # (h, w) in pixels
    level: str


class Amounts(NamedTuple):
    """The amount of each effect at one strength; 0, 0, 0, 1, 1 would return the photo."""

    moments: float  # share of the way to the style's moments
    patches: float  # share of the nearest patches in the coarsest features
    noise: float  # seeded noise there, where the photo is flat, in the style's own deviations
    detail: float  # of what the decoders lose, the share added back
    edges: float  # of what the small sizes lack, likewise


def amounts(strength: int) -> Amounts:
    """Chosen by eye at 512 pixels: faces stay faces at 42, and at 100 towers become brushwork."""
    s = strength / 100
    return Amounts(
        moments=min(1.0, 2.2 * s),
        patches=0.9 * s**0.8,
        noise=min(1.0, 1.5 * s**0.75),
        detail=(1 - s) ** 1.5,
        edges=1 - 0.4 * s**2.5,
    )


@torch.no_grad()
def paint(
    photo: Tensor, pictures: Sequence[tuple[Tensor, float]], recipe: Recipe, encoder: SlimEncoder, decoders: Decoders
) -> Iterator[tuple[float, Tensor]]:
    """Paint the photo in the mixed styles: (share of the work done, the picture so far (1, 3, H, W)), the last at 1.

    Args:
        photo: (3, H, W) in 0..1, at the size of the result.
        pictures: style pictures (3, h, w) in 0..1, each with its relative weight.
        recipe: complete, of mode universal.
    """
    p = photo[None]
    styles = [(a[None], weight) for a, weight in pictures if weight]
    finish: Callable[[Tensor], Tensor] = clamp
    if recipe.strength == 0:
        yield 1.0, p.clone()
        return
    if recipe.colors == "photo":
        p, styles, finish = luminance_only(p, styles)
    for done, x in Painting(p, styles, recipe, encoder, decoders).run():
        yield done, finish(x).contiguous()  # L-BFGS, which may continue from here, does not work with channels last


class Painting:
    """One picture on its way from size to size and level to level."""

    def __init__(self, p: Tensor, styles: Styles, recipe: Recipe, encoder: SlimEncoder, decoders: Decoders) -> None:
        self.p, self.brush, self.encoder, self.decoders = p, recipe.brush or 1.0, encoder, decoders
        self.generator = torch.Generator().manual_seed(recipe.seed or 0)
        self.styles = [(self._cropped(a), weight) for a, weight in styles]
        self.amounts = amounts(recipe.strength if recipe.strength is not None else 42)

    def _cropped(self, a: Tensor) -> Tensor:
        """A large part of a style picture; the seed varies which one, beside the noise."""
        height, width = a.shape[-2:]
        share, down, right = (float(u) for u in torch.rand(3, generator=self.generator))
        h, w = (max(min(n, 32), round(n * (0.8 + 0.2 * share))) for n in (height, width))
        top, left = round(down * (height - h)), round(right * (width - w))
        return a[..., top : top + h, left : left + w]

    def run(self) -> Iterator[tuple[float, Tensor]]:
        """Every level of every size; see `paint`."""
        plan = self.plan()
        work = [math.prod(step.size) * WORK[step.level] for step in plan]
        x = q = resize(self.p, plan[0].size)
        style: dict[str, Moments] = {}
        for i, step in enumerate(plan):
            if i == 0 or step.size != plan[i - 1].size:
                x, q = self._enlarged(x, q, step.size)
                style = self.style(max(step.size), with_patches=i == 0)
            before, after = sum(work[:i]) / sum(work), sum(work[: i + 1]) / sum(work)
            for share, reached in self.level(x, step.level, style[step.level], patched=i == 0, shift=i):
                yield before + share * (after - before), reached
            x = reached
        yield 1.0, apply(transport(moments_of(x), style[PIXELS]), x, self.amounts.moments).clamp(0, 1)

    def plan(self) -> list[Step]:
        """Sizes from coarse to the photo's own, each twice the one before, and at each its levels.

        Departure: small sizes instead of levels deeper than fire4, whose decoders would blur.
        """
        height, width = self.p.shape[-2:]
        halvings = max(1, round(math.log2(max(height, width) / COARSEST)))
        small = [at_least(height >> i, width >> i) for i in range(halvings, 0, -1)]
        return [Step(size, name) for size in small for name in LEVELS if name != SHALLOWEST] + [
            Step((height, width), name) for name in LEVELS
        ]

    def style(self, long: int, with_patches: bool = False) -> dict[str, Moments]:
        """The mixed styles' moments for a photo whose long side is ``long`` pixels; keeps their patches if asked."""
        pictures = [(resized_style(a, long, self.brush), weight) for a, weight in self.styles]
        each = [moments(self._parts(_padded(a), tuple(LEVELS))) | {PIXELS: moments_of(a)} for a, _ in pictures]
        mix = {
            name: mixed([(found[name], weight) for found, (_, weight) in zip(each, pictures, strict=True)])
            for name in (*LEVELS, PIXELS)
        }
        if with_patches:
            self.patches = self._sampled_patches(pictures, [found[DEEPEST] for found in each], mix[DEEPEST])
        return mix

    def _sampled_patches(self, pictures: Styles, each: list[Moments], mix: Moments) -> Tensor:
        """Patches of all styles' deepest features, which agree on colours and contrast."""
        features = []
        for (a, weight), found in zip(pictures, each, strict=True):
            (part,) = self._parts(_padded(a), (DEEPEST,))
            S = part[DEEPEST].float()
            if len(pictures) > 1:
                S = apply(transport(found, mix), S)
            features.append((S, weight))
        return patches.sampled(features, self.generator)

    def _enlarged(self, x: Tensor, q: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The picture so far at the next size, with the photo's finer forms, which the levels there will paint over.

        ``q`` is the photo at x's size; returns the picture and the photo at the new one.
        """
        p = resize(self.p, size)
        return (resize(x, size) + self.amounts.edges * (p - resize(q, size))).clamp(0, 1), p

    def level(self, x: Tensor, name: str, style: Moments, patched: bool, shift: int) -> Iterator[tuple[float, Tensor]]:
        """x with one level's features given the style's moments: (share done, x so far).

        ``shift`` moves the grid of positions over x: on a common grid each level would take what the one before has
        left there for strokes.
        """
        height, width = x.shape[-2:]
        top, left = shift % GRID, 3 * shift % GRID
        padded = _padded(x, top, left)
        strips = _strips(*padded.shape[-2:])
        whole = [self.features(padded, (name,))[name]] if len(strips) == 1 else []
        content = moments([{name: F} for F in whole] or self._parts(padded, (name,)))[name]
        map = transport(content, style)
        painted = []
        for i, (outer, inner) in enumerate(strips):
            strip = padded[..., outer, :]
            F = whole[0] if whole else self.features(strip, (name,))[name]
            changed = apply(map, F, self.amounts.moments)
            if patched:
                changed = self._patched(changed.float(), style).to(F)  # patches are compared to more than bfloat16
            y = self._decoded(strip, F, changed, name)
            painted.append(_without_margins(y, outer, inner))
            yield (i + 1) / (len(strips) + 1), x
        yield 1.0, torch.cat(painted, -2)[..., top : top + height, left : left + width]

    def _decoded(self, strip: Tensor, F: Tensor, changed: Tensor, name: str) -> Tensor:
        """The picture that has the changed features, where F are those of the strip.

        Departure: the decoder gets the strip's own features as well. What it loses of them is known and added back, so
        that little strength means little change.
        """
        both = torch.cat([changed, F]).contiguous(memory_format=torch.channels_last)
        y, own = self.decoders[name](both).float().split(1)
        return (y + self.amounts.detail * (strip - own)).clamp(0, 1)

    def _patched(self, F: Tensor, style: Moments) -> Tensor:
        """Features moved towards the styles' patches, in rounds, so that neighbours come to agree."""
        start = x = patches.with_noise(F, style, self.amounts.noise, self.generator)
        axes = patches.principal_directions(style.covariance).to(F)
        for _ in range(ROUNDS):
            x = torch.lerp(start, patches.nearest(x, self.patches, axes), self.amounts.patches)
        # Means of overlapping patches vary less than patches do.
        return apply(transport(moments_of(x), moments_of(F)), x)

    def features(self, x: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        return self.encoder.features(x.contiguous(memory_format=torch.channels_last), names)

    def _parts(self, x: Tensor, names: tuple[str, ...]) -> Iterator[dict[str, Tensor]]:
        """Features strip by strip, without the margins."""
        for outer, inner in _strips(*x.shape[-2:]):
            found = self.features(x[..., outer, :], names)
            yield {name: _without_margins(F, outer, inner) for name, F in found.items()}


def _padded(x: Tensor, top: int = 0, left: int = 0) -> Tensor:
    """x with its outer rows and columns repeated until both sides are whole positions of the deepest level."""
    height, width = x.shape[-2] + top, x.shape[-1] + left
    return fn.pad(x, (left, -width % GRID, top, -height % GRID), mode="replicate")


def _without_margins(F: Tensor, outer: slice, inner: slice) -> Tensor:
    """The rows of F, features or pixels of the rows ``outer``, that belong to the rows ``inner``."""
    rows = outer.stop - outer.start
    first, last = ((row - outer.start) * F.shape[-2] // rows for row in (inner.start, inner.stop))
    return F[..., first:last, :]


def _strips(height: int, width: int) -> list[tuple[slice, slice]]:
    """Rows to read, and those of them to keep, so that no strip is larger than STRIP and no seam shows."""
    rows = STRIP // width // GRID * GRID
    if height <= rows:
        return [(slice(0, height), slice(0, height))]
    rows = max(MARGIN, rows - 2 * MARGIN)
    inner = [slice(top, min(height, top + rows)) for top in range(0, height, rows)]
    return [(slice(max(0, s.start - MARGIN), min(height, s.stop + MARGIN)), s) for s in inner]
