"""Running a trainer from the command line: progress bar, checkpoints, a limit of time; a stopped training resumes."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from engine.train.data.folder import DATA

log = logging.getLogger(__name__)
CHECKPOINT_EVERY = 250  # steps


class Trainer(Protocol):
    """What can be followed; every `engine.train.trainers.trainer.Trainer` can."""

    settings: Any  # has ``steps``
    step: int

    def run(self) -> Iterator[dict[str, float]]: ...

    def save(self, path: Path) -> None: ...

    def load(self, path: Path) -> None: ...


def add_arguments(parser: argparse.ArgumentParser, steps: int | None, steps_help: str | None = None) -> None:
    """The options of every long training."""
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for checkpoints and samples")
    parser.add_argument("--steps", type=int, default=steps, help=steps_help)
    parser.add_argument("--hours", type=float, default=24.0, help="stop after this time; the next call resumes")


def progress_bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def deadline(hours: float) -> float:
    """On the clock of `time.monotonic`."""
    return time.monotonic() + hours * 3600


def resumed(trainer: Trainer, checkpoint: Path) -> bool:
    """Load the checkpoint, if there is one."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if not checkpoint.exists():
        return False
    trainer.load(checkpoint)
    log.info("%s: resumed at step %d", checkpoint.stem, trainer.step)
    return True


def follow(
    trainer: Trainer,
    checkpoint: Path,
    until: float,
    on_checkpoint: Callable[[], None] = lambda: None,
    every: int = CHECKPOINT_EVERY,
) -> None:
    """Run the trainer to its end, or until the deadline, with a progress bar and a checkpoint now and then."""
    name, average = checkpoint.stem, dict[str, float]()
    with progress_bar() as progress:
        task = progress.add_task(name, total=trainer.settings.steps, completed=trainer.step)
        for errors in trainer.run():
            average = {k: 0.98 * average.get(k, v) + 0.02 * v for k, v in errors.items()}
            progress.update(task, completed=trainer.step)
            if trainer.step % every == 0:
                trainer.save(checkpoint)
                on_checkpoint()
                log.info("%s %d: %s", name, trainer.step, " ".join(f"{k} {v:.4f}" for k, v in average.items()))
            if time.monotonic() > until:
                break
    trainer.save(checkpoint)
