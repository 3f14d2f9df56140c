"""Reconstructs the swatches of the gallery's styles; those that exist are left alone unless named."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.device import choose
from engine.gallery import HERE
from engine.train.data.folder import DATA
from engine.train.data.paintings import PAINTINGS, artwork
from engine.train.pictures.painted import webp
from engine.train.trainers.follow import progress_bar
from engine.train.trainers.reconstruction import STEPS, load_encoder, reconstruct

HELP = "reconstruct the swatches of the gallery's styles from their artworks"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="gallery names; without any, all that have no swatch yet")
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--steps", type=int, default=STEPS, help="from coarse to fine")


def run(args: Namespace) -> None:
    device, _ = choose("auto")
    encoder = load_encoder(device)
    folder = HERE / "swatches"
    folder.mkdir(exist_ok=True)
    names = args.names or [name for name in PAINTINGS if not (folder / f"{name}.webp").exists()]
    with progress_bar() as progress:
        for name in names:
            task = progress.add_task(name, total=args.steps)
            for step in reconstruct(artwork(args.data, name).to(device), encoder, args.steps):
                progress.update(task, completed=step.index)
            (folder / f"{name}.webp").write_bytes(webp(step.x))
            log.info("%s: style loss %.4g", name, step.style)
