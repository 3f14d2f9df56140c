"""Trains the gallery's network and writes its weights; starts from the present ones, or resumes from a checkpoint.

With ``--only`` just the pairs of some styles are trained, which takes minutes; all else stays as it is to the bit.
"""

from __future__ import annotations

import hashlib
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
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
from engine.train.trainers.gallery import GallerySettings, GalleryTrainer, PairSettings

HELP = "train the network of all gallery styles"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    usual = f"{GallerySettings().steps}, with --only {PairSettings().steps}"
    follow.add_arguments(parser, None, f"without it {usual}")
    parser.add_argument("--fresh", action="store_true", help="start from random weights, not from the package's")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=list(PAINTINGS), help="train only these styles' pairs"
    )
    parser.add_argument(
        "--palette", type=float, default=PairSettings().palette_weight, help="weight of colours, with --only"
    )


def run(args: Namespace) -> None:
    if args.only:
        run_only(args)
        return
    names = list(PAINTINGS)
    settings = msgspec.structs.replace(GallerySettings(), steps=args.steps or GallerySettings().steps)
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


def run_only(args: Namespace) -> None:
    """Train the pairs of some styles, and write them among the package's."""
    usual = PairSettings()
    settings = msgspec.structs.replace(usual, steps=args.steps or usual.steps, palette_weight=args.palette)
    trainer = GalleryTrainer(args.data, settings, choose("auto")[0], args.only)
    checkpoint = args.out / f"pairs-{_short(args.only)}.pt"
    if not follow.resumed(trainer, checkpoint):
        trainer.start_from(network.load(trainer.device))
    trainer.only_pairs()
    follow.follow(trainer, checkpoint, follow.deadline(args.hours))
    pairs = {name: trainer.result.pairs.data[k] for k, name in enumerate(args.only, 1)}
    replace_pairs(pairs, network.FILE, f"{trainer.step} steps, {msgspec.json.encode(settings).decode()}")


def _short(names: Sequence[str]) -> str:
    """Names a set of styles, however many, within what a file system takes."""
    whole = "-".join(names)
    return whole if len(whole) < 100 else f"{len(names)}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def replace_pairs(pairs: Mapping[str, Tensor], path: Path, how: str) -> None:
    """Write pairs, (2, C), in place of those of the same styles; every other number of the file stays as it is."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    state = load_file(path)
    names = msgspec.json.decode(metadata["styles"], type=list[str])
    for name, pair in pairs.items():
        state["pairs"][1 + names.index(name)] = pair.half()
    known = msgspec.json.decode(metadata.get("pairs", "{}"), type=dict[str, str])
    metadata["pairs"] = msgspec.json.encode(known | dict.fromkeys(pairs, how)).decode()
    metadata["when"] = datetime.now(UTC).date().isoformat()
    save_file(state, path, metadata)
    path.chmod(0o644)


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
