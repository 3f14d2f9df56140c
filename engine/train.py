"""The training commands: ``python -m engine.train slim`` and ``swatches``; a stopped one goes on where it was."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from safetensors.torch import save_file
from torch import Tensor

from engine import swatches
from engine.crops import held_out, load
from engine.distil import DistilSettings, TrunkRun
from engine.distil_branch import BranchRun, BranchSettings
from engine.encoders import SLIM_FILE
from engine.fidelity import Fidelity, fidelity
from engine.gallery import HERE
from engine.slim import BRANCH, Slim
from engine.teachers import SqueezeNet, VGGTeacher
from engine.vgg import STYLE_LAYERS, unit_mean

log = logging.getLogger(__name__)
DATA = Path("../shared/data")
CHECKPOINT_EVERY = 250  # steps
CALIBRATION_PHOTOS = 120
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


def follow(run: TrunkRun | BranchRun, steps: Iterator[dict[str, float]], name: str, path: Path, until: float) -> None:
    """Work through a run, showing it and keeping its checkpoint."""
    average: dict[str, float] = {}
    with Progress(*COLUMNS) as progress:
        task = progress.add_task(name, total=run.settings.steps, completed=run.step)
        for errors in steps:
            average = {k: 0.98 * average.get(k, v) + 0.02 * v for k, v in errors.items()}
            progress.update(task, completed=run.step)
            if run.step % CHECKPOINT_EVERY == 0:
                run.save(path)
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
    held = [path for path in sorted((data / "photos/train").glob("*.jpg")) if held_out(path)]
    paths = [*held, *sorted((data / "photos/eval").glob("*.jpg"))]
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
    command.add_argument("--steps", type=int, default=DistilSettings().steps, help="of the trunk")
    command.add_argument("--branch-steps", type=int, default=BranchSettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.set_defaults(run=train_slim)
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
