"""Trains the gallery's network and writes its weights; starts from the present ones, or resumes from a checkpoint."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_pil_image

from engine.device import choose
from engine.fast import network
from engine.fast.network import Network
from engine.recipe import Recipe, Share
from engine.train.data.folder import held_out_photos, picture
from engine.train.data.paintings import PAINTINGS
from engine.train.pictures.painted import painted
from engine.train.trainers import follow
from engine.train.trainers.gallery import GallerySettings, GalleryTrainer

HELP = "train the network of all gallery styles"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    follow.add_arguments(parser, GallerySettings().steps)
    parser.add_argument("--fresh", action="store_true", help="start from random weights, not from the package's")


def run(args: Namespace) -> None:
    names = list(PAINTINGS)
    settings = msgspec.structs.replace(GallerySettings(), steps=args.steps)
    trainer = GalleryTrainer(args.data, settings, choose("auto")[0], names)
    checkpoint = args.out / "gallery.pt"
    if not follow.resumed(trainer, checkpoint) and network.FILE.exists() and not args.fresh:
        trainer.start_from(network.load(trainer.device))
        log.info("starting from %s", network.FILE)
    photos = [picture(path, trainer.device, short=256) for path in held_out_photos(args.data)[:3]]

    def report() -> None:
        samples(trainer.result, photos).save(args.out / "gallery.png")
        errors = zip(names, trainer.content_errors, trainer.style_errors, trainer.weight, strict=True)
        for name, content, style, weight in errors:
            log.info("  %-18s content %.2f  style %.2f  weight %.1f", name, content, style, weight)

    follow.follow(trainer, checkpoint, follow.deadline(args.hours), report)
    write(trainer)


def write(trainer: GalleryTrainer) -> None:
    """The weights into the package, with what they are."""
    metadata = {
        "teachers": "VGG-19 distilled 16x (Collaborative-Distillation, MIT) and SqueezeNet 1.0 (BSD)",
        "data": f"{len(trainer.photos.pictures)} photos of ImageNet's classes, "
        f"{len(trainer.weight)} works in the public domain",
        "settings": msgspec.json.encode(trainer.settings).decode(),
        "weights of styles": msgspec.json.encode([round(weight, 1) for weight in trainer.weight]).decode(),
        "steps": str(trainer.step),
        "when": datetime.now(UTC).date().isoformat(),
    }
    network.save(trainer.result, network.FILE, metadata)
    log.info("wrote %s, %d bytes", network.FILE, network.FILE.stat().st_size)


def samples(network: Network, photos: Sequence[Tensor], side: int = 160) -> Image.Image:
    """A sheet: a row for every style, the photos (1, 3, H, W) painted in it beside each other."""
    sheet = Image.new("RGB", (side * len(photos), side * (len(network.names) - 1)))
    for row, name in enumerate(network.names[1:]):
        for column, photo in enumerate(photos):
            x = painted(network, photo[0], Recipe(styles=(Share(name),), seed=1))
            sheet.paste(to_pil_image(x[0].cpu()).resize((side, side)), (column * side, row * side))
    return sheet
