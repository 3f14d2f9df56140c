"""The ready cluster file is one, as Ray's launcher reads it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.bot.engine_ray.harness import with_ray

pytestmark = with_ray


@pytest.fixture(scope="module")
def described(root: Path) -> dict[str, Any]:
    import yaml  # Ray brings it

    return yaml.safe_load((root / "docs" / "scaling" / "cluster.yaml").read_text("utf-8"))


def test_it_is_what_rays_schema_asks_for(described: dict[str, Any]) -> None:
    ray = importlib.util.find_spec("ray")
    assert ray
    assert ray.origin
    schema = json.loads((Path(ray.origin).parent / "autoscaler" / "ray-schema.json").read_text("utf-8"))
    jsonschema.validate(described, schema)


def test_nobody_speaks_to_the_cluster_without_the_token(described: dict[str, Any]) -> None:
    starts = [
        line
        for name in ("head_start_ray_commands", "worker_start_ray_commands")
        for line in described[name]
        if "ray start" in line
    ]
    assert len(starts) == 2
    assert all(line.startswith("RAY_AUTH_MODE=token ") for line in starts)
    assert any(name.endswith(".ray/auth_token") for name in described["file_mounts"])


def test_the_head_paints_nothing_and_machines_come_as_they_are_needed(described: dict[str, Any]) -> None:
    kinds = described["available_node_types"]
    assert kinds[described["head_node_type"]]["resources"]["CPU"] == 0
    [painter] = [kind for name, kind in kinds.items() if name != described["head_node_type"]]
    assert painter["resources"]["GPU"] == 1
    assert painter["min_workers"] < painter["max_workers"] <= described["max_workers"]
