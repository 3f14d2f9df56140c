"""Where faces are, by the detector that scikit-image ships: local binary patterns in a cascade (Liao et al. 2007)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from engine.tensors import reduced

if TYPE_CHECKING:
    from skimage.feature import Cascade

SMALLEST = 24  # pixels in what is searched; smaller faces are too small to be told from foliage


class Search(NamedTuple):
    """How thoroughly is looked for faces."""

    side: int  # pixels, long side of what is searched
    ratio: float  # from one size of faces to the next
    # Neighbouring hits that make a face. Chosen on the evaluation photos: with fewer, walls and bread counted as one.
    votes: int


THOROUGH = Search(288, 1.1, 8)  # an eighth of a second
QUICK = Search(160, 1.15, 5)  # a fifth of that; a face is at least a seventh of the photo


class Face(NamedTuple):
    """A square around a face, in shares of the photo's height and width."""

    top: float
    left: float
    height: float
    width: float


def faces(photo: Tensor, search: Search = THOROUGH) -> list[Face]:
    """The frontal faces of a photo (3, H, W) in 0..1, the largest first; of overlapping ones only the largest."""
    small = reduced(photo, search.side)
    height, width = small.shape[1:]
    if min(height, width) <= SMALLEST:
        return []
    pixels = (small * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    hits = _detector().detect_multi_scale(
        pixels, search.ratio, 1, (SMALLEST, SMALLEST), (min(height, width),) * 2, min_neighbor_number=search.votes
    )
    found: list[Face] = []
    for hit in sorted(hits, key=lambda hit: -hit["width"]):
        face = Face(hit["r"] / height, hit["c"] / width, hit["height"] / height, hit["width"] / width)
        if not any(_overlap(face, other) for other in found):
            found.append(face)
    return found


@functools.cache
def _detector() -> Cascade:
    # Takes half a second to import, for which nobody's first picture has to wait.
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]


def _overlap(a: Face, b: Face) -> bool:
    return abs(2 * a.top + a.height - 2 * b.top - b.height) < a.height + b.height and abs(
        2 * a.left + a.width - 2 * b.left - b.width
    ) < (a.width + b.width)
