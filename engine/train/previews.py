"""The previews of the gallery: one photo in every style, by fast mode at the style's own strength and brush."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from engine import gallery
from engine.device import choose
from engine.fast.network import Network, load
from engine.gallery import HERE
from engine.tensors import fit
from engine.train.pictures.painted import example_photo, in_style, webp

HELP = "paint one photo in every style, for menus"
PREVIEW_SIDE = 384  # pixels, long side
PREVIEW_BYTES = 40_000

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--photo", default="chelsea", help="name of one of scikit-image's photos")


def run(args: Namespace) -> None:
    device, _ = choose("auto")
    for name in write_previews(load(device), args.photo, HERE / "previews"):
        log.info("%s", name)


def write_previews(network: Network, photo_name: str, folder: Path) -> Iterator[str]:
    """Yields each style that the network knows when its file is written."""
    photo = fit(example_photo(photo_name), PREVIEW_SIDE).to(network.pairs.device)
    folder.mkdir(exist_ok=True)
    for style in gallery.default():
        if network.knows(style.name):
            (folder / f"{style.name}.webp").write_bytes(webp(in_style(network, photo, style), PREVIEW_BYTES))
            yield style.name
