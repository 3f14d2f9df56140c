"""The gallery as vectors and traits: the package's own styles from a file, an operator's from their pictures."""

from __future__ import annotations

import functools
import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.encoders.vgg import Encoder
from engine.gallery import HERE
from engine.lab.likeness import traits
from engine.lab.likeness.traits import Traits
from engine.lab.likeness.vectors import Bases, grams, vector
from engine.stages import Stage
from engine.work import Tools, Work

FILE = HERE / "weights" / "vectors.safetensors"
BASES = "bases/"  # what the names of the bases' tensors begin with


class Looks(NamedTuple):
    """What one picture looks like."""

    vector: Tensor  # (D,)
    traits: Traits


class Library(NamedTuple):
    """Every style of the gallery, and how to look at another picture in the same way."""

    bases: Bases
    styles: Mapping[str, Looks]

    def looks(self, encoder: Encoder, picture: Tensor) -> Looks:
        """Those of a picture (3, H, W) in 0..1."""
        return Looks(vector(grams(encoder, picture, self.bases), self.bases).cpu(), traits.traits(picture))

    @property
    def vectors(self) -> Tensor:
        """(S, D), in the order of the styles."""
        return torch.stack([style.vector for style in self.styles.values()])


def save(library: Library, file: Path, metadata: Mapping[str, str]) -> None:
    """Write it as fp16 safetensors; ``metadata`` tells what it is."""
    tensors = {BASES + l: B for l, B in library.bases.items()}
    tensors["vectors"] = library.vectors
    tensors["traits"] = torch.stack([style.traits.row() for style in library.styles.values()])
    # safetensors keeps no order of its tensors.
    orders = {"layers": json.dumps(list(library.bases)), "names": json.dumps(list(library.styles))}
    halves = {name: tensor.half().contiguous().cpu() for name, tensor in tensors.items()}
    save_file(halves, file, {**metadata, **orders})
    file.chmod(0o644)


@functools.cache
def load(file: Path = FILE) -> Library:
    """What `save` wrote."""
    with safe_open(file, "pt") as stored:
        metadata = stored.metadata()
        bases = {l: stored.get_tensor(BASES + l).float() for l in json.loads(metadata["layers"])}
        rows = zip(stored.get_tensor("vectors").float(), stored.get_tensor("traits"), strict=True)
        looks = [Looks(v, traits.of_row(row)) for v, row in rows]
    return Library(bases, dict(zip(json.loads(metadata["names"]), looks, strict=True)))


def of_gallery(tools: Tools, work: Work) -> Generator[Stage, None, tuple[Library, Encoder]]:
    """The library of the painter's gallery in its order, and the encoder that looked at it."""
    encoder = yield from tools.encoder(work)
    stored = load()
    library = Library({l: B.to(tools.device) for l, B in stored.bases.items()}, {})
    styles = {}
    for style in tools.gallery:
        known = stored.styles.get(style.name) if style.home == HERE else None
        if known is None:
            yield Stage(0.0, f"looking at {style.name}")
            known = _own(library, encoder, tools, style.name)
        styles[style.name] = known
    return library._replace(styles=styles), encoder


def _own(library: Library, encoder: Encoder, tools: Tools, name: str) -> Looks:
    """Those of an operator's own style, looked at once a process."""
    file = tools.gallery[name].swatch
    if file not in _looked_at:
        _looked_at[file] = library.looks(encoder, tools.swatch(name))
    return _looked_at[file]


_looked_at: dict[Path, Looks] = {}  # by the file; the gallery, and so its files, is read once a process
