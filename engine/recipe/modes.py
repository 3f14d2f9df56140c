"""Every mode: which pictures it takes, which settings it has, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Mode = Literal[
    "fast", "universal", "fine", "content", "texture", "dream", "grid", "like", "map", "suggest", "explain", "morph"
]
MODES: tuple[Mode, ...] = ("fast", "universal", "fine")  # those that repaint a photo, from which people choose
MORPH_FRAMES = 24


class ModeRules(NamedTuple):
    """What a recipe of one mode may say."""

    settings: tuple[str, ...]  # beside mode itself
    defaults: Mapping[str, Any] = {}  # of settings whose default is always the same
    photo: bool = True  # whether there is one
    styles: Literal["some", "guide", "none"] = "some"  # guide: a picture of the person's own, or none
    sheet: bool = False  # draws several pictures on one, which is larger or smaller than the recipe's size
    title: str = ""  # what the picture is, where it is no photo in a style


_STILL = ("strength", "brush", "colors", "alpha", "faces", "size", "seed")
_INSTANT = (*_STILL, "frames")
_OPTIMISED = ("steps", "pooling", "optimizer", "rate", "tv", "encoder")
_METHODS = (*_OPTIMISED, "layers", "content", "init", "ratio", "normalize", "plain", "preset")
_FINE = (*_INSTANT, *_METHODS, "clip")
_LOOK = {"colors": "style", "faces": "keep"}
_METHOD = {"pooling": "avg", "optimizer": "lbfgs"}

TABLE: Mapping[Mode, ModeRules] = {
    "fast": ModeRules(_INSTANT, _LOOK),
    "universal": ModeRules(_INSTANT, _LOOK),
    "fine": ModeRules(_FINE, _LOOK | _METHOD),
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
        ("brush", "colors", "faces", "size", "seed", "grid", "cell", "content", "init", *_OPTIMISED),
        _LOOK | _METHOD | {"grid": "paper", "steps": 100, "init": "noise"},
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
# Of mode=grid with grid=ladder.
LADDER = ModeRules(("colors", "faces", "size", "seed", "grid", "cell"), _LOOK, sheet=True, title="Grid")
FINE_ONLY = tuple(name for name in _FINE if name not in _INSTANT)
# The settings that only one mode has: who names one means that mode.
OWN: Mapping[str, Mode] = {
    **{"depth": "texture", "tile": "texture", "octaves": "dream", "zoom": "dream"},
    **{"grid": "grid", "cell": "grid", "every": "explain"},
}


def rules_of(mode: Mode, grid: str | None = None) -> ModeRules:
    """The rules of a mode; of the grid mode those of the kind of grid."""
    return LADDER if mode == "grid" and grid == "ladder" else TABLE[mode]


def name_of(mode: Mode, grid: str | None = None) -> str:
    """What a sentence calls the mode by: ``mode=fine``."""
    return f"grid={grid}" if mode == "grid" and grid else f"mode={mode}"
