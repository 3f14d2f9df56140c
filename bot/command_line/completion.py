"""How a shell completes what is typed: commands and options by argcomplete, styles and settings by this.

argcomplete is imported late, since nothing else needs it.
"""

from __future__ import annotations

import argparse
import os

from bot.app import gallery_of
from bot.config import load
from bot.core.errors import ConfigError
from engine import gallery
from engine.recipe import MEANINGS, MINE, values


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks, and exit."""
    import argcomplete

    argcomplete.autocomplete(parser, always_complete_options="long")


def script(shell: str) -> str:
    """What the shell is to read at its start."""
    from argcomplete.shell_integration import shellcode

    return shellcode(["impasto"], shell=shell)


def words(prefix: str) -> list[str]:
    """Files, styles (the last of a mix too), settings and their values that begin so."""
    from argcomplete.completers import FilesCompleter

    name, equals, value = prefix.partition("=")
    if equals and name in MEANINGS:
        return [f"{name}={word}" for word in values(name).split(" or ") if word.startswith(value) and " " not in word]
    mixed, plus, _ = prefix.rpartition("+")
    styles = [f"{mixed}{plus}{style}" for style in (*_styles(), MINE)]
    files = FilesCompleter()(prefix)
    return [word for word in (*styles, *(f"{name}=" for name in MEANINGS)) if word.startswith(prefix)] + list(files)


def _styles() -> list[str]:
    try:
        return [style.name for style in gallery_of(load(None, os.environ))]
    except ConfigError:  # which is no reason to complete nothing
        return [style.name for style in gallery.default()]
