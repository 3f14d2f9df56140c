"""The nearest word that exists."""

from __future__ import annotations

import difflib

from engine.gallery import Gallery, key


def nearest(word: str, known: list[str]) -> str:
    """``" Did you mean X?"`` for the nearest of ``known``, or nothing where none is near."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {found[0]}?" if found else ""


def unknown_style(word: str, gallery: Gallery) -> str:
    """The sentence about a style that the gallery does not have."""
    near = [style.name for style in gallery.nearest(word)]
    hint = f" Did you mean {' or '.join(near)}?" if near else " /styles shows them all."
    return f"I do not know the style “{key(word)[:40]}”.{hint}"
