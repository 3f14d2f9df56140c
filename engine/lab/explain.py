"""How a fine picture was made, as one picture: the losses on their way, the style's energy by layer, stations of x.

The picture is painted exactly as fine mode paints it, and watched: up to the last strokes, which are no optimisation.
"""

from __future__ import annotations

from importlib.util import find_spec

import msgspec

from engine.lab.explanation.record import THUMBNAIL, Record, Watch
from engine.recipe import line
from engine.stages import Refused, Stage
from engine.tensors import reduced
from engine.work import Stages, Tools, Work

MISSING = "This bot cannot draw how a picture was made: its operator can add that with pip install 'impasto[figures]'."


def paint(tools: Tools, work: Work) -> Stages:
    """Paint in fine mode, watch it, and draw what was seen."""
    if find_spec("matplotlib") is None:
        raise Refused(MISSING)
    if work.recipe.strength == 0:
        raise Refused("With strength=0 the picture is the photo: there is nothing to explain. Give it more strength.")
    encoder = yield from tools.encoder(work)
    work.recipe = msgspec.structs.replace(work.recipe, size=max(work.p.shape[1:]))
    pictures = tools.pictures(work)
    largest = max(pictures, key=lambda picture: picture[1])[0]
    record = Record(reduced(work.p, THUMBNAIL), reduced(largest, THUMBNAIL), work.recipe)
    watch = Watch(record, encoder, [(a[None], weight) for a, weight in pictures], work.p[None])
    fine = msgspec.structs.replace(work.recipe, mode="fine", every=None)
    yield from tools.repaint(Work(work.p, fine, work.mine, None, work.notes, watch=watch))
    yield Stage(1.0, "drawing")
    from engine.lab.explanation.plots import draw  # matplotlib is an extra, and takes its time to import

    return draw(record, line(fine)).to(work.p)
