"""Where pictures go: names, formats, and files that are written whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from bot.chat import formats
from bot.command_line.inputs import STANDARD, Words, name_of
from bot.core.errors import InvalidOrder
from bot.core.messages import Result
from engine.wire import PNG, PhotoFormat

OWN_STILLS = ("jpeg", "webp")  # what a photo comes as, and its picture as well where nothing else is said


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pictures of one command go."""

    file: Path | None = None  # the one; else they are named by photo and style
    folder: Path = Path()
    wanted: str | None = None  # of `formats.FORMATS`
    force: bool = False  # write over what is there
    standard: bool = False  # to standard output

    def still(self, photo: str | None) -> str | None:
        """The format of a still."""
        own = formats.format_of(photo) if photo and photo != STANDARD else None
        return self.wanted or (own if own in OWN_STILLS else None)

    def kind(self, made: PhotoFormat, photo: str | None) -> PhotoFormat:
        """What a picture is written as, once it is known what the engine made.

        Raises:
            InvalidOrder: a still was to be an animation.
        """
        kind = formats.handed_over(made, self.still(photo))
        named = self.file or self.standard
        if named and self.wanted and kind is not formats.FORMATS[self.wanted]:
            raise InvalidOrder(
                f"This photo does not move. Give its picture a name that ends in {PNG.endings[0]}."
                if kind is PNG
                else f"This picture moves, and no {self.wanted} does. Add frames=1 for a still."
            )
        return kind

    def put(self, picture: bytes, kind: PhotoFormat, result: Result, photo: str | None) -> Path | None:
        """Write a picture; returns its file, if it has one.

        Raises:
            InvalidOrder: it cannot be written.
        """
        if self.standard:
            sys.stdout.buffer.write(picture)
            sys.stdout.buffer.flush()
            return None
        if self.file:
            write(self.file, picture, force=self.force)
            return self.file
        name = formats.file_name(name_of(photo) if photo else "", result.line, kind)
        return write_numbered(self.folder / name, picture, force=self.force)


def outputs(output: str | None, wanted: str | None, words: Words, *, force: bool) -> Outputs:
    """What was asked for, looked at before anything is painted.

    Raises:
        InvalidOrder: pictures cannot go there.
    """
    many = len(words.photos) > 1
    if output == STANDARD or (output is None and words.photos == [STANDARD]):
        if many:
            raise InvalidOrder(f"{_many(words)}, and standard output takes one picture. Name a folder: -o out/")
        if sys.stdout.isatty():
            raise InvalidOrder("A terminal shows no pictures. Send standard output elsewhere, or name a file with -o.")
        return Outputs(wanted=wanted or "png", standard=True)
    path = Path(output or ".")
    if path.is_dir() or (output or "").endswith(os.sep) or (many and not path.suffix):
        return Outputs(folder=_folder(path), wanted=wanted, force=force)
    if many:
        raise InvalidOrder(f"{_many(words)}, and {path} is one file. Name a folder for their pictures: -o out/")
    by_ending = formats.format_of(path.name)
    if wanted and by_ending and (wanted, by_ending) not in ((by_ending, by_ending), ("apng", "png")):
        raise InvalidOrder(f"{path.name} is the name of a {by_ending}, and --format says {wanted}. Leave one out.")
    found = Outputs(file=path, wanted=wanted or by_ending, force=force)
    check_file(path, wanted, force=force)
    return found


def _many(words: Words) -> str:
    return f"There are {len(words.photos)} photos"


def _folder(path: Path) -> Path:
    """A folder to write into, made if it is not there.

    Raises:
        InvalidOrder
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidOrder(f"The folder {path} cannot be made: {error.strerror}.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InvalidOrder(f"You may not write into the folder {path}. Choose another: -o FOLDER/")
    return path


def check_file(path: Path, wanted: str | None = None, *, force: bool) -> None:
    """Refuse a place where the picture cannot go, before it is painted.

    Raises:
        InvalidOrder
    """
    if not wanted and formats.format_of(path.name) is None:
        endings = ", ".join(kind.endings[0] for kind in formats.FORMATS.values())
        raise InvalidOrder(f"Which format is {path.name}? Give it a name that ends in one of {endings}.")
    if path.is_dir():
        raise InvalidOrder(f"{path} is a folder. Name a file in it, such as {path / 'picture.png'}.")
    if path.exists() and not force:
        raise InvalidOrder(f"{path} exists already. Choose another name, or add --force to overwrite it.")
    if not path.parent.is_dir():
        raise InvalidOrder(f"The folder {path.parent} does not exist. Make it first, or choose another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InvalidOrder(f"You may not write into the folder {path.parent}. Choose another.")


def write(path: Path, picture: bytes, *, force: bool) -> None:
    """Put the picture there whole or not at all.

    Raises:
        InvalidOrder: it cannot be written, or a file was created there in the meantime.
    """
    if not _placed(path, picture, force=force):
        raise InvalidOrder(f"{path} exists already. Choose another name, or add --force to overwrite it.")


def write_numbered(path: Path, picture: bytes, *, force: bool) -> Path:
    """The same, under the next number where the name is taken: ``harbour-starrynight-2.jpg``.

    Raises:
        InvalidOrder: it cannot be written.
    """
    tried, number = path, 1
    while not _placed(tried, picture, force=force):
        number += 1
        tried = path.with_stem(f"{path.stem}-{number}")
    return tried


def _placed(path: Path, picture: bytes, *, force: bool) -> bool:
    """Whether it could have the name: not where there is a file, unless that may be written over."""
    if not force and path.exists():
        return False
    part = path.with_name(f".{path.name}.part")
    try:
        try:
            part.write_bytes(picture)
            if force:
                part.replace(path)
            else:
                _rename(part, path)
        except FileExistsError:
            return False
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidOrder(f"The picture cannot be written to {path}: {error.strerror}.") from error
    return True


def _rename(part: Path, path: Path) -> None:
    """Raises FileExistsError; other than `Path.rename`, which takes the name from a file that has it."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        part.rename(path)
