"""An order is placed, and the answer to it given."""

from __future__ import annotations

from bot.core.jobs import Job
from bot.core.messages import Accepted, Incoming
from bot.core.studio import Studio
from engine import recipe as recipes
from engine.gallery import Gallery
from engine.recipe import Recipe


class Placing:
    """Hands orders to the studio."""

    def __init__(self, studio: Studio, gallery: Gallery) -> None:
        self._studio = studio
        self._gallery = gallery

    async def order(self, incoming: Incoming, recipe: Recipe) -> Accepted:
        """Raises what `Studio.accept` does."""
        return await self.accepted(await self._studio.accept(incoming, recipe))

    async def accepted(self, job: Job) -> Accepted:
        """What is said of a job that was taken."""
        status = await self._studio.status(job.id)
        titles = " + ".join(recipes.titles(job.recipe, self._gallery))
        return Accepted(text=f"{titles}, order {job.id}: {status.text if status else job.state}.", job=job)
