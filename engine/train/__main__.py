"""Training, benchmarks and measurements, one a module of this folder. A stopped training resumes at the next call."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.train import bench, compare, distances, gallery, previews, slim, style, subject, swatches, universal
from engine.train.clips import flicker
from engine.train.collection import command as collection
from engine.train.curator import suggest, vectors
from engine.train.pictures import results


class Command(Protocol):
    """A module of this folder."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> None: ...


COMMANDS: Mapping[str, Command] = {
    "slim": slim,
    "swatches": swatches,
    "gallery": gallery,
    "universal": universal,
    "vectors": vectors,
    "subject": subject,
    "previews": previews,
    "sheet": results,
    "style": style,
    "collection": collection,
    "bench": bench,
    "distances": distances,
    "suggest": suggest,
    "compare": compare,
    "flicker": flicker,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.HELP)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.run(args)


if __name__ == "__main__":
    main()
