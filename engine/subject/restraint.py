"""How the instant modes keep a photo's subject: the photo's detail shines through, in the picture's colours.

So that a face keeps its eyes, and has the painting's palette and light. It costs next to nothing, where painting the
subject once more with less strength took as long as the picture, and looked pasted in.
"""

from __future__ import annotations

import torch.nn.functional as fn
from torch import Tensor

# Areas along a picture's long side whose colours are the painter's; what is finer is detail. Both chosen by eye.
AREAS = 10
SHARE = 0.55  # of the photo's detail, the rest is the painter's; more looks like a photo with a filter


def restrained(x: Tensor, photo: Tensor, keep: Tensor) -> Tensor:
    """The picture x of a photo, both (1, 3, H, W), with the photo's detail where ``keep`` (1, 1, h, w) is 1.

    The photo comes in the painting's colours, or in grey: a cat would have green eyes in a drawing in black ink.
    """
    height, width = x.shape[2:]
    areas = [max(1, round(AREAS * side / max(height, width))) for side in (height, width)]
    # What colours change in a face is evened out with it: no red noses from a painting of patches.
    difference = photo - x
    coarse = fn.interpolate(fn.interpolate(difference, areas, mode="area"), scale_factor=8, mode="bicubic")
    coarse, keep = (fn.interpolate(t, (height, width), mode="bilinear") for t in (coarse, SHARE * keep))
    return (x + difference.sub_(coarse).mul_(keep)).clamp_(0, 1)
