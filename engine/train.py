"""The training commands: ``python -m engine.train slim`` and ``swatches``; a stopped one goes on where it was."""

from __future__ import annotations

import argparse
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from safetensors.torch import save_file

from engine import swatches
from engine.crops import held_out, load
from engine.distil import Distillation, DistilSettings
from engine.encoders import SLIM_FILE
from engine.fidelity import Fidelity
from engine.gallery import HERE

log = logging.getLogger(__name__)
DATA = Path("../shared/data")
CHECKPOINT_EVERY = 250  # steps
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def slim(args: argparse.Namespace) -> None:
    """Distil the slim encoder and write its weights."""
    settings = msgspec.structs.replace(DistilSettings(), steps=args.steps)
    run = Distillation(args.data, settings, default_device())
    checkpoint = args.out / "slim.pt"
    args.out.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        run.load(checkpoint)
        log.info("resumed at step %d", run.step)
    average: dict[str, float] = {}
    until = time.monotonic() + args.hours * 3600
    with Progress(*COLUMNS) as progress:
        task = progress.add_task("slim", total=settings.steps, completed=run.step)
        for errors in run.run():
            average = {k: 0.98 * average.get(k, v) + 0.02 * v for k, v in errors.items()}
            progress.update(task, completed=run.step)
            if run.step % CHECKPOINT_EVERY == 0:
                run.save(checkpoint)
                log.info("step %d: %s", run.step, " ".join(f"{k} {v:.4f}" for k, v in average.items()))
            if time.monotonic() > until:
                break
    run.save(checkpoint)
    write_slim(run)
    report(run, args.data)


def write_slim(run: Distillation) -> None:
    """The weights into the package, with what they are."""
    metadata = {
        "what": "slim encoder: VGG-19's topology to conv5_1 at a quarter of the width, read-outs as in engine/vgg.py",
        "teachers": "VGG-19 distilled 16x (Collaborative-Distillation, MIT) and SqueezeNet 1.0 (BSD)",
        "data": "873 photos of ImageNet's classes and 58 paintings in the public domain; trained from scratch",
        "settings": msgspec.json.encode(run.settings).decode(),
        "steps": str(run.step),
        "when": datetime.now(UTC).date().isoformat(),
    }
    SLIM_FILE.parent.mkdir(exist_ok=True)
    save_file(run.export(), SLIM_FILE, metadata)
    log.info("wrote %s, %d bytes", SLIM_FILE, SLIM_FILE.stat().st_size)


def report(run: Distillation, data: Path) -> None:
    """Likeness to the teachers on photos that were held out, as a table."""
    held = [p for p in sorted((data / "photos/train").glob("*.jpg")) if held_out(p)]
    paths = [*held, *sorted((data / "photos/eval").glob("*.jpg"))]
    pictures = [load(path, 288)[None, :, :256, :256].to(run.device).float() / 255 for path in paths]
    for teacher, layers in run.fidelity(pictures).items():
        table = Table(
            "layer", *Fidelity.__struct_fields__, title=f"against {teacher}, {len(pictures)} photos held out"
        )
        for name, row in layers.items():
            table.add_row(name, *(f"{value:.4f}" for value in msgspec.structs.astuple(row)))
        Console().print(table)


def make_swatches(args: argparse.Namespace) -> None:
    """Reconstruct the gallery's styles; those whose picture exists are left alone unless named."""
    device = default_device()
    teachers = swatches.encoder(args.data, device)
    folder = HERE / "swatches"
    folder.mkdir(exist_ok=True)
    names = args.names or [name for name in swatches.PAINTINGS if not (folder / f"{name}.webp").exists()]
    with Progress(*COLUMNS) as progress:
        for name in names:
            task = progress.add_task(name, total=args.steps)
            for step in swatches.reconstruct(swatches.artwork(args.data, name).to(device), teachers, args.steps):
                progress.update(task, completed=step.index)
            (folder / f"{name}.webp").write_bytes(swatches.webp(step.x))
            log.info("%s: style loss %.4g", name, step.style)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("slim", help="distil the embedded encoder from the teachers")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--out", type=Path, default=Path("runs"), help="where checkpoints go")
    command.add_argument("--steps", type=int, default=DistilSettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.set_defaults(run=slim)
    command = commands.add_parser("swatches", help="reconstruct the gallery's styles from their artworks")
    command.add_argument("names", nargs="*", help="gallery names; without any, all that have no picture yet")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--steps", type=int, default=swatches.STEPS)
    command.set_defaults(run=make_swatches)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.run(args)


if __name__ == "__main__":
    main()
