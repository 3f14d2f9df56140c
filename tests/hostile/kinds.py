"""What a hostile file is, and a good one to spoil."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, NamedTuple

from PIL import Image

from tests.engine.fixtures_images import quarters, saved

Expected = Literal["picture", "refusal", "either"]
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
BACTERIUM = 64, 48  # pixels of the pictures that are spoilt


class Hostile(NamedTuple):
    """One file."""

    family: str
    about: str
    data: bytes
    expected: Expected
    name: str = "photo.jpg"


Maker = Callable[[random.Random], Hostile]


def whole(rng: random.Random, kind: str = "") -> tuple[str, bytes]:
    """A good picture with much detail, so that damage meets data."""
    kind = kind or rng.choice(KINDS)
    noise = Image.frombytes("RGB", (96, 64), rng.randbytes(96 * 64 * 3))
    return kind, saved(Image.blend(quarters().resize((96, 64)), noise, 0.3), kind)
