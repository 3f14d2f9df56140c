"""In which respects two pictures are alike, and in which not, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import fmean
from typing import Literal, NamedTuple

from engine.lab.likeness.traits import COLOURS, Traits

Aspect = Literal["palette", "contrast", "scale", "direction"]
UNDIRECTED: tuple[Aspect, ...] = ("palette", "contrast", "scale")  # which every picture has

# Where the words change; most are near the thirds of the gallery.
DARK, PALE = 40.0, 66.0  # lightness, 0..100
SOFT, STRONG = 12.0, 17.5  # standard deviation of lightness
FINE, BROAD = 2.05, 2.55  # octaves above 2 pixels, of 256
DIRECTED = 0.22  # how much strokes agree on a direction, 0..1
COLOURLESS = 0.75  # share of grey
SECOND = 0.5  # share of the second colour in the first's from which on it is named as well
NEAR, FAR = 0.6, 1.5  # of the usual difference in the gallery: below it two pictures are alike, above it they are not


def _palette(one: Traits, other: Traits) -> float:
    """The mean earth mover's distance of the three coordinates of CIELAB."""
    return float((one.palette - other.palette).abs().mean())


APART: dict[Aspect, Callable[[Traits, Traits], float]] = {
    "palette": _palette,
    "contrast": lambda one, other: abs(one.contrast - other.contrast),
    "scale": lambda one, other: abs(one.scale - other.scale),
    "direction": lambda one, other: math.dist(one.slope, other.slope),
}


class Comparison(NamedTuple):
    """Two pictures; every aspect as a multiple of the usual difference of two styles of the gallery."""

    asked: Traits
    style: Traits
    apart: dict[Aspect, float]


def usual(gallery: Sequence[Traits]) -> dict[Aspect, float]:
    """How far two styles of the gallery are apart in the mean, in every aspect."""
    pairs = list(combinations(gallery, 2))
    return {aspect: fmean(apart(*pair) for pair in pairs) for aspect, apart in APART.items()}


def compare(asked: Traits, style: Traits, usually: dict[Aspect, float]) -> Comparison:
    return Comparison(asked, style, {aspect: apart(asked, style) / usually[aspect] for aspect, apart in APART.items()})


def reason(found: Comparison) -> str:
    """Why a style is near the picture, as a part of a sentence: what is alike, and the greatest difference."""
    alike = sorted((a for a in found.apart if found.apart[a] < NEAR and _tells(a, found)), key=found.apart.__getitem__)
    nearest = min(UNDIRECTED, key=found.apart.__getitem__)
    furthest = max(found.apart, key=found.apart.__getitem__)
    text = listed([alike_in(aspect, found.style) for aspect in alike or [nearest]])
    return f"{text}, but {unlike_in(furthest, found)}" if found.apart[furthest] > FAR else text


def _tells(aspect: Aspect, found: Comparison) -> bool:
    """That neither has a direction is no reason."""
    return aspect != "direction" or math.hypot(*found.style.slope) > DIRECTED


def suits(found: Comparison) -> str:
    """Why a style suits a photo, as a sentence without its full stop."""
    style = found.style
    parts = []
    if found.apart["scale"] < NEAR:
        detail = {"fine": "fine detail", "broad": "large forms"}.get(scale(found.asked), "detail")
        parts.append(f"its {scale(style)} strokes suit the photo's {detail}")
    if found.apart["contrast"] < NEAR:
        parts.append(f"its {contrast(style)} contrast is the photo's")
    if found.apart["palette"] < NEAR:
        parts.append(f"its palette is near ({palette(style)})")
    else:
        parts.append(f"it brings its own colours ({palette(style)})")
    return listed(parts)


def alike_in(aspect: Aspect, style: Traits) -> str:
    match aspect:
        case "palette":
            return f"its palette ({palette(style)})"
        case "contrast":
            return f"its {contrast(style)} contrast"
        case "scale":
            return f"its {scale(style)} strokes"
        case "direction":
            return f"its strokes {direction(style)}"


def unlike_in(aspect: Aspect, found: Comparison) -> str:
    """How the style differs from the picture that was asked about."""
    asked, style = found.asked, found.style
    match aspect:
        case "palette":
            return f"its colours are others ({palette(style)})"
        case "contrast":
            return f"its contrast is {'stronger' if style.contrast > asked.contrast else 'softer'}"
        case "scale":
            return f"its strokes are {'broader' if style.scale > asked.scale else 'finer'}"
        case "direction":
            return f"its strokes run {direction(style)}"


# --- words for one picture -------------------------------------------------------------------------------------------


def palette(of: Traits) -> str:
    """``dark blue and brown``."""
    light = "dark" if of.lightness < DARK else "pale" if of.lightness > PALE else ""
    shares = dict(zip(COLOURS, of.colours.tolist(), strict=True))
    grey = shares.pop("grey")
    first, second, *_ = sorted(shares, key=shares.__getitem__, reverse=True)
    if grey > COLOURLESS:
        return f"{light or 'middle'} greys"
    colours = f"{first} and {second}" if shares[second] > SECOND * shares[first] else first
    return f"{light} {colours}".strip()


def contrast(of: Traits) -> str:
    return "soft" if of.contrast < SOFT else "strong" if of.contrast > STRONG else "moderate"


def scale(of: Traits) -> str:
    return "fine" if of.scale < FINE else "broad" if of.scale > BROAD else "middle-sized"


def direction(of: Traits) -> str:
    """Along which line strokes run."""
    if math.hypot(*of.slope) <= DIRECTED:
        return "in all directions"
    angle = math.degrees(math.atan2(of.slope[1], of.slope[0])) / 2  # -90..90, 0 is level
    if abs(angle) < 22.5:
        return "from side to side"
    return "up and down" if abs(angle) > 67.5 else "aslant"


def listed(parts: Sequence[str]) -> str:
    """``one, two and three``."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
