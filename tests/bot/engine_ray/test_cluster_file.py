"""The ready cluster file is one, as Ray's launcher reads it."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'", exc_type=ImportError)
yaml = pytest.importorskip("yaml")  # Ray brings it


@pytest.fixture(scope="module")
def described(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docs" / "scaling" / "cluster.yaml").read_text("utf-8"))


def test_it_is_what_rays_schema_asks_for(described: dict[str, Any]) -> None:
    schema = json.loads(resources.files("ray").joinpath("autoscaler", "ray-schema.json").read_text("utf-8"))
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
