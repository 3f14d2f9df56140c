"""Sheets of small pictures, and choosing one of them to be painted in full."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.core.errors import InvalidOrder
from bot.core.jobs import Job
from engine.recipe import Recipe

MOVING = ("frames", "clip")  # what a recipe says of moving pictures, of which a sheet has none


class Pick(msgspec.Struct, frozen=True):
    """One picture of a sheet as something to press."""

    number: int  # as the sheet shows it
    label: str
    data: str  # what a platform keeps for when it is pressed (at most 12 bytes)


def picks(job: Job) -> tuple[Pick, ...]:
    """What can be chosen of a job's sheet."""
    return tuple(Pick(number, cell.label, f"{job.id}:{number}") for number, cell in enumerate(job.cells, 1))


def chosen(job: Job, number: int) -> Recipe:
    """The order for one picture of a job's sheet.

    Raises:
        InvalidOrder
    """
    if not 1 <= number <= len(job.cells):
        raise InvalidOrder("This picture has no such part. Order the sheet again.")
    return msgspec.structs.replace(of_sheet(job), cell=number)


def of_sheet(job: Job) -> Recipe:
    """The sheet's recipe as its cells are ordered by: with the seed that was seen. How large and how long the sheet
    was painted is not how large and how long a cell is, but for variations, which are sketches of an order in full."""
    if job.recipe.mode == "variations":
        return job.recipe if job.size_named else msgspec.structs.replace(job.recipe, size=None)
    written = job.requested or job.recipe
    return msgspec.structs.replace(written, seed=job.recipe.seed, size=None, steps=None)


def variations(job: Job) -> Recipe:
    """The sheet of variations of a job's picture."""
    nothing: dict[str, Any] = dict.fromkeys(MOVING)
    size = job.recipe.size if job.size_named else None
    return msgspec.structs.replace(job.recipe, mode="variations", size=size, **nothing)
