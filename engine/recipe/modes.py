"""Every mode: which pictures it takes, which settings it has, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Mode = Literal[
    "fast",
    "universal",
    "fine",
    "sheet",
    "variations",
    "content",
    "texture",
    "dream",
    "grid",
    "like",
    "map",
    "suggest",
    "explain",
    "morph",
]
MODES: tuple[Mode, ...] = ("fast", "universal", "fine")  # those that repaint a photo, from which people choose
MORPH_FRAMES = 24
SIZE_BOUNDS = (64, 4096)  # pixels, smallest and largest


class ModeRules(NamedTuple):
    """What a recipe of one mode may say."""

    settings: tuple[str, ...]  # beside mode itself
    defaults: Mapping[str, Any] = {}  # of settings whose default is always the same
    photo: bool = True  # whether there is one
    styles: Literal["some", "any", "guide", "none"] = "some"  # guide: a picture of the person's own, or none
    sheet: bool = False  # draws several pictures on one, which is larger or smaller than the recipe's size
    title: str = ""  # what the picture is, where it is no photo in a style
    alone: str = ""  # the same where it may have a style and has none
    usual: int = SIZE_BOUNDS[1]  # pixels, the size where none is given, if that is less than elsewhere
    largest: int = SIZE_BOUNDS[1]  # pixels, the largest size, likewise
    sketched: bool = False  # its settings are those of what is painted afterwards, and it itself needs none of them

    @property
    def optimises(self) -> bool:
        """Whether a picture takes many steps, as in fine mode."""
        return "steps" in self.settings and not self.sketched


_STILL = ("strength", "brush", "colors", "alpha", "faces", "size", "seed")
_INSTANT = (*_STILL, "frames")
_OPTIMISED = ("steps", "pooling", "optimizer", "rate", "tv", "encoder")
_METHODS = (*_OPTIMISED, "then", "layers", "content", "init", "ratio", "normalize", "plain", "preset")
_FINE = (*_INSTANT, *_METHODS, "clip")
_LOOK = {"colors": "style", "faces": "keep"}
_METHOD = {"pooling": "avg", "optimizer": "lbfgs"}

TABLE: Mapping[Mode, ModeRules] = {
    "fast": ModeRules(_INSTANT, _LOOK),
    "universal": ModeRules(_INSTANT, _LOOK),
    "fine": ModeRules(_FINE, _LOOK | _METHOD),
    # Without a style every style of the gallery, else the ladder of that style. The size is that of each picture.
    "sheet": ModeRules(
        ("strength", "brush", "colors", "faces", "size", "seed", "cell"),
        _LOOK,
        styles="any",
        sheet=True,
        title="Strength by brush",
        alone="Every style",
        usual=224,
        largest=512,
    ),
    "variations": ModeRules((*_STILL, *_METHODS, "cell"), _LOOK, sheet=True, title="Variations", sketched=True),
    "content": ModeRules(
        ("size", "seed", "content", *_OPTIMISED),
        _METHOD | {"content": ("conv4_2",), "steps": 200},
        styles="none",
        title="Content reconstruction",
    ),
    # Without depth= and layers= it is a strip of the five depths.
    "texture": ModeRules(
        ("brush", "size", "seed", "layers", "depth", "tile", *_OPTIMISED),
        _METHOD | {"steps": 200},
        photo=False,
        sheet=True,
        title="Texture",
    ),
    "dream": ModeRules(
        ("strength", "size", "seed", "steps", "layers", "octaves", "zoom", "pooling", "encoder"),
        {"strength": 50, "steps": 60, "octaves": 4, "pooling": "avg"},
        styles="guide",
        title="A dream",
    ),
    "grid": ModeRules(
        ("brush", "colors", "faces", "size", "seed", "cell", "content", "init", *_OPTIMISED),
        _LOOK | _METHOD | {"steps": 100, "init": "noise"},
        sheet=True,
        title="Grid",
    ),
    "like": ModeRules(("size",), styles="none", sheet=True, title="The styles most like it"),
    "map": ModeRules(("size",), photo=False, styles="none", sheet=True, title="A map of the gallery"),
    "suggest": ModeRules(
        ("strength", "brush", "colors", "faces", "size", "seed"),
        _LOOK,
        styles="none",
        sheet=True,
        title="Four styles that suit it",
    ),
    "explain": ModeRules((*_STILL, *_METHODS, "every"), _LOOK | _METHOD, sheet=True, title="How it was made"),
    "morph": ModeRules(
        ("strength", "brush", "colors", "size", "seed", "frames"),
        {"colors": "style", "frames": MORPH_FRAMES},
        title="A morph",
    ),
}
FINE_ONLY = tuple(name for name in _FINE if name not in _INSTANT)
# The settings that only one mode has: who names one means that mode.
OWN: Mapping[str, Mode] = {
    **{"depth": "texture", "tile": "texture", "octaves": "dream", "zoom": "dream"},
    **{"cell": "grid", "every": "explain"},
}
