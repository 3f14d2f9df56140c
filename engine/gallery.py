"""The curated styles by name: ``styles.toml`` beside this file, their swatches beside that."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

HERE = Path(__file__).parent


class Style(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the gallery."""

    name: str  # the word in a recipe
    title: str
    artist: str
    year: str
    licence: str  # why the artwork is free to use
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    strength: int = 42  # where the style looks best, on the recipe's scale
    brush: float = 1.0

    @property
    def swatch(self) -> Path:
        """The style's picture: a reconstruction from the artwork's Gram matrices, made by this project."""
        return HERE / "swatches" / f"{self.name}.webp"

    @property
    def credit(self) -> str:
        return f"{self.title}, {self.artist}, {self.year}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    style: tuple[Style, ...]


def key(word: str) -> str:
    """A name as names are compared: lower case, without spaces, dashes and underscores."""
    return re.sub(r"[\s\-_]+", "", word).lower()


class Gallery:
    """Styles in the file's order, found by name or alias."""

    def __init__(self, styles: tuple[Style, ...]) -> None:
        """Raises ValueError where two styles answer to the same name."""
        self.styles = styles
        self._by_key: dict[str, Style] = {}
        for style in styles:
            for word in (style.name, style.title, *style.aliases):
                if self._by_key.setdefault(key(word), style) is not style:
                    raise ValueError(f"two styles answer to “{word}”: {self._by_key[key(word)].name} and {style.name}")

    def __iter__(self) -> Iterator[Style]:
        return iter(self.styles)

    def __len__(self) -> int:
        return len(self.styles)

    def __getitem__(self, name: str) -> Style:
        return self._by_key[key(name)]

    def find(self, word: str) -> Style | None:
        """The style that ``word`` names, whatever its case, spaces, dashes and underscores."""
        return self._by_key.get(key(word))

    def nearest(self, word: str, count: int = 3) -> list[Style]:
        """Styles whose names, titles or aliases are spelt much like ``word``, nearest first."""
        close = difflib.get_close_matches(key(word), list(self._by_key), n=3 * count, cutoff=0.5)
        begun = [k for k in self._by_key if len(key(word)) > 1 and k.startswith(key(word))]
        return list({self._by_key[k].name: self._by_key[k] for k in (*begun, *close)}.values())[:count]


def load(path: Path = HERE / "styles.toml") -> Gallery:
    """Read a gallery file.

    Raises:
        msgspec.ValidationError: naming the field at fault.
    """
    return Gallery(msgspec.toml.decode(path.read_bytes(), type=_File).style)


@functools.cache
def default() -> Gallery:
    """The gallery of this package."""
    return load()
