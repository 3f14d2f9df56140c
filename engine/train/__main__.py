"""The training commands, ``python -m engine.train --help``; a stopped one goes on where it was."""

from __future__ import annotations

import argparse
import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from safetensors.torch import save_file
from torch import Tensor

from engine import gallery
from engine.encoders.full import SLIM_FILE, SlimEncoder
from engine.encoders.slim import BRANCH, Slim
from engine.encoders.vgg import STYLE_LAYERS, unit_mean
from engine.fast import network as fast
from engine.fast import paint as onepass
from engine.gallery import HERE
from engine.images.decode import ImageRefused, decode, fit
from engine.recipe import MINE, Recipe, Share
from engine.train import pictures as showpieces
from engine.train.data.crops import Crops, held_out, load
from engine.train.data.teachers import SqueezeNet, VGGTeacher
from engine.train.measure.fidelity import Fidelity, fidelity
from engine.train.trainers import reconstruction as swatches
from engine.train.trainers.branch import BranchRun, BranchSettings
from engine.train.trainers.decoders import DecoderRun, DecoderSettings
from engine.train.trainers.gallery import GalleryRun, GallerySettings
from engine.train.trainers.run import Run
from engine.train.trainers.style import Lesson, PairSettings
from engine.train.trainers.trunk import DistilSettings, TrunkRun
from engine.universal import paint as universal

log = logging.getLogger(__name__)
DATA = Path("../shared/data")
CHECKPOINT_EVERY = 250  # steps
CALIBRATION_PHOTOS = 120
STYLE_SIDE = 1024  # pixels, long side of a picture to learn from
MOST_PHOTOS = 300  # that are kept in memory; more teach a style nothing
FEWEST_PHOTOS = 20  # to practise a style on; fewer would be learnt by heart
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_slim(args: argparse.Namespace) -> None:
    """Distil the trunk, then the branch; write the weights and how faithful they are."""
    device, until = default_device(), time.monotonic() + args.hours * 3600
    args.out.mkdir(parents=True, exist_ok=True)
    trunk = TrunkRun(args.data, msgspec.structs.replace(DistilSettings(), steps=args.steps), device)
    branch = BranchRun(args.data, msgspec.structs.replace(BranchSettings(), steps=args.branch_steps), device)
    for run, name in ((trunk, "trunk"), (branch, "branch")):
        checkpoint = args.out / f"{name}.pt"
        if checkpoint.exists():
            run.load(checkpoint)
            log.info("%s: resumed at step %d", name, run.step)
        follow(run, run.run(), name, checkpoint, until)
    slim = assemble(trunk, branch)
    report(slim, trunk, branch)
    normalise(slim, trunk)
    write(slim, trunk, branch)


def follow(
    run: Run,
    steps: Iterator[dict[str, float]],
    name: str,
    path: Path,
    until: float,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Work through a run, showing it and keeping its checkpoint; ``look`` is called with every checkpoint."""
    average: dict[str, float] = {}
    with Progress(*COLUMNS) as progress:
        task = progress.add_task(name, total=run.settings.steps, completed=run.step)
        for errors in steps:
            average = {k: 0.98 * average.get(k, v) + 0.02 * v for k, v in errors.items()}
            progress.update(task, completed=run.step)
            if run.step % CHECKPOINT_EVERY == 0:
                run.save(path)
                look()
                log.info("%s %d: %s", name, run.step, " ".join(f"{k} {v:.4f}" for k, v in average.items()))
            if time.monotonic() > until:
                break
    run.save(path)


def assemble(trunk: TrunkRun, branch: BranchRun) -> Slim:
    """The slim encoder out of both runs, its filters not yet normalised."""
    slim = Slim().to(trunk.device)
    state = trunk.network.state_dict()
    for part in ("trunk", "readouts"):
        ours = {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
        slim.get_submodule(part).load_state_dict(ours)
    slim.branch.load_state_dict(branch.network.state_dict())
    return slim.eval().requires_grad_(False)


@torch.no_grad()
def normalise(slim: Slim, run: TrunkRun) -> None:
    """Set the factors that bring each filter's mean activation over training photos to 1."""
    paths = [path for path in sorted((run.data / "photos/train").glob("*.jpg")) if not held_out(path)]
    found = []
    for path in paths[:: len(paths) // CALIBRATION_PHOTOS]:
        features = slim.features(load(path, 288)[None].to(run.device).float() / 255, Slim.channels())
        found.append({name: f.mean((0, 2, 3)) for name, f in features.items()})
    for name in Slim.channels():
        slim.scales[name].copy_(unit_mean(torch.stack([means[name] for means in found]).mean(0)).flatten())


def write(slim: Slim, trunk: TrunkRun, branch: BranchRun) -> None:
    """The weights into the package, with what they are."""
    metadata = {
        "what": "slim encoder of engine/slim.py: VGG-19's topology at a quarter of the width, SqueezeNet's beside it",
        "teachers": "VGG-19 distilled 16x (Collaborative-Distillation, MIT) and SqueezeNet 1.0 (BSD)",
        "data": f"{len(trunk.photos.pictures)} photos of ImageNet's classes and "
        f"{len(trunk.paintings.pictures)} paintings in the public domain; trained from scratch",
        "settings": msgspec.json.encode([trunk.settings, branch.settings]).decode(),
        "steps": f"trunk {trunk.step}, branch {branch.step}",
        "when": datetime.now(UTC).date().isoformat(),
    }
    SLIM_FILE.parent.mkdir(exist_ok=True)
    state = {name: tensor.half().contiguous().cpu() for name, tensor in slim.state_dict().items()}
    save_file(state, SLIM_FILE, metadata)
    SLIM_FILE.chmod(0o644)
    log.info("wrote %s, %d bytes", SLIM_FILE, SLIM_FILE.stat().st_size)


def report(slim: Slim, trunk: TrunkRun, branch: BranchRun) -> None:
    """Likeness to every teacher on photos that were held out, as tables."""
    data, device = trunk.data, trunk.device
    paths = [*held_out_photos(data), *sorted((data / "photos/eval").glob("*.jpg"))]
    pictures = [load(path, 288)[None, :, :256, :256].to(device).float() / 255 for path in paths]
    folder, scale = data / "teachers", trunk.teachers.scale | branch.scale
    teachers: dict[str, tuple[VGGTeacher | SqueezeNet, tuple[str, ...]]] = {
        "distilled VGG-19": (trunk.teachers.vgg, tuple(trunk.network.get_submodule("readouts")._modules)),
        "genuine VGG-19": (
            VGGTeacher(folder / "vgg19-conv1-3.safetensors").to(device),
            STYLE_LAYERS[:3],
        ),
        "SqueezeNet 1.0": (branch.teacher, BRANCH),
    }
    for title, (teacher, layers) in teachers.items():

        def meant(x: Tensor, teacher=teacher, layers=layers) -> dict[str, Tensor]:
            return {name: f * scale[name] for name, f in teacher.features(x, layers).items()}

        def said(x: Tensor, layers=layers) -> dict[str, Tensor]:
            return slim.features(x, layers)

        found = fidelity(said, meant, pictures)
        table = Table("layer", *Fidelity.__struct_fields__, title=f"against {title}, {len(pictures)} photos held out")
        for name, row in found.items():
            table.add_row(name, *(f"{value:.4f}" for value in msgspec.structs.astuple(row)))
        Console().print(table)


def make_swatches(args: argparse.Namespace) -> None:
    """Reconstruct the gallery's styles; those whose picture exists are left alone unless named."""
    device = default_device()
    encoders = swatches.encoders(args.data, device)
    folder = HERE / "swatches"
    folder.mkdir(exist_ok=True)
    names = args.names or [name for name in swatches.PAINTINGS if not (folder / f"{name}.webp").exists()]
    with Progress(*COLUMNS) as progress:
        for name in names:
            task = progress.add_task(name, total=args.steps + swatches.LAST_STEPS)
            for step in swatches.reconstruct(swatches.artwork(args.data, name).to(device), encoders, args.steps):
                progress.update(task, completed=step.index)
            (folder / f"{name}.webp").write_bytes(swatches.webp(step.x))
            log.info("%s: style loss %.4g", name, step.style)


def train_gallery(args: argparse.Namespace) -> None:
    """Train the gallery's network and write its weights; goes on from a checkpoint, or from the weights there are."""
    artworks = {name: args.data / "paintings" / f"{file}.jpg" for name, file in swatches.PAINTINGS.items()}
    settings = msgspec.structs.replace(GallerySettings(), steps=args.steps)
    run = GalleryRun(args.data, settings, default_device(), artworks)
    checkpoint = args.out / "gallery.pt"
    args.out.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        run.load(checkpoint)
        log.info("resumed at step %d", run.step)
    elif fast.FILE.exists() and not args.fresh:
        run.begin_with(fast.load(run.device))
        log.info("going on from %s", fast.FILE)
    photos = [load(path, 256)[None].to(run.device).float() / 255 for path in held_out_photos(args.data)[:3]]
    until = time.monotonic() + args.hours * 3600

    def look() -> None:
        showpieces.samples(run.result, photos).save(args.out / "gallery.png")
        for name, content, style, weight in zip(artworks, run.content, run.style, run.weight, strict=True):
            log.info("  %-18s content %.2f  style %.2f  weight %.1f", name, content, style, weight)

    follow(run, run.run(), "gallery", checkpoint, until, look)
    metadata = {
        "teacher": "SqueezeNet 1.0 (BSD)",
        "data": f"{len(run.photos.pictures)} photos of ImageNet's classes, {len(artworks)} works in the public domain",
        "settings": msgspec.json.encode(settings).decode(),
        "weights of styles": msgspec.json.encode([round(weight, 1) for weight in run.weight]).decode(),
        "steps": str(run.step),
        "when": datetime.now(UTC).date().isoformat(),
    }
    fast.save(run.result, fast.FILE, metadata)
    log.info("wrote %s, %d bytes", fast.FILE, fast.FILE.stat().st_size)


def held_out_photos(data: Path) -> list[Path]:
    return [path for path in sorted((data / "photos/train").glob("*.jpg")) if held_out(path)]


def train_style(args: argparse.Namespace) -> None:
    """Teach the shipped network one more style, and put it into the operator's own gallery folder."""
    name = gallery.key(args.name)
    entry = {"name": name, "title": args.title or args.name} | said_of(args)
    try:
        gallery.Gallery((msgspec.convert(entry, gallery.Style),))
    except ValueError as error:  # better now than after the training
        raise SystemExit(f"This will not do: {error}. A name has letters a to z and digits only.") from None
    known = gallery.load(args.gallery if (args.gallery / "styles.toml").exists() else None)
    for word in (name, args.title or args.name):
        other = known.find(word)
        if (other and (other.name != name or other.home == HERE)) or word == MINE:
            raise SystemExit(f"There is a style {word} already. Choose another name, or another --title.")
    device = default_device()
    network = fast.load(device)
    settings = msgspec.structs.replace(PairSettings(), steps=args.steps)
    artwork = artwork_at(args.picture).to(device)
    photos = Crops(photos_in(args.photos), settings.crop, settings.seed, short=288, enlarged=settings.enlarged)
    lesson = Lesson(network, SlimEncoder.load().to(device), artwork, photos, settings)
    with Progress(*COLUMNS) as progress:
        task = progress.add_task(name, total=settings.steps)
        for errors in lesson.steps():
            progress.update(task, advance=1, description=f"{name}, style error {errors['style']:.2f}")
    network.add(name, lesson.pair.detach())
    write_style(args, entry, network, artwork, photos.pictures[0])
    log.info("%s is in %s. Name this folder in the configuration: [gallery] folder", name, args.gallery)


def artwork_at(path: Path) -> Tensor:
    """The picture to learn from, as an order's pictures are read: (1, 3, H, W) in 0..1, upright, in sRGB."""
    try:
        return decode(path.read_bytes(), enough=STYLE_SIDE).pixels[None]
    except (OSError, ImageRefused) as error:
        raise SystemExit(f"{path} cannot be used. {error}") from error


def photos_in(folder: Path) -> list[Path]:
    """Photos to practise on: those of a folder that can be read, of very many a selection."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    chosen = random.Random(1).sample(paths, min(MOST_PHOTOS, len(paths)))
    good = [path for path in sorted(chosen) if readable(path)]
    if len(good) < FEWEST_PHOTOS:
        raise SystemExit(f"There are {len(good)} photos in {folder}; {FEWEST_PHOTOS} are needed, of anything at all.")
    return good


def readable(path: Path) -> bool:
    try:
        decode(path.read_bytes(), enough=1)
    except (OSError, ImageRefused) as error:
        log.warning("%s is left out. %s", path, error)
        return False
    return True


def write_style(
    args: argparse.Namespace, entry: dict[str, str], network: fast.Network, artwork: Tensor, photo: Tensor
) -> None:
    """Pair, swatch, preview and entry of a style in the operator's folder."""
    name = entry["name"]
    fast.save_pair(network, name, args.gallery)
    for folder in ("swatches", "previews"):
        (args.gallery / folder).mkdir(exist_ok=True)
    # An operator's own picture is its own swatch; nobody passes it on.
    swatch = fit(artwork[0], min(swatches.LONG_SIDE, max(artwork.shape[-2:])))
    (args.gallery / "swatches" / f"{name}.webp").write_bytes(swatches.webp(swatch[None]))
    recipe = Recipe(styles=(Share(name),), seed=1)
    *_, (_, x) = onepass.paint(network, photo.to(artwork) / 255, [(name, 1.0)], recipe)
    (args.gallery / "previews" / f"{name}.webp").write_bytes(swatches.webp(x))
    describe(args.gallery / "styles.toml", entry)


def said_of(args: argparse.Namespace) -> dict[str, str]:
    return {word: getattr(args, word) for word in ("artist", "year", "licence")}


def describe(file: Path, entry: dict[str, str]) -> None:
    """Add the entry to a gallery file, and leave one that is there, with what its owner has made of it."""
    text = file.read_text() if file.exists() else "# Styles of our own, as engine/styles.toml has them.\n"
    if entry["name"] not in {style["name"] for style in msgspec.toml.decode(text).get("style", ())}:
        # A string of JSON is a string of TOML.
        lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in entry.items()]
        file.write_text("\n".join([text.rstrip("\n"), "", "[[style]]", *lines, ""]))


def train_universal(args: argparse.Namespace) -> None:
    """Train universal mode's decoders; write the weights and how well they give photos back."""
    device, until = default_device(), time.monotonic() + args.hours * 3600
    args.out.mkdir(parents=True, exist_ok=True)
    run = DecoderRun(args.data, msgspec.structs.replace(DecoderSettings(), steps=args.steps), device)
    checkpoint = args.out / "universal.pt"
    if checkpoint.exists():
        run.load(checkpoint)
        log.info("universal: resumed at step %d", run.step)
    follow(run, run.run(), "universal", checkpoint, until)
    decibels = run.decibels([load(path, 288)[None, :, :256, :256].float() / 255 for path in held_out_photos(run.data)])
    log.info("photos held out: %s", ", ".join(f"{name} {value:.1f} dB" for name, value in decibels.items()))
    metadata = {
        "what": "decoders of engine/universal.py: from layers of the slim encoder back to the picture",
        "data": f"{len(run.photos.pictures)} photos of ImageNet's classes and "
        f"{len(run.paintings.pictures)} paintings in the public domain; trained from scratch, for reconstruction",
        "settings": msgspec.json.encode(run.settings).decode(),
        "steps": str(run.step),
        "decibels": msgspec.json.encode({name: round(value, 1) for name, value in decibels.items()}).decode(),
        "when": datetime.now(UTC).date().isoformat(),
    }
    state = {name: tensor.half().contiguous().cpu() for name, tensor in run.network.folded().state_dict().items()}
    save_file(state, universal.FILE, metadata)
    universal.FILE.chmod(0o644)
    log.info("wrote %s, %d bytes", universal.FILE, universal.FILE.stat().st_size)


def make_previews(args: argparse.Namespace) -> None:
    """One photo in every style, by fast mode at the style's own strength and brush."""
    for name in showpieces.write_previews(fast.load(default_device()), args.photo, HERE / "previews"):
        log.info("%s", name)


def make_sheet(args: argparse.Namespace) -> None:
    """Every style on one of several photos, as one picture."""
    showpieces.sheet(fast.load(default_device())).save(args.out, quality=86)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("slim", help="distil the embedded encoder from the teachers")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--out", type=Path, default=Path("runs"), help="where checkpoints go")
    command.add_argument("--steps", type=int, default=DistilSettings().steps, help="of the trunk")
    command.add_argument("--branch-steps", type=int, default=BranchSettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.set_defaults(run=train_slim)
    command = commands.add_parser("swatches", help="reconstruct the gallery's styles from their artworks")
    command.add_argument("names", nargs="*", help="gallery names; without any, all that have no picture yet")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--steps", type=int, default=swatches.STEPS, help="from coarse to fine")
    command.set_defaults(run=make_swatches)
    command = commands.add_parser("gallery", help="train the network of all gallery styles")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--out", type=Path, default=Path("runs"), help="where checkpoints and sample sheets go")
    command.add_argument("--steps", type=int, default=GallerySettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.add_argument("--fresh", action="store_true", help="begin anew, not from the weights in the package")
    command.set_defaults(run=train_gallery)
    command = commands.add_parser("universal", help="train universal mode's decoders")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--out", type=Path, default=Path("runs"), help="where checkpoints go")
    command.add_argument("--steps", type=int, default=DecoderSettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.set_defaults(run=train_universal)
    command = commands.add_parser("previews", help="show what every style does to one photo")
    command.add_argument("--photo", default="chelsea", help="the name of one of scikit-image's photos")
    command.set_defaults(run=make_previews)
    command = commands.add_parser("sheet", help="paint the sheet of all styles that README shows")
    command.add_argument("out", nargs="?", type=Path, default=Path("docs/results.webp"))
    command.set_defaults(run=make_sheet)
    command = commands.add_parser("style", help="teach the gallery's network one more style, in minutes")
    command.add_argument("picture", type=Path, help="the painting, an image file")
    command.add_argument("name", help="what to call the style in orders")
    command.add_argument(
        "--photos", type=Path, default=DATA / "photos/train", help="a folder of photos to practise on"
    )
    command.add_argument("--gallery", type=Path, default=Path("gallery"), help="your own gallery's folder")
    command.add_argument("--steps", type=int, default=PairSettings().steps)
    for word in ("title", "artist", "year", "licence"):
        command.add_argument(f"--{word}", default="" if word == "title" else "unknown")
    command.set_defaults(run=train_style)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.run(args)


if __name__ == "__main__":
    main()
