"""What can be said of a cluster: it is joined once, and looked at."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bot.core.engine import Worker
from bot.engine_ray.engine import RayEngine
from bot.engine_ray.frames import Plan
from engine import wire

ALL_SECONDS = 15.0  # for the other workers to come, once the first is ready


async def visit(plan: Plan) -> tuple[wire.Ready | None, tuple[Worker, ...], str]:
    """What the first worker says of itself, who else is there, and what is wrong, if anything is."""
    async with RayEngine(plan) as engine:
        await engine.introduced()
        with suppress(TimeoutError):
            async with asyncio.timeout(ALL_SECONDS if engine.ready else 0):
                await engine.until(lambda: all(worker.state == "idle" for worker in engine.workers))
        return engine.ready, engine.workers, engine.trouble


def by_node(workers: Sequence[Worker]) -> Iterator[str]:
    """As parts of a sentence: how many workers a machine has, and what they do."""
    for node in sorted({worker.node for worker in workers}):
        states = Counter(worker.state for worker in workers if worker.node == node)
        where = f"on {node}" if node else "nowhere yet"
        yield f"{where} {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}"
