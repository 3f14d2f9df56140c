"""An optimisation of `engine.fine` as the stages of a job."""

from __future__ import annotations

from torch import Tensor

from engine.fine.gatys import Run
from engine.fine.paint import steps
from engine.stages import Stage
from engine.work import Stages, Work, preview


def follow(run: Run, x: Tensor, work: Work) -> Stages:
    """The steps from x as stages; returns the picture."""
    for step in steps(run, x):
        x = step.x
        if step.note:
            work.notes.append(step.note)
        yield Stage(step.done, f"step {step.index} of {step.of}", step.note, preview(x))
    return x
