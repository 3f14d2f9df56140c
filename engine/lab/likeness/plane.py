"""The gallery as a plane: the first two principal components of its style vectors, with the previews in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import StatisticsError, correlation
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from engine.gallery import Style
from engine.images.decode import decode, tensor_of
from engine.images.encode import picture_of
from engine.images.formats import ImageRefused
from engine.images.lettering import BLACK, GREY, PAPER, fitted, font_of, written
from engine.lab.likeness.library import of_gallery
from engine.lab.likeness.traits import Traits
from engine.lab.likeness.vectors import plane
from engine.stages import Refused, Stage
from engine.work import Stages, Tools, Work

SMALLEST = 320  # pixels, side of the map; on a smaller one the previews cannot be told apart
LEAST = 3  # styles, from which on there is a plane
SHARE = 0.5  # of the map's area that previews may cover
LARGEST = 0.2  # of the map's side, that of a preview
ROUNDS = 400  # of moving previews out of each other's way
TELLING = 0.5  # least correlation that an axis is named by


class Measure(NamedTuple):
    """What an end of an axis may be called by."""

    of: Callable[[Traits], float]
    less: str
    more: str


MEASURES = (
    Measure(lambda of: of.lightness, "darker pictures", "paler pictures"),
    Measure(lambda of: of.contrast, "softer contrast", "stronger contrast"),
    Measure(lambda of: of.scale, "finer strokes", "broader strokes"),
    Measure(lambda of: float(of.palette[2].median()), "cooler colours", "warmer colours"),
)


def paint(tools: Tools, work: Work) -> Stages:
    """The map; the notes say what its axes mean, and how much of the truth a plane can hold."""
    library, _ = yield from of_gallery(tools, work)
    if len(library.styles) < LEAST:
        raise Refused(f"A map needs {LEAST} styles; this gallery has {len(library.styles)}.")
    places, share = plane(library.vectors)
    looks = [style.traits for style in library.styles.values()]
    axes = [_named(places[:, axis], looks) for axis in (0, 1)]
    work.notes.append(
        f"Neighbours are painted alike. The map keeps {share:.0%} of what the style vectors differ by: some styles"
        " that meet here are further apart than they look."
    )
    work.notes += [
        f"From {ends}: {less} to {more}." for ends, (less, more) in zip(_DIRECTIONS, axes, strict=True) if less
    ]
    yield Stage(0.3, "drawing")
    side = max(SMALLEST, work.recipe.size or 0)
    names = list(library.styles)
    paper = _Paper(side, len(names))
    centres = apart(paper.within(places), paper.tile)
    for count, (name, centre) in enumerate(zip(names, centres.tolist(), strict=True), 1):
        paper.put(_preview(tools.gallery[name]), name, centre)
        yield Stage(0.3 + 0.7 * count / len(names), "drawing")
    paper.name_axes(*axes)
    return tensor_of(paper.image)[None].to(tools.device)


_DIRECTIONS = ("left to right", "bottom to top")


def _named(places: Tensor, looks: Sequence[Traits]) -> tuple[str, str]:
    """What the two ends of an axis are called by, or nothing where no trait goes with it."""
    best = max(MEASURES, key=lambda measure: abs(_correlation(places, looks, measure)))
    found = _correlation(places, looks, best)
    if abs(found) < TELLING:
        return "", ""
    return (best.less, best.more) if found > 0 else (best.more, best.less)


def _correlation(places: Tensor, looks: Sequence[Traits], measure: Measure) -> float:
    try:
        return correlation(places.tolist(), [measure.of(of) for of in looks])
    except StatisticsError:  # all styles are the same in it
        return 0.0


def _preview(style: Style) -> Tensor:
    try:
        return decode(style.preview.read_bytes()).pixels
    except (ImageRefused, OSError) as error:  # of an operator's own style
        raise Refused(f"The gallery's preview of {style.name} cannot be used. {error}") from error


def apart(centres: Tensor, tile: tuple[float, float]) -> Tensor:
    """Centres (S, 2) in pixels, moved until no two tiles (width, height) overlap, or nearly so, and no further."""
    size = torch.tensor(tile)
    centres = centres.clone()
    low, high = centres.amin(0), centres.amax(0)
    ties = torch.arange(len(centres))[:, None] * torch.tensor([1e-3, -1e-3])  # two at one place part somewhere
    for _ in range(ROUNDS):
        between = (centres + ties)[:, None] - (centres + ties)[None]
        overlap = (size - between.abs()).clamp_min(0)
        overlap = overlap * (overlap.amin(2, keepdim=True) > 0) * (1 - torch.eye(len(centres)))[..., None]
        if not overlap.any():
            break
        # Along the shorter way out, half of it each.
        along = overlap == torch.where(overlap > 0, overlap, torch.inf).amin(2, keepdim=True)
        centres = centres + 0.5 * (overlap * along * between.sign()).sum(1)
        centres = centres.clamp(low, high)
    return centres


class _Paper:
    """A square map that is being drawn."""

    def __init__(self, side: int, count: int) -> None:
        self.side = side
        self.image = Image.new("RGB", (side, side), PAPER)
        self._draw = ImageDraw.Draw(self.image)
        width = round(min(LARGEST * side, side * (SHARE / count) ** 0.5))
        self._font = font_of(max(8, width // 8))
        self._axis = font_of(max(10, side // 48))
        self._margin = round(self._axis.size * 1.8)
        self._picture = (width, round(width * 0.8))
        label = round(self._font.size * 1.3)
        self.tile = (self._picture[0] + label / 3, self._picture[1] + label)

    def within(self, places: Tensor) -> Tensor:
        """Places of the plane as centres in pixels, such that the outermost tiles touch the margin.

        Half by their true distances and half by their order, or one style unlike all others would crowd these.
        """
        low, high = places.amin(0), places.amax(0)
        order = places.argsort(dim=0, stable=True).argsort(dim=0) / max(1, len(places) - 1)
        shares = ((places - low) / (high - low).clamp_min(1e-9) + order) / 2
        shares[:, 1] = 1 - shares[:, 1]  # rows are counted downwards
        room = torch.tensor([self.side - 2 * self._margin - length for length in self.tile])
        return self._margin + torch.tensor(self.tile) / 2 + shares * room

    def put(self, picture: Tensor, name: str, centre: Sequence[float]) -> None:
        left, top = (round(c - length / 2) for c, length in zip(centre, self.tile, strict=True))
        self.image.paste(ImageOps.fit(picture_of(picture), self._picture), (left, top))
        text, font = fitted(name, int(self._font.size), 6, self._picture[0])
        self._draw.text((left + self._picture[0] / 2, top + self._picture[1]), text, BLACK, font, "ma")

    def name_axes(self, across: tuple[str, str], up: tuple[str, str]) -> None:
        """Write what the four sides mean into the margins."""
        middle, edge = self.side / 2, self._margin / 2
        self._draw.text((middle, edge), written(up[1]), GREY, self._axis, "mm")
        self._draw.text((middle, self.side - edge), written(up[0]), GREY, self._axis, "mm")
        for text, x, turn in ((across[0], 0, 90), (across[1], self.side - self._margin, 270)):
            strip = Image.new("RGB", (self.side, self._margin), PAPER)
            ImageDraw.Draw(strip).text((middle, edge), written(text), GREY, self._axis, "mm")
            turned = strip.rotate(turn, expand=True).crop((0, self._margin, self._margin, self.side - self._margin))
            self.image.paste(turned, (x, self._margin))
