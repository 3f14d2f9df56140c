"""Distils the slim encoder, trunk then branch, and refines both; writes the weights and how faithful they are."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from engine.device import choose
from engine.encoders.slim import BRANCH, FILE, READOUTS, SlimEncoder
from engine.encoders.vgg import STYLE_LAYERS, unit_mean
from engine.train.data.folder import evaluation_photos, held_out_photos, picture, training_photos
from engine.train.data.teachers import SqueezeNet, VGGTeacher
from engine.train.measure.fidelity import Fidelity, fidelity
from engine.train.trainers import follow
from engine.train.trainers.branch import BranchSettings, BranchTrainer
from engine.train.trainers.refine import RefineBranchSettings, RefineSettings, RefineTrainer
from engine.train.trainers.trunk import TrunkSettings, TrunkTrainer
from engine.train.trainers.weights import save_half

HELP = "distil the slim encoder from its teachers"
CALIBRATION_PHOTOS = 120

# The branch first: its layers are taken one by one, and the trunk's rollouts are led by both.
PARTS: dict[str, RefineSettings] = {"branch": RefineBranchSettings(), "trunk": RefineSettings(steps=1900)}

log = logging.getLogger(__name__)


def add_arguments(parser: ArgumentParser) -> None:
    follow.add_arguments(parser, TrunkSettings().steps, "of the trunk")
    parser.add_argument("--branch-steps", type=int, default=BranchSettings().steps)
    parser.add_argument("--refine", action="store_true", help="only refine the package's encoder further")


def run(args: Namespace) -> None:
    device, until = choose("auto")[0], follow.deadline(args.hours)
    trunk = TrunkTrainer(args.data, msgspec.structs.replace(TrunkSettings(), steps=args.steps), device)
    branch = BranchTrainer(args.data, msgspec.structs.replace(BranchSettings(), steps=args.branch_steps), device)
    if args.refine:
        slim = SlimEncoder.load().to(device)
    else:
        for trainer, name in ((trunk, "trunk"), (branch, "branch")):
            checkpoint = args.out / f"{name}.pt"
            follow.resumed(trainer, checkpoint)
            follow.follow(trainer, checkpoint, until)
        slim = assemble(trunk, branch)
        report(slim, trunk, branch)
        normalise(slim, trunk)
    steps = {"trunk": trunk.step, "branch": branch.step}
    for part, settings in PARTS.items():
        refined = RefineTrainer(args.data, settings, device, slim, part)
        checkpoint = args.out / f"refined-{part}.pt"
        follow.resumed(refined, checkpoint)
        follow.follow(refined, checkpoint, until)
        slim, steps[f"refined {part}"] = refined.result, refined.step
    write(slim, trunk, steps)


def assemble(trunk: TrunkTrainer, branch: BranchTrainer) -> SlimEncoder:
    """The slim encoder out of both trainings, its filters not yet normalised."""
    slim = SlimEncoder().to(trunk.device)
    state = trunk.network.state_dict()
    for part in ("trunk", "readouts"):
        ours = {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
        slim.get_submodule(part).load_state_dict(ours)
    slim.branch.load_state_dict(branch.network.state_dict())
    return slim.eval().requires_grad_(False)


@torch.no_grad()
def normalise(slim: SlimEncoder, trunk: TrunkTrainer) -> None:
    """Set the factors that bring each filter's mean activation over training photos to 1."""
    paths, layers = training_photos(trunk.data), SlimEncoder.channels()
    found = []
    for path in paths[:: len(paths) // CALIBRATION_PHOTOS]:
        features = slim.features(picture(path, trunk.device, short=288), layers)
        found.append({name: f.mean((0, 2, 3)) for name, f in features.items()})
    for name in layers:
        slim.scales[name].copy_(unit_mean(torch.stack([means[name] for means in found]).mean(0)).flatten())


def write(slim: SlimEncoder, trunk: TrunkTrainer, steps: dict[str, int]) -> None:
    """The weights into the package, with what they are."""
    metadata = {
        "what": "slim encoder of engine/encoders/slim.py: VGG-19's topology at a quarter of the width, at half from "
        "conv3_1 on, and SqueezeNet's beside it",
        "teachers": "VGG-19 distilled 16x (Collaborative-Distillation, MIT) and SqueezeNet 1.0 (BSD)",
        "data": f"{len(trunk.photos.pictures)} photos of ImageNet's classes and "
        f"{len(trunk.paintings.pictures)} paintings in the public domain; trained from scratch",
        "settings": msgspec.json.encode(PARTS).decode(),
        "steps": ", ".join(f"{name} {count}" for name, count in steps.items()),
        "when": datetime.now(UTC).date().isoformat(),
    }
    save_half(slim, FILE, metadata)


def report(slim: SlimEncoder, trunk: TrunkTrainer, branch: BranchTrainer) -> None:
    """Similarity to every teacher on photos that were held out, as tables."""
    data, device = trunk.data, trunk.device
    paths = [*held_out_photos(data), *evaluation_photos(data)]
    pictures = [picture(path, device, short=288)[..., :256, :256] for path in paths]
    genuine = VGGTeacher(data / "teachers/vgg19-conv1-3.safetensors").to(device)
    scale = trunk.teachers.scale | branch.scale
    for title, teacher, layers in (
        ("distilled VGG-19", trunk.teachers.vgg, tuple(READOUTS)),
        ("genuine VGG-19", genuine, STYLE_LAYERS[:3]),
        ("SqueezeNet 1.0", branch.teacher, BRANCH),
    ):
        found = fidelity(features_of(slim, layers), features_of(teacher, layers, scale), pictures)
        table = Table("layer", *Fidelity.__struct_fields__, title=f"against {title}, {len(pictures)} photos held out")
        for name, row in found.items():
            table.add_row(name, *(f"{value:.4f}" for value in msgspec.structs.astuple(row)))
        Console().print(table)


def features_of(
    network: SlimEncoder | VGGTeacher | SqueezeNet, layers: Sequence[str], scale: dict[str, float] | None = None
) -> Callable[[Tensor], dict[str, Tensor]]:
    """The network's layers as a function of the picture, each times its scale."""

    def features(x: Tensor) -> dict[str, Tensor]:
        return {name: f * scale[name] if scale else f for name, f in network.features(x, layers).items()}

    return features
