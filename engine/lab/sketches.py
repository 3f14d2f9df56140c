"""Small pictures of one photo in many recipes: several in one pass of the network, and none twice.

Every layer of the network is normalised by the style, the first as well, so there is no part of the work that the
styles could share. What is saved by going together is the time between the layers, and two processors are kept busy.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from engine.fast.finish import finish
from engine.fast.keeping import keeps
from engine.fast.paint import alike
from engine.recipe import Recipe, fast_knows
from engine.wire import KEPT_SECONDS
from engine.work import Tools, Work, finished, named

# Pictures in one pass. With two threads and 224 x 168 pixels each, thirty took 1.6 s by six, 1.9 s by thirty and 2.2 s
# one by one.
TOGETHER = 6
MOST_BYTES = 32 * 2**20  # of pictures that are kept; thirty at 224 x 168 are 3.4 MB


class Sketches:
    """Paints them, and keeps those that were used last, for as long as a finished fine picture.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most_bytes
        self._clock = clock
        self._held = 0  # bytes
        self._kept: OrderedDict[str, tuple[float, Tensor]] = OrderedDict()  # since when; the latest used last

    def paint(
        self, tools: Tools, p: Tensor, recipes: Sequence[Recipe], mine: Tensor | None = None
    ) -> Iterator[Mapping[int, Tensor]]:
        """The pictures (3, h, w) in bytes of photo p, by their places among the recipes, as they are ready.

        Args:
            recipes: complete, of an instant mode.
            mine: the person's own style picture, where a recipe has it.
        """
        names = [named(p, mine, recipe) for recipe in recipes]
        known = {index: self._use(name) for index, name in enumerate(names) if name in self._kept}
        if known:
            yield known
        missing = [index for index in range(len(recipes)) if index not in known]
        kept = next((recipes[index] for index in missing if keeps(recipes[index])), None)
        keep = tools.kept(p, kept) if kept else None
        for group in _groups(tools, p, recipes, missing):
            pictures = self._group(tools, p, [recipes[index] for index in group], keep, mine)
            made = {index: _bytes(x) for index, x in zip(group, pictures, strict=True)}
            for index, picture in made.items():
                self._keep(names[index], picture)
            yield made

    def tidy(self) -> int:
        """Let go of those that were not used for too long; how many bytes are left."""
        oldest = self._clock() - KEPT_SECONDS
        while self._kept and next(iter(self._kept.values()))[0] < oldest:
            self._drop()
        return self._held

    def forget(self) -> None:
        """Let go of all that are kept."""
        self._kept.clear()
        self._held = 0

    def _group(
        self, tools: Tools, p: Tensor, recipes: Sequence[Recipe], keep: Tensor | None, mine: Tensor | None
    ) -> Tensor:
        if not _is_fast(recipes[0], tools):
            return finished(tools.repaint(Work(p, recipes[0], mine, None)))
        looks = [tools.look(Work(p, recipe, mine, None)) for recipe in recipes]
        xs = tools.together(p, recipes).split(1)
        done = [finish(x, p[None], recipe, look, keep) for x, recipe, look in zip(xs, recipes, looks, strict=True)]
        return torch.cat(done)

    def _use(self, name: str) -> Tensor:
        _, picture = self._kept.pop(name)
        self._kept[name] = self._clock(), picture
        return picture

    def _keep(self, name: str, picture: Tensor) -> None:
        if name in self._kept:  # two recipes of one sheet may be the same
            self._held -= self._use(name).numel()
        self._kept[name] = self._clock(), picture
        self._held += picture.numel()
        while self._held > self._most:
            self._drop()

    def _drop(self) -> None:
        self._held -= self._kept.popitem(last=False)[1][1].numel()


def _groups(tools: Tools, p: Tensor, recipes: Sequence[Recipe], indices: Sequence[int]) -> Iterator[list[int]]:
    """What is painted together, in about the order in which it was asked for."""
    groups: list[tuple[object, list[int]]] = []
    for index in indices:
        recipe = recipes[index]
        kinds = (alike(p, recipe), keeps(recipe))
        kind = kinds if _is_fast(recipe, tools) else index
        same = next((group for known, group in groups if known == kind and len(group) < TOGETHER), None)
        if same is None:
            groups.append((kind, [index]))
        else:
            same.append(index)
    return (group for _, group in groups)


def _is_fast(recipe: Recipe, tools: Tools) -> bool:
    """Whether the network that all styles share paints it."""
    return recipe.mode == "fast" and all(
        fast_knows(share, tools.gallery) and not tools.gallery[share.name].generator for share in recipe.styles
    )


def _bytes(x: Tensor) -> Tensor:
    return x.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
