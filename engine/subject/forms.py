"""How every instant picture keeps its photo's middling forms, loaves and towers: the photo's light, in the painting's
colours.

The networks keep outlines and large areas, and lose what lies between under strokes, unless it is a face or an animal
that `engine.subject.restraint` finds. What is finer than FINEST stays the painter's, and so do the colours of large
areas.
"""

from __future__ import annotations

import torch.nn.functional as fn
from torch import Tensor

from engine.style.palette import apply, palette_of, transport
from engine.tensors import blur

SIDE = 384  # pixels, long side at which forms are compared
FINEST = 3.2  # pixels there, deviation of the finest form that is kept
AREAS = 6  # along the long side; their colours are the painter's
SHARE = 0.6  # of the photo's forms; chosen by eye, as are both bounds
LIVELY = 1.15  # how much further than the network's the colours are spread, on a screen's light; by eye


def with_forms(x: Tensor, photo: Tensor, begun: float = 1.0, share: float = SHARE) -> Tensor:
    """The picture x of a photo in the painting's colours, both (1, 3, H, W) in 0..1, with a share of its forms.

    Args:
        begun: from 0, where x is the photo itself, to 1: how far its colours are made livelier.
    """
    height, width = x.shape[2:]
    small = [max(1, round(SIDE * side / max(height, width))) for side in (height, width)]
    y, p = (fn.interpolate(t, small, mode="area") for t in (x, photo))
    difference = (p - y).transpose(0, 1)  # each channel a picture for `blur`
    areas = [max(1, round(AREAS * side / max(small))) for side in small]
    coarse = fn.interpolate(fn.interpolate(difference, areas, mode="area"), small, mode="bicubic")
    forms = share * (blur(difference, FINEST) - coarse).transpose(0, 1)
    # The mean of two pictures is duller than both: the colours are spread as far as they were, and a little further.
    before, spread = palette_of(y), 1 + (LIVELY - 1) * begun
    lively = transport(palette_of(y + forms), before._replace(covariance=spread**2 * before.covariance))
    return apply(lively, x + fn.interpolate(forms, (height, width), mode="bilinear")).clamp_(0, 1)
