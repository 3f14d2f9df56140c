"""Paintings and what can be made of them without being painted anew: parts, turned, in other colours."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.train.data.folder import paintings, picture
from engine.train.data.paintings import PAINTINGS, whole_artwork


def variants(
    data: Path, gallery: Sequence[str], each: int, held_out: frozenset[str] = frozenset(), seed: int = 1
) -> Iterator[tuple[str, Tensor]]:
    """The artworks of the ``gallery`` by name, then of every painting ``each`` variants: (name, (1, 3, H, W) in 0..1).

    Args:
        held_out: names of files that are left out.
    """
    rng = random.Random(seed)
    names = {file: name for name, file in PAINTINGS.items()}
    for name in gallery:
        yield name, whole_artwork(data, name)
    for path in paintings(data):
        if path.stem in held_out:
            continue
        whole = whole_artwork(data, names[path.stem]) if path.stem in names else picture(path)
        for _ in range(each):
            yield path.stem, varied(whole, rng)


def varied(a: Tensor, rng: random.Random) -> Tensor:
    """A part of a picture (1, 3, H, W), perhaps turned, mirrored, with colours exchanged, paler, darker or lighter."""
    height, width = a.shape[-2:]
    share = rng.uniform(0.5, 1.0)
    h, w = round(share * height), round(share * width)
    top, left = rng.randint(0, height - h), rng.randint(0, width - w)
    a = a[..., top : top + h, left : left + w]
    if rng.random() < 0.5:
        a = a.flip(3)
    if rng.random() < 0.3:
        a = a.transpose(2, 3)
    if rng.random() < 0.5:
        a = a[:, rng.sample(range(3), 3)]
    if rng.random() < 0.3:
        a = torch.lerp(a.mean(1, keepdim=True).expand_as(a), a, rng.uniform(0.0, 1.3)).clamp(0, 1)
    if rng.random() < 0.4:
        a = a ** rng.uniform(0.6, 1.7)
    if rng.random() < 0.1:
        a = 1 - a
    return a.contiguous()
