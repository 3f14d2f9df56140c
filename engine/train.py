"""The training commands: ``python -m engine.train slim``; each resumes from its last checkpoint."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import msgspec
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from engine.distil import Distillation, DistilSettings

log = logging.getLogger(__name__)
DATA = Path("../shared/data")
CHECKPOINT_EVERY = 250  # steps


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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("slim", help="distil the embedded encoder from the teachers")
    command.add_argument("--data", type=Path, default=DATA)
    command.add_argument("--out", type=Path, default=Path("runs"), help="where checkpoints go")
    command.add_argument("--steps", type=int, default=DistilSettings().steps)
    command.add_argument("--hours", type=float, default=24.0, help="stop, resumably, after so long")
    command.set_defaults(run=slim)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.run(args)


if __name__ == "__main__":
    main()
