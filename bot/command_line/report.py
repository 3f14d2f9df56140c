"""What is said of each picture: sentences for people, or one JSON object for programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TextIO

import msgspec

from bot.core.errors import sentence
from bot.core.messages import Result


class Report:
    """Of one command.

    Args:
        as_json: whether there is one object for each picture, instead of its line.
        beside: whether standard output is a picture's, and everything else goes to standard error.
    """

    def __init__(self, count: int, *, as_json: bool, beside: bool) -> None:
        self._count = count
        self._json = as_json
        self._out: TextIO = sys.stderr if beside else sys.stdout
        self.files: list[Path] = []
        self._painted = 0

    def painted(self, photo: str | None, file: Path | None, result: Result) -> None:
        self._painted += 1
        if file is not None:
            self.files.append(file)
        if self._json:
            self._object(
                photo=photo,
                file=str(file) if file else None,
                line=result.line,
                seconds=round(result.seconds, 2),
                width=result.width,
                height=result.height,
                notes=result.notes,
                **({"cells": [cell.label for cell in result.cells]} if result.cells else {}),
            )
            return
        for note in result.notes:
            print(note, file=sys.stderr)
        size = f"{result.width} × {result.height}"
        print(f"{file or 'standard output'}: {result.credit}; {size}, {result.seconds:.1f} s", file=sys.stderr)
        for number, cell in enumerate(result.cells, 1):
            print(number, cell.label, file=self._out)
        if not result.cells:
            print(result.line, file=self._out, flush=True)

    def failed(self, photo: str | None, error: BaseException) -> None:
        """One of several; the others go on."""
        if self._json:
            self._object(photo=photo, error=sentence(error))
        print(f"impasto: {photo}: {sentence(error)}", file=sys.stderr)

    def ended(self) -> None:
        """What came of several."""
        if self._count > 1:
            print(f"Finished: {self._sum()}.", file=sys.stderr)

    def stopped(self) -> None:
        """What is kept of a command that was interrupted."""
        kept = f"Finished and kept: {self._sum()}." if self._painted else "Nothing was written."
        print(f"impasto: Stopped. {kept}", file=sys.stderr)

    def _sum(self) -> str:
        folders = {str(file.parent) for file in self.files}
        where = f", in {folders.pop()}" if len(folders) == 1 else ""
        return f"{self._painted} of {self._count}{where}"

    def _object(self, **fields: Any) -> None:
        print(msgspec.json.encode(fields).decode(), file=self._out, flush=True)
