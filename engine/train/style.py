"""Trains the package's network on one more style, and puts the style into the operator's own gallery folder."""

from __future__ import annotations

import logging
import random
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from engine import gallery
from engine.device import choose
from engine.encoders.slim import SlimEncoder
from engine.fast import network
from engine.fast.network import Network
from engine.gallery import HERE
from engine.images.decode import decode
from engine.images.formats import ImageRefused
from engine.recipe import MINE, Recipe, Share
from engine.tensors import fit
from engine.train.data.crops import Crops
from engine.train.data.folder import DATA
from engine.train.data.paintings import LONG_SIDE
from engine.train.pictures.painted import painted, webp
from engine.train.trainers.follow import progress_bar
from engine.train.trainers.style import StyleSettings, StyleTrainer

HELP = "train fast mode on one more style, in minutes"
STYLE_SIDE = 1024  # pixels, long side of the picture that is learned
MOST_PHOTOS = 300  # that are kept in memory; more make no difference
FEWEST_PHOTOS = 20  # with fewer the training overfits to them

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("picture", type=Path, help="the painting, an image file")
    parser.add_argument("name", help="the style's name in orders")
    parser.add_argument("--steps", type=int, default=StyleSettings().steps)
    add_entry_arguments(parser)


def add_entry_arguments(parser: ArgumentParser) -> None:
    """The options of commands that put something into an operator's own gallery."""
    parser.add_argument(
        "--photos", type=Path, default=DATA / "photos/train", help="folder of photos to train with, of any subject"
    )
    parser.add_argument("--gallery", type=Path, default=Path("gallery"), help="folder of your own gallery")
    for word in ("title", "artist", "year", "licence"):
        parser.add_argument(f"--{word}", default="" if word == "title" else "unknown")


def run(args: Namespace) -> None:
    entry = new_entry(args)
    device, _ = choose("auto")
    known = network.load(device)
    settings = msgspec.structs.replace(StyleSettings(), steps=args.steps)
    artwork = read_artwork(args.picture).to(device)
    photos = Crops(usable_photos(args.photos), settings.crop, settings.seed, short=288, enlarged=settings.enlarged)
    trainer = StyleTrainer(known, SlimEncoder.load().to(device), artwork, photos, settings)
    name = entry["name"]
    with progress_bar() as progress:
        task = progress.add_task(name, total=settings.steps)
        for errors in trainer.run():
            progress.update(task, advance=1, description=f"{name}, style error {errors['style']:.2f}")
    known.add(name, trainer.pair.detach())
    write(args.gallery, entry, known, artwork, photos.pictures[0])
    log.info("%s is in %s. Name this folder in the configuration: [gallery] folder", name, args.gallery)


def new_entry(args: Namespace) -> dict[str, Any]:
    """The style's entry in the gallery file.

    Raises:
        SystemExit: before the training, where the name or the title cannot be used.
    """
    name, title = gallery.key(args.name), args.title or args.name
    entry = {"name": name, "title": title, "artist": args.artist, "year": args.year, "licence": args.licence}
    try:
        gallery.Gallery((msgspec.convert(entry, gallery.Style),))
    except ValueError as error:
        raise SystemExit(f"The style is invalid: {error}. A name has letters a to z and digits only.") from None
    known = gallery.load(args.gallery if (args.gallery / "styles.toml").exists() else None)
    for word in (name, title):
        other = known.find(word)
        if (other and (other.name != name or other.home == HERE)) or word == MINE:
            raise SystemExit(f"There is a style {word} already. Choose another name, or another --title.")
    return entry


def read_artwork(path: Path) -> Tensor:
    """The picture to learn, decoded as an order's pictures are: (1, 3, H, W) in 0..1, upright, in sRGB."""
    try:
        return decode(path.read_bytes(), enough=STYLE_SIDE).pixels[None]
    except (OSError, ImageRefused) as error:
        raise SystemExit(f"{path} cannot be used. {error}") from error


def usable_photos(folder: Path, most: int = MOST_PHOTOS) -> list[Path]:
    """The photos of a folder that can be read; of very many a random selection."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    chosen = random.Random(1).sample(paths, min(most, len(paths)))
    usable = [path for path in sorted(chosen) if is_readable(path)]
    if len(usable) < FEWEST_PHOTOS:
        raise SystemExit(f"There are {len(usable)} photos in {folder}; at least {FEWEST_PHOTOS} are needed.")
    return usable


def is_readable(path: Path) -> bool:
    try:
        decode(path.read_bytes(), enough=1)
    except (OSError, ImageRefused) as error:
        log.warning("%s is left out. %s", path, error)
        return False
    return True


def write(folder: Path, entry: dict[str, Any], known: Network, artwork: Tensor, photo: Tensor) -> None:
    """Pair, swatch, preview and entry of the style into the operator's folder."""
    name = entry["name"]
    network.save_pair(known, name, folder)
    preview = painted(known, photo.to(artwork) / 255, Recipe(styles=(Share(name),), seed=1))
    write_entry(folder, entry, artwork, preview)


def write_entry(folder: Path, entry: dict[str, Any], artwork: Tensor, preview: Tensor) -> None:
    """The entry and its pictures (1, 3, H, W) into the operator's folder."""
    # An operator's own picture is its own swatch; it is not distributed.
    swatch = fit(artwork[0], min(LONG_SIDE, max(artwork.shape[-2:])))[None]
    for kind, picture in (("swatches", swatch), ("previews", preview)):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{entry['name']}.webp").write_bytes(webp(picture))
    add_entry(folder / "styles.toml", entry)


def add_entry(file: Path, entry: dict[str, Any]) -> None:
    """Add the entry to a gallery file; one that is there stays, with what its owner has changed."""
    text = file.read_text() if file.exists() else "# Styles of our own, as engine/styles.toml has them.\n"
    if entry["name"] not in {style["name"] for style in msgspec.toml.decode(text).get("style", ())}:
        # A string or number of JSON is one of TOML.
        lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in entry.items()]
        file.write_text("\n".join([text.rstrip("\n"), "", "[[style]]", *lines, ""]))
