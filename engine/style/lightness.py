"""A painting's colours for a picture, lightness by lightness: what is dark gets the colours of the painting's darks.

One linear map for all colours (`engine.style.palette`) keeps a red saucer brown in a painting whose darks are blue.
Here there is one for every band of lightness, between which it is interpolated: the same closed form, of the two
channels of chroma.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as fn
from torch import Tensor

from engine.style.palette import Palette, mixed, transport
from engine.tensors import YIQ

ENOUGH = 192  # pixels, long side in which all colours of a picture are seen
RANKS = 64
BANDS = 8  # of equally many pixels; neighbours overlap
ROWS = 256  # that are looked up at once, for less memory
KNOTS = 33  # lightnesses for which the map is worked out
CORNER = 0.6  # of both channels of chroma; no colour is beyond
# A band's chroma is spread as far as the painting's. Where a picture has next to none, that would be its noise.
LEAST = 0.2  # of the painting's variance, added to the picture's
WHOLE = 0.1  # of the variance over all lightnesses, added to each band's: bands of few colours are not flattened
# By eye, as people like pictures livelier than paintings are:
TONES = 0.3  # of the way to the painting's lightnesses, rank by rank
CONTRAST, VIVID = 1.12, 1.2  # times the lightnesses' distance from their mean, and times the chroma
SHOULDER = 0.06  # from black and white, where contrast begins to be taken back


class Tones(NamedTuple):
    """How light a picture is, and the chroma of each of its bands of lightness."""

    quantiles: Tensor  # (RANKS,), of lightness
    bands: tuple[Palette, ...]  # of two channels


def tones_of(x: Tensor) -> Tones:
    """The tones of a picture (1, 3, h, w)."""
    scale = min(1.0, ENOUGH / max(x.shape[2:]))
    small = fn.interpolate(x, [max(1, round(side * scale)) for side in x.shape[2:]], mode="area")
    yiq = _yiq(small).flatten(2)[0].double()
    y, chroma = yiq[0], yiq[1:]  # (M,), (2, M)
    quantiles = torch.quantile(y, torch.linspace(0, 1, RANKS, dtype=y.dtype, device=y.device))
    whole = torch.cov(chroma, correction=0)
    bands = []
    for weights in _bands(_rank(y, quantiles)):
        share = weights / weights.sum().clamp_min(1e-9)
        mean = chroma @ share
        apart = chroma - mean[:, None]
        bands.append(Palette(mean, (apart * share) @ apart.mT + WHOLE * whole))
    return Tones(quantiles, tuple(bands))


def mixed_tones(styles: Sequence[tuple[Tones, float]]) -> Tones:
    """Several styles' tones, averaged by weight."""
    total = sum(weight for _, weight in styles)
    quantiles = torch.stack([weight / total * tones.quantiles for tones, weight in styles]).sum(0)
    rows = zip(*(tones.bands for tones, _ in styles), strict=True)
    weights = [weight for _, weight in styles]
    return Tones(quantiles, tuple(mixed(list(zip(row, weights, strict=True))) for row in rows))


def by_lightness(x: Tensor, style: Tones, share: float = 1.0) -> Tensor:
    """A picture (1, 3, H, W) in 0..1, ``share`` of the way to the style's colours."""
    table = _table(tones_of(x), style).to(x)
    return torch.cat([torch.lerp(strip, _looked_up(table, strip), share) for strip in torch.split(x, ROWS, 2)], 2)


def _looked_up(table: Tensor, x: Tensor) -> Tensor:
    yiq = _yiq(x)
    places = torch.stack([yiq[:, 2] / CORNER, yiq[:, 1] / CORNER, 2 * yiq[:, 0] - 1], -1)[:, None]
    found = fn.grid_sample(table, places, padding_mode="border", align_corners=True)[:, :, 0]
    return found.clamp_(0, 1)


def _table(content: Tones, style: Tones) -> Tensor:
    """The map as (1, 3, KNOTS, 2, 2): red, green and blue by lightness and chroma, which it is linear in."""
    y = torch.linspace(0, 1, KNOTS, dtype=content.quantiles.dtype, device=content.quantiles.device)
    rank = _rank(y, content.quantiles)
    light = y + TONES * (_quantile(rank, style.quantiles) - y)
    mean = style.quantiles.mean()
    light = _shouldered(mean + CONTRAST * (light - mean))
    corners = CORNER * torch.tensor([[-1, -1], [-1, 1], [1, -1], [1, 1]]).to(y).mT  # (2, 4)
    chroma = torch.zeros(KNOTS, 2, 4).to(y)
    for weights, p, a in zip(_bands(rank), content.bands, style.bands, strict=True):
        least = LEAST * a.covariance.trace() / 2 * torch.eye(2).to(y)
        T, t = transport(p._replace(covariance=p.covariance + least), a, floor=0)
        chroma += weights[:, None, None] * (T @ corners + t[:, None])
    yiq = torch.cat([light[:, None, None].expand(-1, 1, 4), VIVID * chroma], 1)  # (KNOTS, 3, 4)
    rgb: Tensor = torch.linalg.inv(torch.tensor(YIQ).to(y)) @ yiq
    return rgb.transpose(0, 1).reshape(1, 3, KNOTS, 2, 2)


def _yiq(x: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", torch.tensor(YIQ).to(x), x)


def _rank(y: Tensor, quantiles: Tensor) -> Tensor:
    """Which share of a picture is darker than y (M,)."""
    rising = quantiles + torch.linspace(0, 1e-6, RANKS).to(quantiles)  # of one grey there are many
    above = torch.bucketize(y, rising).clamp(1, RANKS - 1)
    low, high = rising[above - 1], rising[above]
    between: Tensor = ((y - low) / (high - low)).clamp(0, 1)
    return (above - 1 + between) / (RANKS - 1)


def _quantile(rank: Tensor, quantiles: Tensor) -> Tensor:
    """The lightnesses of ranks (M,) in 0..1."""
    place = rank * (RANKS - 1)
    below = place.long().clamp_max(RANKS - 2)
    return torch.lerp(quantiles[below], quantiles[below + 1], place - below)


def _bands(rank: Tensor) -> Tensor:
    """How much each band is meant by ranks (M,) in 0..1, (BANDS, M); the sum is 1."""
    centres = torch.arange(BANDS).to(rank)[:, None]
    return (1 - (rank * (BANDS - 1) - centres).abs()).clamp_min(0)


def _shouldered(y: Tensor) -> Tensor:
    """Lightnesses that do not leave 0..1, and change evenly on the way there."""
    light = torch.where(y > 1 - SHOULDER, 1 - SHOULDER + SHOULDER * torch.tanh((y - 1 + SHOULDER) / SHOULDER), y)
    return torch.where(light < SHOULDER, SHOULDER - SHOULDER * torch.tanh((SHOULDER - light) / SHOULDER), light)
