"""Universal mode: any picture as style at once, by carrying the moments of deep features from picture to picture.

Whitening and colouring, level by level (Li et al. 2017, "Universal Style Transfer via Feature Transforms").
Departures, each explained where it is made: the levels are those of the slim encoder's branch; small sizes stand in
for the deepest of them; patches at the smallest; what the decoders lose is given back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.encoders.slim import Slim
from engine.fine.gatys import clamp, luminance_only, resize
from engine.gallery import HERE
from engine.recipe import Recipe
from engine.universal import patches
from engine.universal.moments import Moments, carry, mixed, moments, transport

FILE = HERE / "weights" / "universal.safetensors"
# From deep to shallow: layer of the slim encoder's branch -> its decoder's channels, grid by grid, each twice as fine
# as the one before.
LEVELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "fire4": ((64, 64), (48, 32)),
    "fire2": ((64, 48), (48,)),
    "conv1": ((),),
}
DEEPEST, SHALLOWEST = "fire4", "conv1"
PIXELS = "pixels"  # beyond the shallowest: the colours themselves
WORK = {"fire4": 6, "fire2": 3, "conv1": 1}  # roughly, a pixel, to say how far we are
ROUNDS = 2  # of drawing features towards patches
GRID = 4  # pixels of a position of the deepest level
COARSEST = 256  # pixels, long side of the first size, give or take a factor of 1.4
# A strip's features depend on so many pixels beside it: 35 of fire4's field of view and the decoder's 20, and some.
MARGIN = 64
STRIP = 2**21  # pixels that are worked on at a time; about a gigabyte


class Decoder(nn.Module):
    """From one layer's features back to the picture."""

    def __init__(self, channels: int, grids: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.grids = nn.ModuleList()
        for grid in grids:
            convs = nn.ModuleList()
            for n in grid:
                convs.append(nn.Conv2d(channels, n, 3, padding=1, padding_mode="reflect"))
                channels = n
            self.grids.append(convs)
        # The finest grid is conv1's, half the picture's: four pixels a position.
        self.last = nn.Conv2d(channels, 12, 3, padding=1, padding_mode="reflect")

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that takes the features."""
        return next(module for module in self.modules() if isinstance(module, nn.Conv2d))

    def forward(self, F: Tensor) -> Tensor:
        """Features (B, N_l, h, w) to pictures (B, 3, H, W), near 0..1."""
        h = F
        for i, convs in enumerate(self.grids):
            if i:
                h = fn.interpolate(h, scale_factor=2, mode="nearest")
            assert isinstance(convs, nn.ModuleList)
            for conv in convs:
                h = fn.relu(conv(h))
        return fn.pixel_shuffle(self.last(h), 2)


class Decoders(nn.ModuleDict):
    """A decoder for each level, by the layer's name."""

    def __init__(self) -> None:
        super().__init__({name: Decoder(Slim.channels()[name], grids) for name, grids in LEVELS.items()})

    def of(self, name: str) -> Decoder:
        """One level's decoder."""
        decoder = self[name]
        assert isinstance(decoder, Decoder)
        return decoder


def load(device: torch.device) -> Decoders:
    """The package's decoders."""
    decoders = Decoders()
    decoders.load_state_dict({key: tensor.float() for key, tensor in load_file(FILE).items()})
    return decoders.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)


class Step(NamedTuple):
    size: tuple[int, int]  # (h, w) in pixels
    level: str


class Dose(NamedTuple):
    """How much of everything a strength means; 0, 0, 0, 1, 1 would give the photo back."""

    carried: float  # share of the way to the style's moments
    patched: float  # share of the nearest patches in the coarsest features
    noise: float  # seeded noise there, where the photo is flat, in the style's own deviations
    detail: float  # of what the decoders lose, how much is given back
    edges: float  # of what the small sizes lack, likewise


def dose(strength: int) -> Dose:
    """Chosen by eye at 512 pixels: faces stay faces at 42, and at 100 towers become brushwork."""
    s = strength / 100
    return Dose(
        carried=min(1.0, 2.2 * s),
        patched=0.9 * s**0.8,
        noise=min(1.0, 1.5 * s**0.75),
        detail=(1 - s) ** 1.5,
        edges=1 - 0.4 * s**2.5,
    )


@torch.no_grad()
def paint(
    p: Tensor, pictures: Sequence[tuple[Tensor, float]], recipe: Recipe, encoder: Slim, decoders: Decoders
) -> Iterator[tuple[float, Tensor]]:
    """Paint the photo in the mixed styles: (share of the work done, the picture so far (1, 3, H, W)), the last at 1.

    Args:
        p: the photo, (3, H, W) in 0..1, at the size of the result.
        pictures: style pictures (3, h, w) in 0..1, each with its relative weight.
        recipe: complete, of mode universal.
    """
    photo, styles = p[None], [(a[None], weight) for a, weight in pictures if weight]
    finish: Callable[[Tensor], Tensor] = clamp
    if recipe.strength == 0:
        yield 1.0, photo.clone()
        return
    if recipe.colors == "photo":
        photo, styles, finish = luminance_only(photo, styles)
    painting = Painting(photo, styles, recipe, encoder, decoders)
    for done, x in painting.run():
        yield done, finish(x).contiguous()  # L-BFGS, which may go on from here, cannot do with channels last


class Painting:
    """One picture on its way from size to size and level to level."""

    def __init__(
        self,
        photo: Tensor,
        styles: list[tuple[Tensor, float]],
        recipe: Recipe,
        encoder: Slim,
        decoders: Decoders,
    ) -> None:
        self.photo, self.brush, self.encoder, self.decoders = photo, recipe.brush or 1.0, encoder, decoders
        self.generator = torch.Generator().manual_seed(recipe.seed or 0)
        self.styles = [(self._cropped(a), weight) for a, weight in styles]
        self.dose = dose(recipe.strength if recipe.strength is not None else 42)

    def _cropped(self, a: Tensor) -> Tensor:
        """A large part of a style picture: which one is what the seed varies, beside the noise."""
        height, width = a.shape[-2:]
        share, down, right = (float(u) for u in torch.rand(3, generator=self.generator))
        h, w = (max(min(n, 32), round(n * (0.8 + 0.2 * share))) for n in (height, width))
        top, left = round(down * (height - h)), round(right * (width - w))
        return a[..., top : top + h, left : left + w]

    def run(self) -> Iterator[tuple[float, Tensor]]:
        """Every level of every size; see `paint`."""
        plan = self.plan()
        work = [math.prod(step.size) * WORK[step.level] for step in plan]
        x = q = resize(self.photo, plan[0].size)
        style: dict[str, Moments] = {}
        for i, step in enumerate(plan):
            if i == 0 or step.size != plan[i - 1].size:
                x, q = self._enlarged(x, q, step.size)
                style = self.style(max(step.size), with_patches=i == 0)
            before, after = sum(work[:i]) / sum(work), sum(work[: i + 1]) / sum(work)
            for share, reached in self.level(x, step.level, style[step.level], patched=i == 0, shift=i):
                yield before + share * (after - before), reached
            x = reached
        yield 1.0, carry(x, transport(moments([{PIXELS: x}])[PIXELS], style[PIXELS]), self.dose.carried).clamp(0, 1)

    def plan(self) -> list[Step]:
        """Sizes from coarse to the photo's own, each twice the one before, and at each its levels.

        Departure: small sizes in place of levels deeper than fire4, whose decoders would blur.
        """
        height, width = self.photo.shape[-2:]
        halvings = max(1, round(math.log2(max(height, width) / COARSEST)))
        small = [(max(32, height >> i), max(32, width >> i)) for i in range(halvings, 0, -1)]
        return [Step(size, name) for size in small for name in LEVELS if name != SHALLOWEST] + [
            Step((height, width), name) for name in LEVELS
        ]

    def style(self, long: int, with_patches: bool = False) -> dict[str, Moments]:
        """The mixed styles' moments for a photo whose long side is ``long`` pixels; keeps their patches if asked."""
        each = []
        for a, weight in self.styles:
            s = self._style_at(a, long)
            found = moments(self._parts(_padded(s), tuple(LEVELS))) | moments([{PIXELS: s}])
            each.append((s, weight, found))
        mix = {name: mixed([(found[name], weight) for _, weight, found in each]) for name in (*LEVELS, PIXELS)}
        if with_patches:
            features = []
            for s, weight, found in each:
                (part,) = self._parts(_padded(s), (DEEPEST,))
                S = part[DEEPEST]
                if len(each) > 1:  # so that patches of all styles agree on colours and contrast
                    S = carry(S, transport(found[DEEPEST], mix[DEEPEST]))
                features.append((S, weight))
            self.patches = patches.chosen(features, self.generator)
        return mix

    def _style_at(self, a: Tensor, long: int) -> Tensor:
        """As in fine mode: as large as the photo, times the brush, and never enlarged but by the brush."""
        native = max(a.shape[-2:])
        factor = self.brush * min(long, native) / native
        return resize(a, (max(32, round(a.shape[-2] * factor)), max(32, round(a.shape[-1] * factor))))

    def _enlarged(self, x: Tensor, q: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The picture so far at the next size, with the photo's finer forms, which the levels there will paint over.

        ``q`` is the photo at x's size; returns the picture and the photo at the new one.
        """
        photo = resize(self.photo, size)
        return (resize(x, size) + self.dose.edges * (photo - resize(q, size))).clamp(0, 1), photo

    def level(self, x: Tensor, name: str, style: Moments, patched: bool, shift: int) -> Iterator[tuple[float, Tensor]]:
        """x with one level's features given the style's moments: (share done, x so far).

        ``shift`` moves the grid of positions over x: on one and the same grid each level would take for strokes what
        the one before has left there.
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
            changed = carry(F, map, self.dose.carried)
            if patched:
                changed = self._patched(changed, name, style)
            # Departure: the decoder is asked for the photo's own features as well. What it loses of them is known, and
            # given back, so that little strength means little change.
            y, own = self.decoders[name](torch.cat([changed, F]).contiguous(memory_format=torch.channels_last)).split(
                1
            )
            y = (y + self.dose.detail * (strip - own)).clamp(0, 1)
            painted.append(y[..., inner.start - outer.start : inner.stop - outer.start, :])
            yield (i + 1) / (len(strips) + 1), x
        yield 1.0, torch.cat(painted, -2)[..., top : top + height, left : left + width]

    def _patched(self, F: Tensor, name: str, style: Moments) -> Tensor:
        """Features drawn towards the styles' patches, in rounds, so that neighbours come to agree."""
        begin = x = patches.roughened(F, style, self.dose.noise, self.generator)
        seen = patches.directions(style.covariance).to(F)
        for _ in range(ROUNDS):
            x = torch.lerp(begin, patches.nearest(x, self.patches, seen), self.dose.patched)
        # Means of overlapping patches vary less than patches do.
        return carry(x, transport(moments([{name: x}])[name], moments([{name: F}])[name]))

    def features(self, x: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        return self.encoder.features(x.contiguous(memory_format=torch.channels_last), names)

    def _parts(self, x: Tensor, names: tuple[str, ...]) -> Iterator[dict[str, Tensor]]:
        """Features strip by strip, without the margins."""
        for outer, inner in _strips(*x.shape[-2:]):
            found = self.features(x[..., outer, :], names)
            rows = outer.stop - outer.start
            yield {
                name: F[
                    ...,
                    (inner.start - outer.start) * F.shape[-2] // rows : (inner.stop - outer.start)
                    * F.shape[-2]
                    // rows,
                    :,
                ]
                for name, F in found.items()
            }


def _padded(x: Tensor, top: int = 0, left: int = 0) -> Tensor:
    """x with its outer rows and columns repeated until both sides are whole positions of the deepest level."""
    height, width = x.shape[-2] + top, x.shape[-1] + left
    return fn.pad(x, (left, -width % GRID, top, -height % GRID), mode="replicate")


def _strips(height: int, width: int) -> list[tuple[slice, slice]]:
    """Rows to look at, and those of them to keep, so that no strip is larger than STRIP and no seam shows."""
    rows = STRIP // width // GRID * GRID
    if height <= rows:
        return [(slice(0, height), slice(0, height))]
    rows = max(MARGIN, rows - 2 * MARGIN)
    inner = [slice(top, min(height, top + rows)) for top in range(0, height, rows)]
    return [(slice(max(0, s.start - MARGIN), min(height, s.stop + MARGIN)), s) for s in inner]
