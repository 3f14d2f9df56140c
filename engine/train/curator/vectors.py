"""The style vectors and traits of the package's styles, from their swatches, for /like, /map and /suggest."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from engine import gallery
from engine.encoders.slim import SlimEncoder
from engine.images.decode import decode
from engine.lab.likeness import library
from engine.lab.likeness.library import Library
from engine.lab.likeness.vectors import bases_of, grams

HELP = "compute the style vectors of the gallery's swatches"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=library.FILE, help="where the file goes")


def run(args: Namespace) -> None:
    library.save(
        made(),
        args.output,
        {
            "what": "style vectors of the gallery: upper triangles of the slim encoder's Gram matrices, compressed",
            "made by": "python -m engine.train vectors",
            "data": "the package's swatches",
            "when": datetime.now(UTC).date().isoformat(),
        },
    )
    log.info("wrote %s, %d bytes", args.output, args.output.stat().st_size)


def made() -> Library:
    """The library of the package's styles, with new bases."""
    # In float32, whatever this machine's processor is quickest in.
    encoder = SlimEncoder.load()
    pictures = {style.name: decode(style.swatch.read_bytes()).pixels for style in gallery.default()}
    empty = Library(bases_of([grams(encoder, x, encoder.style_layers) for x in pictures.values()]), {})
    return empty._replace(styles={name: empty.looks(encoder, x) for name, x in pictures.items()})
