"""The artworks behind the gallery's styles, in the data folder; they are not part of the package."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from engine.tensors import resize
from engine.train.data.folder import picture

# Gallery name -> the artwork's file in the data folder.
PAINTINGS = {
    "starrynight": "starry-night",
    "greatwave": "great-wave",
    "scream": "the-scream",
    "compositionvii": "composition-vii",
    "udnie": "udnie",
    "metzinger": "metzinger-portrait",
    "waterlilies": "water-lilies",
    "shipwreck": "shipwreck-minotaur",
    "thekiss": "the-kiss",
    "compositionviii": "composition-viii",
    "cyclist": "dynamism-cyclist",
    "flowerclouds": "flower-clouds",
    "grandejatte": "grande-jatte",
    "sunrise": "impression-sunrise",
    "bluehorse": "little-blue-horse",
    "mondrian": "mondrian-grid",
    "wheatfield": "wheatfield-cypresses",
    "strawhat": "van-gogh-self-portrait",
    "tahiti": "pastorales-tahitiennes",
    "dore": "red-riding-hood-forest",
    "redchalk": "red-chalk-peasant",
    "streetberlin": "street-berlin",
    "willowbough": "willow-bough",
    "bayeux": "bayeux-tapestry",
    "cittanuova": "citta-nuova",
    "haystack": "haystack",
    "horizontalvolumes": "horizontal-volumes",
    "adele": "adele-bloch-bauer",
    "utamaro": "hairdressing-utamaro",
    "nightcafe": "night-cafe",
}
# The part of a file that is the artwork, where the file shows more: left, top, right and bottom as shares.
PARTS = {
    "dore": (0.03, 0.02, 0.97, 0.96),
    "redchalk": (0.13, 0.05, 0.9, 0.95),
    "cittanuova": (0.04, 0.04, 0.96, 0.94),
    "utamaro": (0.03, 0.02, 0.97, 0.98),
}
LONG_SIDE = 768  # pixels


def file_of(data: Path, name: str) -> Path:
    """The artwork's file of a gallery style."""
    return data / "paintings" / f"{PAINTINGS[name]}.jpg"


def whole_artwork(data: Path, name: str) -> Tensor:
    """The artwork of a gallery style at its file's resolution, (1, 3, H, W) in 0..1, without frame and margins."""
    whole = picture(file_of(data, name))
    height, width = whole.shape[-2:]
    left, top, right, bottom = PARTS.get(name, (0, 0, 1, 1))
    return whole[..., round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def artwork(data: Path, name: str, long_side: int = LONG_SIDE) -> Tensor:
    """The artwork of a gallery style, (3, H, W) in 0..1."""
    part = whole_artwork(data, name)
    scale = long_side / max(part.shape[-2:])
    return resize(part, (round(part.shape[-2] * scale), round(part.shape[-1] * scale)))[0]
