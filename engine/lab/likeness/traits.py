"""What people see in a picture as numbers: palette, contrast, scale of the strokes, and their direction."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from engine.tensors import blur, fit

SIDE = 256  # pixels, long side of what is looked at
QUANTILES = 9
GREY = 8.0  # chroma in CIELAB below which a colour has no name
OCTAVES = 5  # of the scales that are told apart: details of about 2, 4, 8, 16 and 32 pixels
# Hue angles in CIELAB where each name begins, in degrees.
HUES = (
    (-20, "pink"),
    (15, "red"),
    (45, "orange"),
    (75, "golden"),
    (105, "green"),
    (175, "turquoise"),
    (225, "blue"),
    (308, "violet"),  # CIELAB bends blue: the purest of a screen is at 306
)
COLOURS = (*(name for _, name in HUES), "brown", "grey")
BROWN = (30, 95, 45.0, 55.0)  # hues between the first two, of less chroma and lightness than the others


class Traits(NamedTuple):
    """One picture's; the numbers of CIELAB, where lightness is 0..100."""

    palette: Tensor  # (3, QUANTILES): the quantiles of lightness, of green to red, and of blue to yellow
    colours: Tensor  # (len(COLOURS),): the share of each named colour
    contrast: float  # standard deviation of lightness
    scale: float  # octaves above 2 pixels, of the details that lightness is made of
    slope: tuple[float, float]  # cosine and sine of twice the strokes' angle, times how much they agree on it, 0..1

    @property
    def lightness(self) -> float:
        return float(self.palette[0].median())

    def row(self) -> Tensor:
        """The same as one row of numbers; see `of_row`."""
        rest = torch.tensor([self.contrast, self.scale, *self.slope])
        return torch.cat([self.palette.flatten(), self.colours, rest])


def of_row(row: Tensor) -> Traits:
    """What `Traits.row` gave."""
    palette, colours, rest = torch.split(row.float(), [3 * QUANTILES, len(COLOURS), 4])
    contrast, scale, *slope = rest.tolist()
    return Traits(palette.view(3, QUANTILES), colours, contrast, scale, (slope[0], slope[1]))


def traits(picture: Tensor) -> Traits:
    """The traits of a picture (3, H, W) in 0..1."""
    lab = _lab(fit(picture.cpu().float(), SIDE))
    L = lab[:1, None] / 100
    quantiles = torch.linspace(0.05, 0.95, QUANTILES)
    palette = torch.quantile(lab.flatten(1), quantiles, dim=1).mT.contiguous()
    return Traits(palette, _colours(lab), float(lab[0].std()), _scale(L), _slope(L))


def _lab(rgb: Tensor) -> Tensor:
    from skimage.color import rgb2lab  # takes a moment to import, for which only the laboratory has to wait

    return torch.from_numpy(rgb2lab(rgb.permute(1, 2, 0).numpy())).permute(2, 0, 1).float()


def _colours(lab: Tensor) -> Tensor:
    """The share of each of `COLOURS`."""
    L, a, b = lab.flatten(1)
    chroma = torch.hypot(a, b)
    hue = torch.rad2deg(torch.atan2(b, a))
    begins = torch.tensor([float(begin) for begin, _ in HUES])
    number = torch.bucketize((hue - begins[0]) % 360, begins - begins[0], right=True) - 1
    low, high, most_chroma, most_light = BROWN
    brown = (hue > low) & (hue < high) & (chroma < most_chroma) & L.lt(most_light)
    number[brown] = COLOURS.index("brown")
    number[chroma < GREY] = COLOURS.index("grey")
    return torch.bincount(number, minlength=len(COLOURS)).float() / len(number)


def _scale(L: Tensor) -> float:
    """The mean octave of the details of lightness (1, 1, h, w), weighted by their energy."""
    energies, before = [], L
    for octave in range(OCTAVES):
        after = blur(L, 0.7 * 2**octave)
        energies.append(float((before - after).square().mean()) + 1e-9)
        before = after
    return sum(octave * energy for octave, energy in enumerate(energies)) / sum(energies)


def _slope(L: Tensor) -> tuple[float, float]:
    """Along which direction lightness (1, 1, h, w) changes least, by the structure tensor of the whole picture."""
    dy, dx = torch.gradient(blur(L, 1.0), dim=(2, 3))
    energy = float((dx.square() + dy.square()).mean()) + 1e-9
    # Twice the angle of the gradient; strokes lie across it, at twice the angle plus half a turn.
    cosine, sine = float((dx.square() - dy.square()).mean()) / energy, float(2 * (dx * dy).mean()) / energy
    return -cosine, sine  # rows are counted downwards, and angles upwards
