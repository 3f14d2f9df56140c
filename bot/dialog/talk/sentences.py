"""Ordinary sentences: which styles they speak of, thanks and greetings."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from enum import Enum

import msgspec

from engine.gallery import Gallery, Style, folded, key

LONGEST_NAME = 7  # words of a title
SHORTEST_SURNAME = 4  # letters; shorter ends of an artist's name are words of other sentences
ALIKE = 0.85  # how much a misspelt name has in common with the right one, by difflib
ADDED = 3  # words that may stand around the name of a style which is all that a sentence is about


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that make a sentence a request, when a style is named in it.
ASKING = _listed(
    "make paint repaint turn draw stylize stylise style like as in please pls can could would want try use do give"
)
# Words that end the name of an artist, and much else.
COMMON = frozenset({"unknown", "artist", "embroiderers"})
GRATITUDE = _listed("thanks thank thx ty cheers danke merci gracias grazie obrigado arigato spasibo")
THANKS = GRATITUDE | _listed("awesome amazing beautiful gorgeous lovely wow wonderful brilliant perfect")
GREETINGS = _listed("hi hello hey hallo hola bonjour ciao moin greetings morning evening")
MOST_OF_KINDNESS = 6  # words; what is longer says something


class Kind(Enum):
    """What a sentence is that asks for nothing."""

    THANKS = "thanks"
    GREETING = "greeting"


class Mentioned(msgspec.Struct, frozen=True):
    """The styles that a sentence speaks of."""

    styles: tuple[Style, ...] = ()  # one, or those of which one may be meant
    asked: bool = False  # whether the sentence asks for it; or it only has the word in it


def is_thanks(text: str) -> bool:
    """Whether a message says so in a word; a heart does not, for it may be about a photo."""
    words = _words(text)
    return len(words) <= MOST_OF_KINDNESS and bool(GRATITUDE & set(words))


def kind_of(text: str) -> Kind | None:
    """Whether a message is a kindness, which wants a kind answer."""
    words = _words(text)
    if len(words) > MOST_OF_KINDNESS:
        return None
    if THANKS & set(words) or (text.strip() and not re.search(r"\w|[/?=]", text)):  # a heart, a thumb
        return Kind.THANKS
    return Kind.GREETING if GREETINGS & set(words) else None


def mentioned(text: str, gallery: Gallery) -> Mentioned:
    """The styles that a sentence names by name, title, alias or artist; else by a misspelt one; else by a tag."""
    words = _words(text)
    names = _names(gallery)
    for alike in (False, True):
        for count in range(min(LONGEST_NAME, len(words)), 0, -1):
            for at in range(len(words) - count + 1):
                found = _called(key("".join(words[at : at + count])), names, alike=alike)
                if found:
                    around = words[:at] + words[at + count :]
                    asked = bool(ASKING & set(around)) or (len(around) <= ADDED and not alike)
                    return Mentioned(tuple(found), asked)
    asked = bool(ASKING & set(words))
    return Mentioned(tuple(style for style in gallery if asked and set(style.tags) & set(words)), asked)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded(text).replace("'", ""))


def _called(word: str, names: dict[str, list[Style]], *, alike: bool) -> list[Style]:
    if not alike:
        return names.get(word, [])
    if len(word) <= SHORTEST_SURNAME:
        return []
    near = difflib.get_close_matches(word, list(names), n=1, cutoff=ALIKE)
    return names[near[0]] if near else []


def _names(gallery: Gallery) -> dict[str, list[Style]]:
    """All that styles are called by, and the ends of their artists' names: "Vincent van Gogh", "van Gogh", "Gogh"."""
    names: dict[str, list[Style]] = defaultdict(list)
    for style in gallery:
        artist = folded(style.artist).replace(".", " ").split()
        ends = ["".join(artist[at:]) for at in range(len(artist))]
        if not COMMON & set(artist):
            for end in ends:
                if len(key(end)) >= SHORTEST_SURNAME:
                    names[key(end)].append(style)
    for style in gallery:
        for name in (style.name, style.title.removeprefix("The "), style.title, *style.aliases):
            if len(names.get(word := re.sub(r"[\W_]", "", key(name)), [])) < 2:
                names[word] = [style]
    return names
