"""Trains universal mode's decoders; writes the weights and how well they reconstruct photos."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

import msgspec

from engine.device import choose
from engine.train.data.folder import held_out_photos, picture
from engine.train.trainers import follow
from engine.train.trainers.decoders import DecoderSettings, DecoderTrainer
from engine.train.trainers.weights import save_half
from engine.universal.decoders import FILE

HELP = "train universal mode's decoders"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    follow.add_arguments(parser, DecoderSettings().steps)


def run(args: Namespace) -> None:
    settings = msgspec.structs.replace(DecoderSettings(), steps=args.steps)
    trainer = DecoderTrainer(args.data, settings, choose("auto")[0])
    checkpoint = args.out / "universal.pt"
    follow.resumed(trainer, checkpoint)
    follow.follow(trainer, checkpoint, follow.deadline(args.hours))
    write(trainer)


def write(trainer: DecoderTrainer) -> None:
    """The weights into the package, with what they are."""
    psnr = trainer.psnr([picture(path, short=288)[..., :256, :256] for path in held_out_photos(trainer.data)])
    log.info("photos held out: %s", ", ".join(f"{name} {value:.1f} dB" for name, value in psnr.items()))
    metadata = {
        "what": "decoders of engine/universal: from layers of the slim encoder back to the picture",
        "data": f"{len(trainer.photos.pictures)} photos of ImageNet's classes and "
        f"{len(trainer.paintings.pictures)} paintings in the public domain; trained from scratch, for reconstruction",
        "settings": msgspec.json.encode(trainer.settings).decode(),
        "steps": str(trainer.step),
        "psnr": msgspec.json.encode({name: round(value, 1) for name, value in psnr.items()}).decode(),
        "when": datetime.now(UTC).date().isoformat(),
    }
    save_half(trainer.network.folded(), FILE, metadata)
