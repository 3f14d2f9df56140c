"""The styles by name: those of this package, described by ``styles.toml`` beside this file, and an operator's own.

A folder of styles holds styles.toml, swatches/NAME.webp, previews/NAME.webp and, for fast mode,
pairs/NAME.safetensors. The package is such a folder itself, but for the pairs: its own are in the fast network's file.
A *collection* is a style that fast mode paints by a network of its own, a generator, whose file the entry names.
"""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

HERE = Path(__file__).parent
FAST = HERE / "weights" / "gallery.safetensors"  # the network of fast mode
MINE = "mine"  # what a recipe calls the picture that a person sends along as the style
# Names that no style may have. The fast network has a pair of the name "photo", which gives the photo back.
TAKEN = {MINE: "a person's own picture", "photo": "the photo itself"}

# Bounds of the recipe's settings that a style has defaults for, smallest and largest.
STRENGTH_BOUNDS = (0, 100)
BRUSH_BOUNDS = (0.25, 4)

LARGEST_HEADER = 2**20  # bytes

# A name is a word of a recipe line and the name of files.
Name = Annotated[str, Meta(pattern="^[a-z0-9]{1,40}$")]
Words = Annotated[str, Meta(min_length=1, max_length=200)]


class GalleryError(ValueError):
    """A folder of styles is invalid; says why."""


class Style(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the gallery."""

    name: Name
    title: Words
    artist: Words
    year: Words
    licence: Words  # why the artwork is free to use
    aliases: tuple[Words, ...] = ()
    tags: tuple[Words, ...] = ()
    strength: Annotated[int, Meta(ge=STRENGTH_BOUNDS[0], le=STRENGTH_BOUNDS[1])] = (
        42  # where the style looks best, on the recipe's scale
    )
    brush: Annotated[float, Meta(ge=BRUSH_BOUNDS[0], le=BRUSH_BOUNDS[1])] = 1.0
    flow: Annotated[float, Meta(ge=0, le=1)] = 1.0  # how far strokes are drawn out: less where dots or hatches count
    fast: bool = True  # fast mode has a trained pair or a generator for it
    generator: Annotated[str, Meta(min_length=1, max_length=400)] | None = None  # a collection's file, from its folder
    home: Path = HERE  # the folder that holds its pictures

    @property
    def swatch(self) -> Path:
        """The style's picture: a reconstruction from the artwork's Gram matrices, made by this project."""
        return self.home / "swatches" / f"{self.name}.webp"

    @property
    def preview(self) -> Path:
        """A photo painted in the style; the swatch where there is none."""
        preview = self.home / "previews" / f"{self.name}.webp"
        return preview if preview.is_file() else self.swatch

    @property
    def pair(self) -> Path:
        """The weights of an operator's own style for fast mode."""
        return self.home / "pairs" / f"{self.name}.safetensors"

    @property
    def generator_file(self) -> Path | None:
        """The weights of a collection's own network."""
        return self.home / Path(self.generator).expanduser() if self.generator else None

    @property
    def credit(self) -> str:
        return f"{self.title}, {self.artist}, {self.year}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    style: tuple[Style, ...]


def folded(text: str) -> str:
    """Lower case, without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).lower()


def key(word: str) -> str:
    """A name as names are compared: lower case, without accents, spaces, dashes and underscores."""
    return re.sub(r"[\s\-_]+", "", folded(word))


class Gallery:
    """Styles in the file's order, found by name or alias."""

    def __init__(self, styles: tuple[Style, ...]) -> None:
        """Raises GalleryError where two styles have the same name or alias, or one has a reserved name."""
        self.styles = styles
        self._by_key: dict[str, Style] = {}
        for style in styles:
            for word in (style.name, style.title, *style.aliases):
                if other := TAKEN.get(key(word)):
                    raise GalleryError(f"no style may be called “{word}”, for that is {other}: {style.name}")
                known = self._by_key.setdefault(key(word), style)
                if known is not style:
                    raise GalleryError(f"two styles answer to “{word}”: {known.name} and {style.name}")

    def __iter__(self) -> Iterator[Style]:
        return iter(self.styles)

    def __len__(self) -> int:
        return len(self.styles)

    def __getitem__(self, name: str) -> Style:
        return self._by_key[key(name)]

    def find(self, word: str) -> Style | None:
        """The style that ``word`` names, whatever its case, spaces, dashes and underscores."""
        return self._by_key.get(key(word))

    def nearest(self, word: str, count: int = 3, likeness: float = 0.6) -> list[Style]:
        """Styles whose names, titles or aliases are spelled like ``word``, nearest first."""
        close = difflib.get_close_matches(key(word), list(self._by_key), n=3 * count, cutoff=likeness)
        started = [k for k in self._by_key if len(key(word)) > 1 and k.startswith(key(word))]
        return list({self._by_key[k].name: self._by_key[k] for k in (*started, *close)}.values())[:count]


def load(folder: Path | None = None) -> Gallery:
    """The package's styles, then those of an operator's own folder.

    Raises:
        GalleryError: the folder holds no styles, or a part of one is missing.
    """
    own = _read(folder) if folder else ()
    return Gallery((*_read(HERE), *own))


@functools.cache
def default() -> Gallery:
    """The gallery of this package."""
    return load()


def _read(home: Path) -> tuple[Style, ...]:
    file = home / "styles.toml"
    try:
        styles = msgspec.toml.decode(file.read_bytes(), type=_File).style
    except OSError as error:
        raise GalleryError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:  # no TOML, no UTF-8, or not the fields that a style has
        raise GalleryError(f"{file} does not describe styles: {error}") from error
    return styles if home == HERE else tuple(_own(style, home) for style in styles)


def _own(style: Style, home: Path) -> Style:
    own = msgspec.structs.replace(style, home=home)
    if not own.swatch.is_file():
        raise GalleryError(f"the style {own.name} has no picture {own.swatch}")
    if own.generator_file:
        if not own.generator_file.is_file():
            raise GalleryError(f"the collection {own.name} has no generator {own.generator_file}")
        return own
    return msgspec.structs.replace(
        own, fast=own.fast and own.pair.is_file() and network_of(own.pair) == network_of(FAST)
    )


def network_of(path: Path) -> str | None:
    """Which network a file of weights belongs to: `Network.fingerprint`, from the file's header.

    Read without safetensors, which imports numpy, since the bot asks too. None where the file is incomplete.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = msgspec.json.decode(file.read(min(length, LARGEST_HEADER)), type=dict[str, dict[str, Any]])
            size = file.seek(0, SEEK_END)
    except (OSError, msgspec.MsgspecError):
        return None
    fingerprint = header.pop("__metadata__", {}).get("network")
    end = max((tensor.get("data_offsets", [0, 0])[1] for tensor in header.values()), default=0)
    return fingerprint if size == 8 + length + end else None
