"""Which styles of the gallery a picture is like: the nearest by their style vectors, each with a reason in words."""

from __future__ import annotations

import torch

from engine.lab.likeness import aspects
from engine.lab.likeness.library import Library, Looks, of_gallery
from engine.lab.sheet import Card, carded
from engine.stages import Stage
from engine.wire import Finding
from engine.work import Stages, Tools, Work

COUNT = 5
COLUMNS = 3
SHAPE = (3, 4)  # height and width of a picture on the sheet
SCALE = "Distances: 0 is painted alike, 1 as different as two styles of the gallery usually are."


def paint(tools: Tools, work: Work) -> Stages:
    """A sheet with the picture and the nearest styles; the notes say the same in words."""
    library, encoder = yield from of_gallery(tools, work)
    yield Stage(0.3, "looking at the picture")
    looks = library.looks(encoder, work.p)
    work.findings = nearest(library, looks)
    yield Stage(0.8, "drawing")
    work.notes.append(SCALE)
    cards = [Card(work.p, "Your picture", description(looks))]
    for near in work.findings:
        style = tools.gallery[near.style]
        work.notes.append(f"{style.title} ({style.name}), distance {near.distance:.2f}, for {near.reason}.")
        cards.append(Card(tools.swatch(style.name), style.name, f"{near.distance:.2f}: {near.reason}"))
    return carded(cards, COLUMNS, work.recipe.size or 0, SHAPE).tensor().to(tools.device)


def nearest(library: Library, looks: Looks, count: int = COUNT) -> list[Finding]:
    """The styles nearest to a picture, nearest first."""
    distances = torch.linalg.vector_norm(library.vectors - looks.vector, dim=1)
    usually = aspects.usual([style.traits for style in library.styles.values()])
    names, styles = list(library.styles), list(library.styles.values())
    found = []
    for index in distances.argsort()[:count].tolist():
        comparison = aspects.compare(looks.traits, styles[index].traits, usually)
        found.append(Finding(names[index], aspects.reason(comparison), round(float(distances[index]), 3)))
    return found


def description(looks: Looks) -> str:
    """A picture's traits in a few words."""
    of = looks.traits
    return (
        f"{aspects.palette(of)}; {aspects.scale(of)} strokes {aspects.direction(of)}; {aspects.contrast(of)} contrast"
    )
