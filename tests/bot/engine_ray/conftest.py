"""A Ray cluster of three machines on this one, and a bot's engine with two painters on it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.backoff import Backoff
from bot.engine_process.supervisor import Timings
from bot.engine_ray import frames
from tests.bot.engine_process.harness import ENDLESS
from tests.bot.engine_ray.harness import FAULTY, WatchedEngine, add_machine

TIMINGS = Timings(cancel_seconds=ENDLESS, growth=0, restart=Backoff(first=0.01, longest=0.02))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that paints nothing, and two machines with one CPU each."""
    folder = Path(tempfile.mkdtemp(prefix="rays-", dir="/tmp"))  # short, for sockets are in it
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            patch.delenv(name)
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        # A machine is asked five times before it counts as lost: in one second, and not in 15. Who does not refuse but
        # is slow has as long to answer as ever.
        patch.setenv("RAY_health_check_period_ms", "200")
        from ray.cluster_utils import Cluster  # reads the environment, once

        cluster = Cluster()
        try:
            add_machine(cluster, cpus=0, temp_dir=str(folder), include_dashboard=False)
            for _ in range(2):
                add_machine(cluster)
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(cluster: Any) -> AsyncIterator[WatchedEngine]:
    plan = frames.Plan(address=cluster.address, workers=2, timings=TIMINGS, command=FAULTY, head_seconds=5)
    async with WatchedEngine(plan) as engine:
        yield engine
