"""The settings of one picture <-> one line of text, valid on every platform.

    /stylize starrynight:70+greatwave:30 mode=fine strength=80 brush=1.2 colors=photo size=1024 seed=7

A setting that was not given is None. `complete` fills in what a picture needs; `line` prints only the given ones, so
that ``parse(line(recipe)) == recipe`` for every recipe.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec

from engine.gallery import BRUSH_BOUNDS as BRUSH_BOUNDS
from engine.gallery import MINE as MINE
from engine.gallery import STRENGTH_BOUNDS as STRENGTH_BOUNDS
from engine.gallery import Gallery, key

Mode = Literal["fast", "universal", "fine"]
Colors = Literal["style", "photo"]
Alpha = Literal["white", "keep"]
Faces = Literal["keep", "free"]
Pooling = Literal["avg", "max"]
Optimizer = Literal["lbfgs", "adam"]
Init = Literal["photo", "noise", "fast", "universal"]
EncoderName = Literal["slim", "full"]

MODES: tuple[Mode, ...] = get_args(Mode)
MINE_TITLE = "A picture of your own"
MINE_STRENGTH = 42  # as for the gallery: in faces more than that is too much
STEPS: Mapping[Init, int] = {"photo": 120, "noise": 120, "fast": 90, "universal": 90}  # by what they start from
MAX_STYLES = 8
SEEDS = 2**32

# Bounds, smallest and largest.
SIZE_BOUNDS = (64, 4096)  # pixels
SEED_BOUNDS = (0, SEEDS - 1)
STEPS_BOUNDS = (1, 5000)
RATIO_BOUNDS = (1e-9, 1e9)
WEIGHT_BOUNDS = (1, 1000)  # of a style in a mix


class RecipeError(ValueError):
    """An invalid recipe; the message is for the person who wrote it."""


class Share(msgspec.Struct, frozen=True):
    """One style of a mix and its relative weight."""

    name: str
    weight: int = 1


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every setting that decides the result; None is 'not given'."""

    styles: tuple[Share, ...]
    mode: Mode | None = None
    strength: int | None = None  # 0 returns the photo, 50 is the papers' balance, 100 nearly forgets the photo
    brush: float | None = None  # scale of the strokes; 1 is that of the style's picture
    colors: Colors | None = None
    alpha: Alpha | None = None  # what becomes of the photo's transparent parts; not given, they are put on white
    faces: Faces | None = None  # keep paints them with restraint, free like everything else
    size: int | None = None  # pixels, long side of the result
    seed: int | None = None
    steps: int | None = None  # of the optimiser, over all scales
    layers: tuple[str, ...] | None = None  # style layers
    content: tuple[str, ...] | None = None  # content layers
    pooling: Pooling | None = None
    optimizer: Optimizer | None = None
    init: Init | None = None
    ratio: float | None = None  # the papers' alpha / beta, instead of strength
    encoder: EncoderName | None = None

    @property
    def mine(self) -> bool:
        """Whether the person's own picture is among the styles."""
        return any(share.name == MINE for share in self.styles)


def _whole(low: int, high: int) -> Callable[[str], int]:
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


def _layers(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split(","))
    if (
        len(names) > 16
        or len(set(names)) < len(names)
        or not all(re.fullmatch(r"[a-z]\w{1,15}", n, re.A) for n in names)
    ):
        raise ValueError("layer names with commas between, such as conv1_1,conv2_1")
    return names


# How each setting is read, in the order in which a line prints them.
SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "mode": _choice(Mode),
    "strength": _whole(*STRENGTH_BOUNDS),
    "brush": _number(*BRUSH_BOUNDS),
    "colors": _choice(Colors),
    "alpha": _choice(Alpha),
    "faces": _choice(Faces),
    "size": _whole(*SIZE_BOUNDS),
    "seed": _whole(*SEED_BOUNDS),
    "steps": _whole(*STEPS_BOUNDS),
    "layers": _layers,
    "content": _layers,
    "pooling": _choice(Pooling),
    "optimizer": _choice(Optimizer),
    "init": _choice(Init),
    "ratio": _number(*RATIO_BOUNDS),
    "encoder": _choice(EncoderName),
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
# Settings of the optimisation, which only fine mode has.
FINE_ONLY = ("steps", "layers", "content", "pooling", "optimizer", "init", "ratio", "encoder")
ALIASES = {"colours": "colors", "color": "colors", "colour": "colors", "optimiser": "optimizer"}


def nearest(word: str, known: list[str]) -> str:
    """``" Did you mean X?"`` for the nearest of ``known``, or nothing where none is near."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {found[0]}?" if found else ""


def parse(text: str, gallery: Gallery) -> Recipe:
    """Read a recipe line, with or without its ``/stylize``.

    Words without ``=`` name the style, so that ``starry night`` needs no quotes.

    Raises:
        RecipeError: naming the word at fault and the nearest valid one.
    """
    words = text.split()
    if words and re.fullmatch(r"/stylize(@\w+)?", words[0], re.IGNORECASE):
        words = words[1:]
    styles = "".join(word for word in words if "=" not in word)
    given: dict[str, Any] = {}
    for word in words:
        if "=" in word:
            name, value = _setting(word)
            if name in given:
                raise RecipeError(f"{name}= is given twice. Keep one of them.")
            given[name] = value
    recipe = Recipe(styles=_styles(styles, gallery), **given)
    check(recipe, gallery)
    return recipe


def _setting(word: str) -> tuple[str, Any]:
    name, _, text = word.partition("=")
    name = ALIASES.get(name.lower(), name.lower())
    if not name:
        raise RecipeError("Write a setting without spaces around its =, such as size=512.")
    if name not in SETTINGS:
        raise RecipeError(f"I do not know the setting “{name[:40]}”.{nearest(name, list(SETTINGS))}")
    try:
        return name, SETTINGS[name](text)
    except ValueError as error:
        near = nearest(text.lower(), str(error).split(" or ")) if " or " in str(error) else ""
        raise RecipeError(f"{name}={text[:40]} does not work: {name} is {error}.{near}") from None


def _styles(text: str, gallery: Gallery) -> tuple[Share, ...]:
    if not text:
        raise RecipeError("Which style? Write for example /stylize starrynight; /styles shows them all.")
    shares = []
    for part in text.split("+"):
        word, colon, weight = part.partition(":")
        style = gallery.find(word)
        if style is None and key(word) != MINE:
            raise RecipeError(unknown_style(word, gallery))
        try:
            shares.append(Share(style.name if style else MINE, _whole(*WEIGHT_BOUNDS)(weight) if colon else 1))
        except ValueError as error:
            raise RecipeError(f"{part[:60]} does not work: a style's weight is {error}.") from None
    if len({share.name for share in shares}) < len(shares):
        raise RecipeError("One style is named twice in the mix. Name each once, with its weight.")
    if len(shares) > MAX_STYLES:
        raise RecipeError(f"A mix takes {MAX_STYLES} styles at most; this one has {len(shares)}.")
    # The weight of a single style has no meaning.
    return tuple(shares) if len(shares) > 1 else (Share(shares[0].name),)


def unknown_style(word: str, gallery: Gallery) -> str:
    """The sentence about a style that the gallery does not have."""
    near = [style.name for style in gallery.nearest(word)]
    hint = f" Did you mean {' or '.join(near)}?" if near else " /styles shows them all."
    return f"I do not know the style “{key(word)[:40]}”.{hint}"


def check(recipe: Recipe, gallery: Gallery) -> None:
    """Refuse settings that contradict each other, or that the mode does not have for these styles.

    Raises:
        RecipeError
    """
    if recipe.strength is not None and recipe.ratio is not None:
        raise RecipeError("strength= and ratio= say the same thing in two ways. Keep one of them.")
    if recipe.encoder is not None:
        _check_encoder(recipe, recipe.encoder)
    if recipe.mode in ("fast", "universal"):
        for name in FINE_ONLY:
            if getattr(recipe, name) is not None:
                raise RecipeError(f"mode={recipe.mode} does not support {name}=. Leave it out, or use mode=fine.")
    if recipe.mode == "fast":
        _check_fast(recipe, gallery, "mode=fast", "Use mode=universal or mode=fine, or leave mode= out.")
    elif recipe.init == "fast":
        _check_fast(recipe, gallery, "init=fast", "Use init=universal or init=photo, or leave init= out.")


def _check_fast(recipe: Recipe, gallery: Gallery, setting: str, advice: str) -> None:
    if recipe.mine:
        raise RecipeError(f"{setting} knows the gallery's styles only, and no picture of your own. {advice}")
    for share in recipe.styles:
        if not _fast(share, gallery):
            raise RecipeError(f"{setting} is not trained for {share.name}. {advice}")


def _fast(share: Share, gallery: Gallery) -> bool:
    """Whether the feed-forward network is trained for a style."""
    style = gallery.find(share.name)
    return style is not None and style.fast


def _check_encoder(recipe: Recipe, encoder: EncoderName) -> None:
    for name in (*(recipe.layers or ()), *(recipe.content or ())):
        if name not in LAYERS[encoder]:
            hint = nearest(name, list(LAYERS[encoder])) or f" It has {', '.join(LAYERS[encoder])}."
            raise RecipeError(f"encoder={encoder} has no layer {name}.{hint}")
    if encoder == "slim" and recipe.pooling == "max":
        raise RecipeError("encoder=slim knows average pooling only. Leave pooling= out, or use encoder=full.")


def complete(recipe: Recipe, gallery: Gallery, *, size: int, seed: int, encoder: EncoderName = "slim") -> Recipe:
    """The recipe with every default of its mode filled in.

    ``size``, ``seed`` and ``encoder`` are the caller's defaults. A mix takes the weighted mean of its styles' own
    strengths and brushes.

    Raises:
        RecipeError: when the mode, the encoder or the gallery does not have what was given.
    """
    total = sum(share.weight for share in recipe.styles)
    own = [(share.weight / total, *_own(share, gallery)) for share in recipe.styles]
    mode = recipe.mode or default_mode(recipe, gallery)
    defaults: dict[str, Any] = {
        "mode": mode,
        "brush": round(sum(w * brush for w, _, brush in own), 2),
        "colors": "style",
        "faces": "keep",
        "size": size,
        "seed": seed,
    }
    if recipe.ratio is None:
        defaults["strength"] = round(sum(w * strength for w, strength, _ in own))
    if mode == "fine":
        init = recipe.init or instant_mode(recipe, gallery)
        defaults |= {"init": init, "steps": STEPS[init]}
        defaults |= {"pooling": "avg", "optimizer": "lbfgs", "encoder": encoder}
    missing = {name: value for name, value in defaults.items() if getattr(recipe, name) is None}
    whole = msgspec.structs.replace(recipe, **missing)
    check(whole, gallery)
    return whole


def default_mode(recipe: Recipe, gallery: Gallery) -> Mode:
    """The quickest mode that has every setting given."""
    if any(getattr(recipe, name) is not None for name in FINE_ONLY):
        return "fine"
    return instant_mode(recipe, gallery)


def instant_mode(recipe: Recipe, gallery: Gallery) -> Literal["fast", "universal"]:
    """The mode that paints these styles in a moment."""
    return "fast" if all(_fast(share, gallery) for share in recipe.styles) else "universal"


def _own(share: Share, gallery: Gallery) -> tuple[int, float]:
    """A style's own strength and brush."""
    if share.name == MINE:
        return MINE_STRENGTH, 1.0
    style = gallery.find(share.name)
    if style is None:  # of an old order, since removed from the gallery
        raise RecipeError(unknown_style(share.name, gallery))
    return style.strength, style.brush


def titles(recipe: Recipe, gallery: Gallery) -> list[str]:
    """The styles' titles, for people; one that is no longer in the gallery keeps its name."""
    found = [(gallery.find(share.name), share.name) for share in recipe.styles]
    return [style.title if style else MINE_TITLE if name == MINE else name for style, name in found]


def credits(recipe: Recipe, gallery: Gallery) -> list[str]:
    """The styles' titles with artist and year."""
    found = zip(recipe.styles, titles(recipe, gallery), strict=True)
    return [style.credit if (style := gallery.find(share.name)) else title for share, title in found]


def line(recipe: Recipe) -> str:
    """The recipe as one line; `parse` reads it back to an equal recipe."""
    single = len(recipe.styles) == 1
    styles = "+".join(share.name if single else f"{share.name}:{share.weight}" for share in recipe.styles)
    given = ((name, getattr(recipe, name)) for name in SETTINGS)
    return " ".join(["/stylize", styles, *(f"{name}={_text(value)}" for name, value in given if value is not None)])


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and value < 1e9 else repr(value)
    return str(value)
