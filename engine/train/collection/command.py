"""Puts a collection into the operator's own gallery folder: trains its generator, or takes one that is trained."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from PIL import Image
from torch import Tensor

from engine.device import choose
from engine.fast import generator_file
from engine.fast.generator import ResNetGenerator
from engine.fast.generator_file import GeneratorError
from engine.fast.paint import TRAINED, paint_collection
from engine.recipe import Recipe
from engine.train.collection.trainer import CollectionSettings, CollectionTrainer
from engine.train.data.folder import picture
from engine.train.pictures.sheet import sheet, tile
from engine.train.style import add_entry_arguments, new_entry, read_artwork, usable_photos, write_entry
from engine.train.trainers import follow

HELP = "train a generator on photos and on one hand's paintings, or take one that is trained"
CHECKPOINT_EVERY = 100  # steps
MOST_PHOTOS = 1000  # that are kept in memory
HELD_OUT = 8  # photos that are not trained with, for looking
SAMPLE_SIDE = 256  # pixels, short side

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the collection's name in orders")
    parser.add_argument("paintings", type=Path, nargs="+", help="image files; the first also stands for the others")
    parser.add_argument("--generator", type=Path, help="a generator that is trained already, .safetensors or .pth")
    parser.add_argument("--steps", type=int, default=CollectionSettings().steps)
    parser.add_argument("--hours", type=float, default=24.0, help="stop after this time; the next call resumes")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for checkpoints and samples")
    add_entry_arguments(parser)


def run(args: Namespace) -> None:
    entry = new_entry(args)
    paintings = [read_artwork(path) for path in args.paintings]
    photos = usable_photos(args.photos, MOST_PHOTOS)
    held_out = photos[:: len(photos) // HELD_OUT][:HELD_OUT]
    if args.generator:
        generator, metadata = read_generator(args.generator), {"from": args.generator.name}
    else:
        generator, metadata = train(args, [path for path in photos if path not in held_out], held_out)
    file = f"generators/{entry['name']}.safetensors"
    generator_file.save(generator, args.gallery / file, metadata)
    # At this strength a picture is what the generator makes of it.
    write_entry(
        args.gallery,
        {**entry, "generator": file, "strength": TRAINED},
        paintings[0],
        painted(generator, picture(photos[0])),
    )
    log.info("%s is in %s. Name this folder in the configuration: [gallery] folder", entry["name"], args.gallery)


def read_generator(path: Path) -> ResNetGenerator:
    try:
        return generator_file.load(path)
    except GeneratorError as error:
        raise SystemExit(str(error)) from error


def train(args: Namespace, photos: list[Path], held_out: list[Path]) -> tuple[ResNetGenerator, dict[str, str]]:
    """The generator, as far as the time allows, and what a file of its weights says of it."""
    settings = msgspec.structs.replace(CollectionSettings(), steps=args.steps)
    trainer = CollectionTrainer(photos, args.paintings, settings, choose("auto")[0])
    checkpoint = args.out / f"{args.name}.pt"
    follow.resumed(trainer, checkpoint)
    looked_at = [picture(path, trainer.device, short=SAMPLE_SIDE) for path in held_out]

    def report() -> None:
        samples(trainer.result, looked_at, f"step {trainer.step}").save(args.out / f"{args.name}.png")

    follow.follow(trainer, checkpoint, follow.deadline(args.hours), report, CHECKPOINT_EVERY)
    return trainer.result, {
        "data": f"{len(photos)} photos and {len(args.paintings)} paintings",
        "settings": msgspec.json.encode(settings).decode(),
        "steps": str(trainer.step),
        "when": datetime.now(UTC).date().isoformat(),
    }


def painted(generator: ResNetGenerator, photo: Tensor) -> Tensor:
    """What the generator makes of a photo (1, 3, H, W)."""
    *_, (_, x) = paint_collection(generator, photo[0], Recipe(strength=TRAINED, seed=1))
    return x


def samples(generator: ResNetGenerator, photos: list[Tensor], word: str) -> Image.Image:
    """A sheet: photos (1, 3, H, W), each with what becomes of it."""
    tiles = []
    for photo in photos:
        tiles += [
            tile(photo[0], "photo", SAMPLE_SIDE),
            tile(painted(generator, photo)[0], word, SAMPLE_SIDE),
        ]
    return sheet(tiles, 4, SAMPLE_SIDE)
