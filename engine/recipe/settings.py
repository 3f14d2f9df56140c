"""The recipe itself: every setting, its bounds, and how it is read from text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec

from engine.gallery import BRUSH_BOUNDS, MINE, STRENGTH_BOUNDS
from engine.recipe.modes import SIZE_BOUNDS, TABLE, Mode, ModeRules

Colors = Literal["style", "photo", "matched"]
Alpha = Literal["white", "keep"]
Faces = Literal["keep", "free"]
Pooling = Literal["avg", "max"]
Optimizer = Literal["lbfgs", "adam"]
Init = Literal["photo", "noise", "fast", "universal"]
EncoderName = Literal["slim", "full"]
Preset = Literal["gatys", "adam"]
Switch = Literal["yes", "no"]

MAX_STYLES = 8
SEEDS = 2**32

# Bounds, smallest and largest.
SEED_BOUNDS = (0, SEEDS - 1)
FRAMES_BOUNDS = (1, 300)
STEPS_BOUNDS = (1, 5000)
RATIO_BOUNDS = (1e-9, 1e9)
WEIGHT_BOUNDS = (1, 1000)  # of a style in a mix
LAYER_WEIGHT_BOUNDS = (0.001, 1000)
TV_BOUNDS = (0, 1000)
RATE_BOUNDS = (0.1, 50)  # on the scale of 0..255
DEPTH_BOUNDS = (1, 5)
OCTAVES_BOUNDS = (1, 10)
ZOOM_BOUNDS = (2, 48)
CELL_BOUNDS = (1, 999)
MOST_STATIONS = 24  # of an optimisation on one picture
MOST_THEN = 8  # times that an optimisation goes on


class RecipeError(ValueError):
    """An invalid recipe; the message is for the person who wrote it."""


class Share(msgspec.Struct, frozen=True):
    """One style of a mix and its relative weight."""

    name: str
    weight: int = 1


class More(msgspec.Struct, frozen=True):
    """Steps at the full size, once a picture is finished, and the strength that they go on with, if it is another."""

    steps: int
    strength: int | None = None

    def __str__(self) -> str:
        return str(self.steps) if self.strength is None else f"{self.steps}@{self.strength}"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every setting that decides the result; None is 'not given'."""

    styles: tuple[Share, ...] = ()
    mode: Mode | None = None
    strength: int | None = None  # 0 returns the photo, 50 is the papers' balance, 100 nearly forgets the photo
    brush: float | None = None  # scale of the strokes; 1 is that of the style's picture
    colors: Colors | None = None
    alpha: Alpha | None = None  # what becomes of the photo's transparent parts; not given, they are put on white
    faces: Faces | None = None  # keep paints them with restraint, free like everything else
    size: int | None = None  # pixels, long side of the result
    frames: int | None = None  # of an animation, at most; 1 gives a still of its first
    seed: int | None = None
    steps: int | None = None  # of the optimiser, over all scales
    then: tuple[More, ...] | None = None  # what follows these, one after the other
    layers: tuple[str, ...] | None = None  # style layers, each perhaps with its weight: see `weighted`
    content: tuple[str, ...] | None = None  # content layers
    pooling: Pooling | None = None
    optimizer: Optimizer | None = None
    init: Init | None = None
    ratio: float | None = None  # the papers' alpha / beta, instead of strength
    encoder: EncoderName | None = None
    clip: Switch | None = None  # yes shows how the picture was painted
    rate: float | None = None  # Adam's learning rate, on the scale of 0..255
    tv: float | None = None  # weight of the total variation; not given, the mode's own
    normalize: Switch | None = None  # whether the style layers' gradients are brought to the same length
    plain: Switch | None = None  # the papers' method with nothing added: one scale, and all of the photo counts alike
    preset: Preset | None = None  # several settings by one name; `complete` puts them in its place
    depth: int | None = None  # of a texture: how many of the five style layers, from the shallowest
    tile: Switch | None = None  # whether a texture's edges fit together
    octaves: int | None = None  # sizes that a dream goes through
    zoom: int | None = None  # frames of a dream that comes nearer, as a clip; they share its steps
    every: int | None = None  # steps between the stations that an explanation shows; not given, 1, 10, 100
    cell: int | None = None  # that picture of the sheet alone, in full: `complete` puts its settings in its place

    @property
    def mine(self) -> bool:
        """Whether the person's own picture is among the styles."""
        return any(share.name == MINE for share in self.styles)

    @property
    def all_steps(self) -> int:
        """Of the optimiser, those of `then` among them."""
        return (self.steps or 0) + sum(more.steps for more in self.then or ())

    @property
    def last_strength(self) -> int | None:
        """That a picture is painted with last; None where its line has the papers' ratio instead."""
        last = next((more.strength for more in reversed(self.then or ()) if more.strength is not None), None)
        return self.strength if last is None else last

    @property
    def rules(self) -> ModeRules:
        """Those of its mode, once it is complete."""
        return TABLE[self.mode or "fast"]


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,10}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        wanted = f"a number from {low:g} to {high:g}"
        if not re.fullmatch(r"[\d.]+(e[+-]?\d+)?", text.lower(), re.ASCII):
            raise ValueError(wanted)
        try:
            value = float(text)
        except ValueError:
            raise ValueError(wanted) from None
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(wanted)
        return value

    return read


def _choice(literal: Any) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in get_args(literal):
            raise ValueError(" or ".join(get_args(literal)))
        return text.lower()

    return read


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split(","))
    if (
        len(names) > 16
        or len(set(names)) < len(names)
        or not all(re.fullmatch(r"[a-z]\w{1,15}", n, re.A) for n in names)
    ):
        raise ValueError("layer names with commas between, such as conv1_1,conv2_1")
    return names


def _layers(text: str) -> tuple[str, ...]:
    parts = [part.partition(":") for part in text.split(",")]
    names = _names(",".join(name for name, _, _ in parts))
    try:
        weights = [_number(*LAYER_WEIGHT_BOUNDS)(weight) if colon else 1.0 for _, colon, weight in parts]
    except ValueError as error:
        raise ValueError(f"layer names, of which one may have a weight such as conv1_1:2: {error}") from None
    return tuple(name if w == 1 else f"{name}:{as_text(w)}" for name, w in zip(names, weights, strict=True))


def _then(text: str) -> tuple[More, ...]:
    wanted = f"up to {MOST_THEN} numbers of steps with commas between, each perhaps at a strength, such as 100,20@80"
    found = []
    for part in text.split(","):
        steps, at, strength = part.partition("@")
        try:
            found.append(More(whole(*STEPS_BOUNDS)(steps), whole(1, STRENGTH_BOUNDS[1])(strength) if at else None))
        except ValueError:
            raise ValueError(wanted) from None
    if len(found) > MOST_THEN:
        raise ValueError(wanted)
    return tuple(found)


def weighted(layers: tuple[str, ...]) -> dict[str, float]:
    """The weight of each layer of a recipe: ``conv4_1:0.5`` has 0.5, ``conv4_1`` 1."""
    parts = (layer.partition(":") for layer in layers)
    return {name: float(weight or 1) for name, _, weight in parts}


def as_text(value: Any) -> str:
    """A setting's value as a line prints it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and value < 1e9 else repr(value)
    return str(value)


# How each setting is read, in the order in which a line prints them.
SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "mode": _choice(Mode),
    "strength": whole(*STRENGTH_BOUNDS),
    "brush": _number(*BRUSH_BOUNDS),
    "colors": _choice(Colors),
    "alpha": _choice(Alpha),
    "faces": _choice(Faces),
    "size": whole(*SIZE_BOUNDS),
    "frames": whole(*FRAMES_BOUNDS),
    "seed": whole(*SEED_BOUNDS),
    "steps": whole(*STEPS_BOUNDS),
    "then": _then,
    "layers": _layers,
    "content": _names,
    "pooling": _choice(Pooling),
    "optimizer": _choice(Optimizer),
    "init": _choice(Init),
    "ratio": _number(*RATIO_BOUNDS),
    "encoder": _choice(EncoderName),
    "clip": _choice(Switch),
    "rate": _number(*RATE_BOUNDS),
    "tv": _number(*TV_BOUNDS),
    "normalize": _choice(Switch),
    "plain": _choice(Switch),
    "preset": _choice(Preset),
    "depth": whole(*DEPTH_BOUNDS),
    "tile": _choice(Switch),
    "octaves": whole(*OCTAVES_BOUNDS),
    "zoom": whole(*ZOOM_BOUNDS),
    "every": whole(*STEPS_BOUNDS),
    "cell": whole(*CELL_BOUNDS),
}
# The layers of each encoder: VGG-19's, and for slim those of SqueezeNet 1.0 that it stands for as well.
VGG_LAYERS = tuple(f"conv{b}_{i}" for b, count in enumerate((2, 2, 4, 4, 1), 1) for i in range(1, count + 1))
LAYERS: Mapping[EncoderName, tuple[str, ...]] = {
    "full": VGG_LAYERS,
    "slim": (
        *("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1", "conv4_2"),
        *("conv1", "fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8"),
    ),
}
ALIASES = {
    "colours": "colors",
    "color": "colors",
    "colour": "colors",
    "optimiser": "optimizer",
    "normalise": "normalize",
}
