"""The previews of the gallery: one photo in every style in fast mode, painted as an order is."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.gallery import HERE, Style
from engine.painter import set_up_process
from engine.tensors import fit
from engine.train.data.folder import DATA
from engine.train.measure.painters import Painters, Way
from engine.train.pictures.painted import example_photo, webp
from engine.wire import EngineSettings

HELP = "paint one photo in every style, for menus"
PREVIEW_SIDE = 384  # pixels, long side
PREVIEW_BYTES = 40_000

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="gallery names; without any, all styles of fast mode")
    parser.add_argument("--photo", default="chelsea", help="name of one of scikit-image's photos")


def run(args: Namespace) -> None:
    set_up_process(EngineSettings())
    painters = Painters(DATA)
    styles = [style for style in painters.gallery if style.fast and style.name in (args.names or [style.name])]
    for name in write_previews(styles, painters.fast, args.photo, HERE / "previews"):
        log.info("%s", name)


def write_previews(styles: Sequence[Style], paint: Way, photo_name: str, folder: Path) -> Iterator[str]:
    """Yields each style when its file is written."""
    photo = fit(example_photo(photo_name), PREVIEW_SIDE)
    folder.mkdir(exist_ok=True)
    for style in styles:
        (folder / f"{style.name}.webp").write_bytes(webp(paint(photo, style.name), PREVIEW_BYTES))
        yield style.name
