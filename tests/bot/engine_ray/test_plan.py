"""What of a cluster each painter has, and what of our environment the cluster sees: without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import doctor
from bot.app import opened, plan_of
from bot.config import load
from bot.core.errors import ConfigError
from bot.engine_process.command import clean_environment
from bot.engine_ray import frames
from bot.engine_ray.cluster import Needs, Node, needs
from bot.engine_ray.engine import RayEngine, link_environment
from bot.engine_ray.painter import for_the_engine
from engine import wire
from tests.bot.engine_ray.harness import with_ray


def nodes(*sizes: tuple[int, int]) -> list[Node]:
    return [Node(str(number), "10.0.0.1", cpus, gpus) for number, (cpus, gpus) in enumerate(sizes)]


@pytest.mark.parametrize(
    ("machines", "workers", "settings", "wanted"),
    [
        ([(8, 0)], 2, {}, Needs(4, 0)),
        ([(8, 0), (4, 0)], 3, {}, Needs(4, 0)),
        ([(8, 0), (3, 0)], 3, {}, Needs(3, 0)),
        ([(0, 0), (8, 0), (4, 0)], 0, {}, Needs(4, 0)),
        ([(2, 0)], 8, {}, Needs(1, 0)),
        ([(8, 0)], 2, {"threads": 3}, Needs(3, 0)),
        ([(0, 0), (8, 1)], 4, {}, Needs(1, 1)),
        ([(8, 1)], 4, {"device": "cpu"}, Needs(2, 0)),
        ([(0, 0)], 0, {"device": "cuda"}, Needs(1, 1)),
        ([(0, 0), (8, 2)], 4, {"share": 4}, Needs(1, 0.25)),
        ([(8, 0)], 2, {"share": 4}, Needs(4, 0)),
        ([(0, 0)], 0, {}, Needs(1, 0)),
    ],
)
def test_painters_have_a_gpu_each_or_equal_parts_of_the_cpus(
    machines: list[tuple[int, int]], workers: int, settings: dict, wanted: Needs
) -> None:
    assert needs(nodes(*machines), workers, wire.EngineSettings(**settings)) == wanted


def test_a_cluster_sees_no_secret_of_ours_and_ones_own_asks_for_a_token() -> None:
    environ = {"PATH": "/bin", "IMPASTO_TELEGRAM_TOKEN": "12345:secret", "RAY_AUTH_TOKEN_PATH": "/token"}
    joined = link_environment(environ, own=False)
    assert "IMPASTO_TELEGRAM_TOKEN" not in joined
    assert joined["RAY_AUTH_TOKEN_PATH"] == "/token"
    assert "RAY_AUTH_TOKEN" not in joined
    first, second = (link_environment(environ, own=True) for _ in range(2))
    assert first["RAY_AUTH_MODE"] == "token"
    assert len(first["RAY_AUTH_TOKEN"]) == 64
    assert first["RAY_AUTH_TOKEN"] != second["RAY_AUTH_TOKEN"]


def test_an_engine_on_the_cluster_has_the_memory_and_threads_of_one_beside_the_bot() -> None:
    around = link_environment({"PATH": "/bin"}, own=True) | {"OMP_NUM_THREADS": "1"}
    assert around["GLIBC_TUNABLES"]
    engine = clean_environment(for_the_engine(around))
    assert engine == clean_environment({"PATH": "/bin", "PYTHONPATH": around["PYTHONPATH"]})
    mine = {"GLIBC_TUNABLES": "glibc.malloc.check=1"}
    assert for_the_engine(link_environment(mine, own=True))["GLIBC_TUNABLES"] == mine["GLIBC_TUNABLES"]


def test_the_plan_is_what_is_configured() -> None:
    config = load(None, {}, {"engine.backend": "ray", "engine.workers": "auto", "engine.hang_seconds": 30.0})
    plan = plan_of(config)
    assert plan.workers == 0
    assert plan_of(config, 1).workers == 1
    assert plan.timings.hang_seconds == 30
    assert frames.decode_plan(frames.encode_plan(plan)) == plan
    assert plan.settings.max_photo_mb == config.limits.max_photo_mb
    assert plan.settings.share == 1
    assert plan_of(load(None, {}, {"engine.workers_per_gpu": 3})).settings.share == 3


def test_rays_client_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(ConfigError, match=r"ray start --address"):
        load(None, {}, {"engine.backend": "ray", "engine.address": "ray://head:10001"})


async def test_without_ray_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    config = load(None, {"HOME": str(tmp_path)}, {"engine.backend": "ray"})
    with pytest.raises(ConfigError, match="pip install"):
        async with opened(config, None):
            pass
    [finding] = [found async for found in doctor.cluster(config, plan_of(config))]
    assert finding.verdict == "bad"
    assert "pip install" in finding.text


@with_ray
async def test_where_there_is_no_cluster_the_operator_is_told_where_none_is() -> None:
    async with RayEngine(frames.Plan(address="127.0.0.1:1")) as engine:
        await engine.introduced()
        assert engine.ready is None
        assert engine.workers == ()
        assert "127.0.0.1:1" in engine.trouble
