"""Trains universal mode's predictor, and the gallery's network further with it; writes the weights of both."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

import msgspec

from engine.device import choose
from engine.fast import network
from engine.train import gallery
from engine.train.data.paintings import PAINTINGS
from engine.train.trainers import follow
from engine.train.trainers.predictor import PredictorSettings, PredictorTrainer
from engine.train.trainers.weights import save_half
from engine.universal.predictor import FILE

HELP = "train universal mode's predictor, and the gallery's network further with it"

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    follow.add_arguments(parser, PredictorSettings().steps)
    parser.add_argument("--without", nargs="*", default=[], help="files of paintings to leave out, for measuring")


def run(args: Namespace) -> None:
    settings = msgspec.structs.replace(PredictorSettings(), steps=args.steps)
    trainer = PredictorTrainer(args.data, settings, choose("auto")[0], list(PAINTINGS), frozenset(args.without))
    checkpoint = args.out / "universal.pt"
    if not follow.resumed(trainer, checkpoint):
        trainer.start_from(network.load(trainer.device))
        trainer.begin()
    follow.follow(trainer, checkpoint, follow.deadline(args.hours))
    write(trainer)


def write(trainer: PredictorTrainer) -> None:
    """Both weights into the package, with what they are."""
    gallery.write(trainer)
    metadata = {
        "what": "universal mode's predictor, engine/universal/predictor.py",
        "network": trainer.result.fingerprint(),
        "data": f"{len(trainer.photos.pictures)} photos of ImageNet's classes; {trainer.count} artworks of the gallery"
        f" and {len(trainer.places)} variants of paintings, all in the public domain",
        "settings": msgspec.json.encode(trainer.settings).decode(),
        "steps": str(trainer.step),
        "when": datetime.now(UTC).date().isoformat(),
    }
    save_half(trainer.predicted_result, FILE, metadata)
    log.info("wrote %s, %d bytes", FILE, FILE.stat().st_size)
