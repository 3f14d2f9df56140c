"""Which of the words are photos, and which the line; what lies in a folder; reading it all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bot.core.errors import InvalidOrder, InvalidRecipe
from bot.dialog.parse import Name, parse, parse_order
from bot.dialog.pictures import ENDINGS
from engine.gallery import MINE, Gallery, key
from engine.recipe import rules_for

STANDARD = "-"  # input, or output
NAMELESS = "picture"  # what a photo from standard input is called


class Words(NamedTuple):
    """What was typed."""

    photos: list[str]  # files, or “-” for standard input
    line: str


def sorted_out(words: Sequence[str], styles: Gallery) -> Words:
    """Photos and the line, in whatever order they come.

    Raises:
        InvalidOrder: a folder has no photos, or standard input is named twice.
    """
    photos = [photo for word in words if is_photo(word, styles) for photo in _photos_of(word)]
    if photos.count(STANDARD) > 1:
        raise InvalidOrder("Standard input is named twice, and holds one photo. Name other photos by their files.")
    return Words(photos, " ".join(word for word in words if not is_photo(word, styles)))


def is_photo(word: str, styles: Gallery) -> bool:
    """Whether a word names a file or a folder. One that is called as a style is: ``./starrynight`` names it."""
    if word == STANDARD:
        return True
    if styles.find(word) or key(word) == MINE or parse(word).name not in (Name.PLAIN, Name.UNKNOWN):
        return False
    # Unlike `Path.exists`, which raises where a word, such as a long line, is longer than names may be.
    return os.path.exists(word) or ("=" not in word and (word.lower().endswith(ENDINGS) or os.sep in word.strip()))


def _photos_of(word: str) -> Iterator[str]:
    folder = Path(word)
    if word == STANDARD or not os.path.isdir(word):
        yield word
        return
    found = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS and path.is_file()]
    found = [path for path in found if not path.name.startswith(".")]
    if not found:
        raise InvalidOrder(f"There are no photos in the folder {word}.")
    yield from map(str, found)


def check_order(words: Words, typed: Sequence[str], style: Path | None, styles: Gallery | None) -> None:
    """What can be known of an order before anything is started.

    Args:
        style: the file of the picture that the line calls `mine`.
        styles: the gallery that the line is about; None leaves it to the server that has it.

    Raises:
        InvalidOrder
    """
    if styles is not None:
        _check_recipe(words, typed, styles)
    mine = parse(words.line).names_mine
    if mine and style is None:
        raise InvalidOrder("mine is a picture of your own. Say which: --style PICTURE.")
    if style is not None and not mine:
        raise InvalidOrder(f"The line does not ask for {style}. Name it there as mine, such as “mine strength=60”.")


def _check_recipe(words: Words, typed: Sequence[str], styles: Gallery) -> None:
    try:
        recipe = parse_order(words.line, styles)
    except InvalidRecipe:
        if not words.photos and _is_recipe(typed[1:], styles):
            check_there(typed[:1])
        raise
    takes_photo = rules_for(recipe, styles).photo
    if words.photos and not takes_photo:
        raise InvalidOrder(f"This recipe takes no photo. Leave {words.photos[0]} out.")
    if takes_photo and not words.photos:
        raise InvalidOrder(f"Which photo? Name its file before the line: impasto stylize photo.jpg {typed[0]}")


def _is_recipe(words: Sequence[str], styles: Gallery) -> bool:
    try:
        parse_order(" ".join(words), styles)
    except InvalidRecipe:
        return False
    return bool(words)


def check_there(photos: Sequence[str]) -> None:
    """Raises InvalidOrder for a file that is not there, or may not be read."""
    if STANDARD in photos and (
        sys.stdin is None or sys.stdin.isatty()
    ):  # which would wait for somebody to type a photo
        raise InvalidOrder("Standard input is the keyboard. Send a photo there: impasto stylize - LINE < photo.jpg")
    for photo in photos:
        try:
            if photo != STANDARD:
                Path(photo).open("rb").close()
        except OSError as error:
            raise InvalidOrder(f"The photo {photo} cannot be read: {error.strerror}.") from error


def name_of(photo: str) -> str:
    """The photo as a part of its picture's name."""
    return NAMELESS if photo == STANDARD else Path(photo).stem


def read_picture(file: str | Path, limit_mb: int, what: str = "photo") -> bytes:
    """A file's bytes, or those of standard input; ``what`` it is called in errors.

    Raises:
        InvalidOrder: it cannot be read, or is larger than ``limit_mb``.
    """
    try:
        if file == STANDARD:
            data, name = _read(sys.stdin.buffer, limit_mb), "on standard input"
        else:
            name = str(file)
            with Path(file).open("rb") as stream:
                data = _read(stream, limit_mb)
    except OSError as error:
        raise InvalidOrder(f"The {what} {file} cannot be read: {error.strerror}.") from error
    if not data:
        raise InvalidOrder(f"The {what} {name} is empty.")
    if len(data) > limit_mb * 2**20:
        raise InvalidOrder(f"The {what} {name} is larger than {limit_mb} MB (limits.max_photo_mb). Make it smaller.")
    return data


def _read(stream: BinaryIO, limit_mb: int) -> bytes:
    return stream.read(limit_mb * 2**20 + 1)
