"""The curator: four styles that suit a photo, painted on it in fast mode, each with a reason.

docs/laboratory-curator.md explains the rule; ``python -m engine.train suggest`` measures it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import torch

from engine.gallery import Gallery, Style
from engine.lab.likeness import aspects
from engine.lab.likeness.library import Library, Looks, of_gallery
from engine.lab.sheet import Card, carded
from engine.recipe import SIZE_BOUNDS, Recipe, Share, complete, line
from engine.stages import Refused, Stage
from engine.subject.faces import faces
from engine.tensors import fit
from engine.wire import Finding
from engine.work import Stages, Tools, Work, as_part

COUNT = 4
COLUMNS = 2
VECTOR = 3.0  # weight of the distance of style vectors, where that of the palettes has 1; see the measure
ALIKE = 0.45  # least distance of two styles that are suggested together, or the four would be one
# Styles that take faces apart, by their tags, and how much that counts: more than anything else.
UNKIND = frozenset({"abstraction", "cubism", "futurism", "mosaic", "pattern", "tapestry"})
FACE = 10.0


def paint(tools: Tools, work: Work) -> Stages:
    """The four pictures on a sheet; the notes say why each, and the line that paints it alone."""
    library, encoder = yield from of_gallery(tools, work)
    yield Stage(0.1, "looking at the photo")
    candidates = {name: looks for name, looks in library.styles.items() if tools.gallery[name].fast}
    if not candidates:
        raise Refused("Fast mode is trained for no style of this gallery, and /suggest paints in fast mode.")
    work.findings = suggestions(
        library._replace(styles=candidates), tools.gallery, library.looks(encoder, work.p), bool(faces(work.p))
    )
    cards = []
    for number, found in enumerate(work.findings):
        recipe = _recipe(found.style, work.recipe, tools.gallery)
        x = yield from _as_share(tools.repaint(_work(work, recipe)), number, len(work.findings))
        style = tools.gallery[found.style]
        work.notes.append(f"{number + 1}. {style.title}: {found.reason}. {_alone(found.style, work.recipe)}")
        cards.append(Card(x[0], f"{number + 1}. {style.name}", found.reason))
    height, width = work.p.shape[1:]
    wide = max(1, round((work.recipe.size or 0) * width / max(height, width)))
    return carded(cards, COLUMNS, wide, (height, width)).tensor().to(tools.device)


def suggestions(library: Library, gallery: Gallery, photo: Looks, face: bool) -> list[Finding]:
    """The styles of the library that suit a photo best, best first, no two of them alike."""
    usually = aspects.usual([style.traits for style in library.styles.values()])
    compared = {n: aspects.compare(photo.traits, style.traits, usually) for n, style in library.styles.items()}
    distances = torch.linalg.vector_norm(library.vectors - photo.vector, dim=1)
    near = dict(zip(library.styles, distances.tolist(), strict=True))
    scores = {
        name: VECTOR * near[name] + compared[name].apart["palette"] + (FACE if face and not kind(gallery[name]) else 0)
        for name in near
    }
    found = []
    for name in choice(scores, library.styles):
        reason = aspects.suits(compared[name])
        if face and kind(gallery[name]):
            reason = f"{reason}; a face keeps its features"
        found.append(Finding(name, reason, round(near[name], 3)))
    return found


def choice(scores: Mapping[str, float], styles: Mapping[str, Looks], count: int = COUNT) -> list[str]:
    """The lowest scores, without a style that is like one chosen before as long as there are others."""
    ranked = sorted(scores, key=scores.__getitem__)
    chosen: list[str] = []
    for name in ranked:
        if all(_apart(styles[name], styles[other]) >= ALIKE for other in chosen):
            chosen.append(name)
    rest = [name for name in ranked if name not in chosen]
    return [*chosen, *rest][:count]


def kind(style: Style) -> bool:
    """Whether faces stay faces in this style."""
    return UNKIND.isdisjoint(style.tags)


def _apart(one: Looks, other: Looks) -> float:
    return float(torch.linalg.vector_norm(one.vector - other.vector))


def _recipe(name: str, asked: Recipe, gallery: Gallery) -> Recipe:
    """What paints one of the four, at half the size of the sheet."""
    assert asked.size is not None
    assert asked.seed is not None
    size = max(SIZE_BOUNDS[0], asked.size // COLUMNS)
    return complete(_with(name, asked), gallery, size=size, seed=asked.seed)


def _with(name: str, asked: Recipe) -> Recipe:
    """A style in fast mode, with what was asked for but the size."""
    return msgspec.structs.replace(asked, styles=(Share(name),), mode="fast", size=None)


def _alone(name: str, asked: Recipe) -> str:
    """The line of one of the four in full."""
    given = msgspec.structs.replace(_with(name, asked), mode=None)
    defaults = {"colors": "style", "faces": "keep"}
    return line(msgspec.structs.replace(given, **{k: None for k, v in defaults.items() if getattr(given, k) == v}))


def _work(work: Work, recipe: Recipe) -> Work:
    assert recipe.size is not None
    return Work(fit(work.p, recipe.size), recipe, None, None, work.notes)


def _as_share(stages: Stages, number: int, count: int) -> Stages:
    """The same stages as one of ``count`` equal shares of what is left to do."""
    text = f"painting {number + 1} of {count}"
    return as_part(stages, lambda stage: stage._replace(done=0.1 + 0.9 * (number + stage.done) / count, text=text))
